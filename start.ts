// Everything in one process: for trying it out on an embedded store, or small and whole on one of yours.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import closeWithGrace from 'close-with-grace'
import { createApp } from './api/app.ts'
import { pressureLimits } from './api/pressure.ts'
import { stopApi } from './api/stop.ts'
import { type Config, needOwnStore, readConfig } from './config.ts'
import { applyLedger } from './domain/apply-ledger.ts'
import { type Geocoder, outwardGeocoder } from './domain/geocoding.ts'
import { ORGANISATIONS } from './examples/provider/organisations.ts'
import { startProvider } from './examples/provider/server.ts'
import { openFileLedger } from './ledger/file-ledger.ts'
import { createLog, terminalLines } from './log.ts'
import { openGeocoder } from './net/geocoder.ts'
import { createMetrics } from './operations/metrics.ts'
import { startConfigured } from './operations/server.ts'
import { checkStore, closeDb, type Db, openDb } from './prisma/client.ts'
import { startEmbedded } from './prisma/embedded.ts'
import { applyMigrations } from './prisma/engine.ts'
import { type DemoKeys, isSeeded, pointExampleSources, seedDemonstration } from './prisma/seed.ts'
import { newVaultKey } from './prisma/vault.ts'
import { type MailSettings, mailSettings } from './workers/mail/mailer.ts'
import { startWorkers } from './workers/start.ts'

type Store = {
  databaseUrl: string
  encryptionKeys: string
  dataFolder: string | null
  /** Nothing can be erased without it. */
  erasureLedger: string | undefined
  stop: () => Promise<void>
}
type Closing = Array<() => Promise<void>>

const CLONE = import.meta.dirname
const API_PORT = 3000
const OPERATIONS_PORT = 9464
const PROVIDER_PORT = 4010

const closing: Closing = []
try {
  await start(readConfig(process.env), closing)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await closeAll(closing)
  process.exit(1)
}

async function start(config: Config, closing: Closing): Promise<void> {
  const store = await openStore(config)
  closing.push(store.stop)
  await applyMigrations(store.databaseUrl)
  const db = openDb({
    url: store.databaseUrl,
    vaultKeys: store.encryptionKeys,
    max: config.databaseConnections,
    applicationName: 'care-connect',
  })
  closing.push(() => closeDb(db, 3_000))
  await checkStore(db)
  const ledger = store.erasureLedger === undefined ? undefined : openFileLedger(store.erasureLedger, db.vault)
  await applyLedger(db, ledger ?? null, new Date())

  const log = createLog(config.logLevel, terminalLines(process.stdout))
  const port = config.port ?? (await freePort(config.host, API_PORT))
  const url = `http://${config.host}:${port}`
  const demonstration = store.dataFolder === null ? null : await openDemonstration(db, closing)

  const mail = mailsOf(config, store)
  const geocoder = openConfiguredGeocoder(config, url, log, closing)
  const metrics = createMetrics()
  metrics.watchPool(db)
  const operations = {
    operationsHost: config.operationsHost,
    operationsPort: config.operationsPort ?? (await freePort(config.operationsHost, OPERATIONS_PORT)),
  }
  const app = await createApp({
    db,
    measure: metrics.api,
    pressure: pressureLimits(config.pressure),
    publicUrl: config.publicUrl ?? url,
    logger: log,
    ...(config.trustProxy !== undefined && { trustProxy: config.trustProxy }),
    requestsPerMinute: config.requestsPerMinute,
    intakePerMinute: config.intakePerMinute,
    ...(config.notifyCallbackToken !== undefined && { notifyToken: config.notifyCallbackToken }),
    ...(config.websubHub !== undefined && { hub: config.websubHub }),
    service: demonstration === null ? config.service : withInvented(config.service),
    ...(geocoder !== undefined && { geocoder }),
    ...(ledger !== undefined && { ledger }),
  })
  closing.push(() => stopApi(app))
  printTable([
    ['API', url],
    ['Reference', `${url}/docs`],
    ['Data', store.dataFolder ?? 'in the PostgreSQL of DATABASE_URL'],
    ...(demonstration === null ? [] : keyRows(demonstration.keys, demonstration.keysFile)),
    [
      'Workers',
      `look for due sources every ${config.pollEverySeconds} s; the queue is on ${config.redisUrl === undefined ? 'the same PostgreSQL' : 'Redis'}`,
    ],
    ['Mails', mailsRow(mail)],
    ['Operations', `http://${operations.operationsHost}:${operations.operationsPort}/metrics and /queues`],
    ...(demonstration === null
      ? []
      : [['Example provider', `${demonstration.providerUrl}, a new invented story every 20 s`] as Row]),
    ['Stop', 'Ctrl-C; npm start goes on with the same data'],
  ])
  await app.listen({ host: config.host, port })

  const workers = await startWorkers({
    db,
    measure: metrics.worker,
    queue:
      config.redisUrl === undefined
        ? { kind: 'postgres', url: store.databaseUrl, max: 6 }
        : { kind: 'redis', url: config.redisUrl },
    log,
    userAgent: `care-connect/0.1 (+${config.publicUrl ?? url})`,
    publicUrl: config.publicUrl ?? url,
    allowPrivate: [
      ...config.allowPrivate,
      ...(demonstration === null ? [] : [new URL(demonstration.providerUrl).host]),
    ],
    gapMs: config.pollGapMs,
    pollEveryMs: config.pollEverySeconds * 1_000,
    pollsAtOnce: config.pollsAtOnce,
    ...(config.websubHub !== undefined && { hub: config.websubHub }),
    mail,
    // Nobody else works on an embedded store: what a killed process had claimed is free again.
    alone: store.dataFolder !== null,
  })
  closing.push(() => workers.stop())
  const served = await startConfigured(operations, {
    metrics,
    dashboard: { db, queues: workers.queues, log },
  })
  closing.push(async () => served?.close())

  closeWithGrace({ delay: 40_000, logger: { error: () => undefined } }, async ({ err }) => {
    if (err !== undefined) log.error({ err }, 'stopping after an error')
    await closeAll(closing)
    process.stdout.write('Stopped. The data stay where they are.\n')
  })
}

