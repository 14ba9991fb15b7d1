import closeWithGrace from 'close-with-grace'
import { needOwnStore, readConfig } from '../config.ts'
import { applyLedger } from '../domain/apply-ledger.ts'
import { openFileLedger } from '../ledger/file-ledger.ts'
import { createLog } from '../log.ts'
import { createMetrics } from '../operations/metrics.ts'
import { startConfigured } from '../operations/server.ts'
import { checkStore, closeDb, openDb } from '../prisma/client.ts'
import { mailSettings } from './mail/mailer.ts'
import { startWorkers } from './start.ts'

try {
  const config = readConfig(process.env)
  const { databaseUrl, encryptionKeys } = needOwnStore(config)
  const log = createLog(config.logLevel)
  const db = openDb({
    url: databaseUrl,
    vaultKeys: encryptionKeys,
    max: config.databaseConnections,
    applicationName: 'care-connect worker',
  })
  await checkStore(db)
  const ledger = config.erasureLedger === undefined ? null : openFileLedger(config.erasureLedger, db.vault)
  const applied = await applyLedger(db, ledger, new Date())
  if (ledger !== null) log.info(applied, 'the ledger of erasures is applied')
  const mail = mailSettings(config)
  if (mail.kind === 'none') log.warn({}, 'without SMTP_URL or NOTIFY_API_KEY nobody is told anything')
  if (mail.onCall === null) log.warn({}, 'without ON_CALL_EMAIL nobody is told of an urgent case')
  if (mail.nationalContact === null)
    log.warn(
      {},
      'without NATIONAL_CONTACT_EMAIL nobody is told of an escalation of what is commissioned nationally',
    )
  const metrics = createMetrics()
  metrics.watchPool(db)
  const workers = await startWorkers({
    db,
    measure: metrics.worker,
    queue:
      config.redisUrl === undefined
        ? { kind: 'postgres', url: databaseUrl, max: 6 }
        : { kind: 'redis', url: config.redisUrl },
    log,
    userAgent: `care-connect/0.1 (+${config.publicUrl ?? 'no address set'})`,
    ...(config.publicUrl !== undefined && { publicUrl: config.publicUrl }),
    allowPrivate: config.allowPrivate,
    gapMs: config.pollGapMs,
    pollEveryMs: config.pollEverySeconds * 1_000,
    pollsAtOnce: config.pollsAtOnce,
    ...(config.websubHub !== undefined && { hub: config.websubHub }),
    mail,
  })
  const operations = await startConfigured(config, {
    metrics,
    dashboard: { db, queues: workers.queues, log },
  })
  log.info({ queue: config.redisUrl === undefined ? 'postgresql' : 'redis' }, 'worker started')

  closeWithGrace({ delay: 20_000, logger: { error: () => undefined } }, async ({ err }) => {
    if (err !== undefined) log.error({ err }, 'the worker stops after an error')
    await operations?.close()
    await workers.stop()
    await closeDb(db, 3_000)
    log.info({}, 'worker stopped')
  })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
