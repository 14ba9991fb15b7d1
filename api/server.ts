import closeWithGrace from 'close-with-grace'
import { Redis } from 'ioredis'
import { needOwnStore, readConfig } from '../config.ts'
import { applyLedger } from '../domain/apply-ledger.ts'
import { outwardGeocoder } from '../domain/geocoding.ts'
import { openFileLedger } from '../ledger/file-ledger.ts'
import { createLog } from '../log.ts'
import { openGeocoder } from '../net/geocoder.ts'
import { createMetrics } from '../operations/metrics.ts'
import { startConfigured } from '../operations/server.ts'
import { checkStore, closeDb, openDb } from '../prisma/client.ts'
import { createApp } from './app.ts'
import { pressureLimits } from './pressure.ts'
import { stopApi } from './stop.ts'

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
  const ledger =
    config.erasureLedger === undefined ? undefined : openFileLedger(config.erasureLedger, db.vault)
  const applied = await applyLedger(db, ledger ?? null, new Date())
  if (ledger === undefined) log.warn({}, 'without ERASURE_LEDGER nothing can be erased')
  else log.info(applied, 'the ledger of erasures is applied')
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
  const metrics = createMetrics()
  metrics.watchPool(db)
  const app = await createApp({
    db,
    measure: metrics.api,
    pressure: pressureLimits(config.pressure),
    publicUrl,
    logger: log,
    ...(config.trustProxy !== undefined && { trustProxy: config.trustProxy }),
    requestsPerMinute: config.requestsPerMinute,
    intakePerMinute: config.intakePerMinute,
    ...(config.notifyCallbackToken !== undefined && { notifyToken: config.notifyCallbackToken }),
    ...(config.websubHub !== undefined && { hub: config.websubHub }),
    service: config.service,
    ...(geocoding !== undefined && { geocoder: geocoding.geocoder }),
    ...(ledger !== undefined && { ledger }),
    ...(redis !== undefined && { rateLimitRedis: redis }),
  })
  // Only now: the process was too busy with its routes to answer within the time that a command has.
  await redis?.connect().catch(() => undefined)
  const operations = await startConfigured(config, { metrics })
  await app.listen({ host: config.host, port })
  log.info({ host: config.host, port }, 'api listens')

  const drainMs = config.drainSeconds * 1_000
  closeWithGrace({ delay: drainMs + 18_000, logger: { error: () => undefined } }, async ({ err }) => {
    if (err !== undefined) log.error({ err }, 'the api stops after an error')
    await stopApi(app, { drainMs: err === undefined ? drainMs : 0 })
    await operations?.close()
    await geocoding?.close()
    redis?.disconnect()
    await closeDb(db, 3_000)
    log.info({}, 'api stopped')
  })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