function openConfiguredGeocoder(
  { geocoderUrl, allowPrivate, publicUrl }: Config,
  url: string,
  log: ReturnType<typeof createLog>,
  closing: Closing,
): Geocoder | undefined {
  if (geocoderUrl === undefined) return undefined
  const { geocoder, close } = openGeocoder({
    url: geocoderUrl,
    allowPrivate,
    userAgent: `care-connect/0.1 (+${publicUrl ?? url})`,
    otherwise: outwardGeocoder,
    failed: (reason) => log.warn({ reason }, 'the geocoder does not answer'),
  })
  closing.push(close)
  return geocoder
}

function mailsOf(config: Config, { dataFolder }: Store): MailSettings {
  if (dataFolder === null) return mailSettings(config)
  const onCallEmail = config.onCallEmail ?? 'on-call@example.org'
  const nationalContactEmail = config.nationalContactEmail ?? 'national-contact@example.org'
  return mailSettings({ ...config, onCallEmail, nationalContactEmail }, join(dataFolder, 'mails'))
}

async function openStore(config: Config): Promise<Store> {
  if (config.production || config.databaseUrl !== undefined) {
    const { erasureLedger } = config
    return { ...needOwnStore(config), dataFolder: null, erasureLedger, stop: async () => undefined }
  }
  const embedded = await startEmbedded({ folder: CLONE, purpose: 'data' })
  const folder = dirname(embedded.dataFolder)
  return {
    databaseUrl: embedded.url,
    encryptionKeys:
      config.encryptionKeys ?? keptSecret(join(folder, 'encryption-keys'), () => newVaultKey('embedded')),
    dataFolder: folder,
    erasureLedger: config.erasureLedger ?? join(folder, 'erasure-ledger'),
    stop: embedded.stop,
  }
}

// Numbers that Ofcom keeps for plays and films.
function withInvented(service: Config['service']): Config['service'] {
  return {
    ...service,
    telephone: service.telephone ?? '020 7946 0100',
    textNumber: service.textNumber ?? '020 7946 0101',
    email: service.email ?? 'help@care-connect.example.org',
    hours: service.hours ?? 'Monday to Friday, 9 to 17 (invented)',
  }
}

type Demonstration = { keys: Row[]; keysFile: string; providerUrl: string }

async function openDemonstration(db: Db, closing: Closing): Promise<Demonstration> {
  // Always the same address, if it is free: the provider's links begin with it, and a changed link is a changed item.
  const provider = await startProvider({
    port: await freePort('127.0.0.1', PROVIDER_PORT),
    host: '127.0.0.1',
  })
  closing.push(provider.close)
  const example = { url: provider.url, organisations: ORGANISATIONS }
  const keysFile = join(CLONE, '.data', 'demo-keys')
  // The keys' file is written last: where it is, everything else was done.
  if (!existsSync(keysFile) || !(await isSeeded(db))) {
    writeKeys(keysFile, await seedDemonstration(db, example, new Date()))
  }
  await pointExampleSources(db, example)
  return { keys: readKeys(keysFile), keysFile, providerUrl: provider.url }
}

/** A secret that is made once and kept where only its owner reads it. */
function keptSecret(file: string, make: () => string): string {
  if (!existsSync(file)) writeWhole(file, make())
  return readFileSync(file, 'utf8').trim()
}

function writeKeys(file: string, keys: DemoKeys): void {
  mkdirSync(dirname(file), { recursive: true })
  const lines = Object.entries(keys).map(([role, key]) => `${role.toUpperCase()}_KEY=${key}\n`)
  writeWhole(file, lines.join(''))
}

/** The file is there with all that is in it, or not at all, also when the power goes. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.draft`
  rmSync(draft, { force: true })
  const descriptor = openSync(draft, 'wx', 0o600)
  writeFileSync(descriptor, text)
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(draft, file)
}

function readKeys(file: string): Row[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.map((line) => {
    const [name = '', key = ''] = line.split('=')
    return [name, key]
  })
}

function mailsRow(mail: MailSettings): string {
  switch (mail.kind) {
    case 'smtp':
      return 'to the server of SMTP_URL'
    case 'notify':
      return 'to GOV.UK Notify'
    case 'folder':
      return `as files in ${mail.folder}`
    case 'none':
      return 'to nobody: there is no SMTP_URL and no NOTIFY_API_KEY'
  }
}

function keyRows(keys: readonly Row[], file: string): Row[] {
  return [['Demo keys', `in ${file}`], ...keys.map(([name, key]): Row => [`  ${name}`, key])]
}

type Row = [name: string, value: string]

function printTable(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  process.stdout.write(`\n${rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`).join('\n')}\n\n`)
}

/** The wanted port if nobody has it, else any that is free. */
function freePort(host: string, wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' && wanted !== 0 ? resolve(freePort(host, 0)) : reject(error),
    )
    probe.listen(wanted, host, () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

/** Ends what was started, the last first; one that fails does not keep the others running. */
async function closeAll(closing: Closing): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close().catch(() => undefined)
}
