import closeWithGrace from 'close-with-grace'
import { Redis } from 'ioredis'
import { needOwnStore, readConfig } from '../config.ts'
import { outwardGeocoder } from '../domain/geocoding.ts'
import { createLog } from '../log.ts'
import { openGeocoder } from '../net/geocoder.ts'
import { checkStore, closeDb, openDb } from '../prisma/client.ts'
import { createApp } from './app.ts'

try {
  const config = readConfig(process.env)
  const { databaseUrl, encryptionKeys } = needOwnStore(config)
  const log = createLog(config.logLevel)
  const db = openDb({
    url: databaseUrl,
    vaultKeys: encryptionKeys,
    max: config.databaseConnections,
    applicationName: 'care-connect api',
  })
  await checkStore(db)
  // Fails fast: a dead Redis must not hold requests up.
  const redis =
    config.redisUrl === undefined
      ? undefined
      : new Redis(config.redisUrl, {
          lazyConnect: true,
          enableReadyCheck: false,
          enableOfflineQueue: false,
          maxRetriesPerRequest: 1,
          connectTimeout: 500,
          commandTimeout: 200,
        })
  redis?.on('error', (err) => log.warn({ err }, 'the redis that counts requests does not answer'))

  const port = config.port ?? 3000
  const publicUrl = config.publicUrl ?? `http://${config.host}:${port}`
  const geocoding =
    config.geocoderUrl === undefined
      ? undefined
      : openGeocoder({
          url: config.geocoderUrl,
          allowPrivate: config.allowPrivate,
          userAgent: `care-connect/0.1 (+${publicUrl})`,
          otherwise: outwardGeocoder,
          failed: (reason) => log.warn({ reason }, 'the geocoder does not answer'),
        })
  const app = await createApp({
    db,
    publicUrl,
    logger: log,
    ...(config.trustProxy !== undefined && { trustProxy: config.trustProxy }),
    requestsPerMinute: config.requestsPerMinute,
    intakePerMinute: config.intakePerMinute,
    service: config.service,
    ...(geocoding !== undefined && { geocoder: geocoding.geocoder }),
    ...(redis !== undefined && { rateLimitRedis: redis }),
  })
  // Only now: the process was too busy with its routes to answer within the time that a command has.
  await redis?.connect().catch(() => undefined)
  await app.listen({ host: config.host, port })
  log.info({ host: config.host, port }, 'api listens')

  closeWithGrace({ delay: 15_000, logger: { error: () => undefined } }, async ({ err }) => {
    if (err !== undefined) log.error({ err }, 'the api stops after an error')
    await app.close()
    await geocoding?.close()
    redis?.disconnect()
    await closeDb(db)
    log.info({}, 'api stopped')
  })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
