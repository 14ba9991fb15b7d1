import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { needOwnStore, readConfig } from '../config.ts'
import { closeOrganisation, reopenOrganisation } from '../domain/close-organisation.ts'
import { DomainError } from '../domain/errors.ts'
import { KINDS } from '../domain/import-cells.ts'
import { layoutNames } from '../domain/import-layouts.ts'
import {
  createImportHere,
  type ImportDetail,
  importById,
  importRowsAfter,
} from '../domain/import-organisations.ts'
import { getOrganisation } from '../domain/organisations.ts'
import { registerOrganisation } from '../domain/register-organisation.ts'
import { holdOrganisation } from '../domain/registry.ts'
import { checkStore, closeDb, type Db, inTransaction, openDb, type Tx } from '../prisma/client.ts'
import { defaultPollSettings } from './context.ts'
import { importOrganisations } from './import-organisations.ts'

const USAGE = `npm run organisations -- import <file> [--layout <layout>] [--update] [--dry-run]
npm run organisations -- create <code> --name <name> --kind <kind> [--parent <code>] [--commissioner <code>]…
npm run organisations -- close <code> [--successor <code>] [--on <day>] [--sites move|close]
npm run organisations -- reopen <code>

layouts: ${layoutNames.join(', ')}; own if none is named
kinds: ${KINDS.join(', ')}
--update   changes what is registered already, too
--dry-run  says what would become of each row, and changes nothing`

const AT_A_TIME = 1_000
const EVERY_MS = 1_000
const now = () => new Date()

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      layout: { type: 'string', default: 'own' },
      update: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      name: { type: 'string' },
      kind: { type: 'string' },
      parent: { type: 'string' },
      commissioner: { type: 'string', multiple: true },
      successor: { type: 'string' },
      on: { type: 'string' },
      sites: { type: 'string' },
    },
  })
  const [what, of, ...more] = positionals
  if (what === undefined || of === undefined || more.length > 0) throw new Error(USAGE)
  const { databaseUrl, encryptionKeys } = needOwnStore(readConfig(process.env))
  const db = openDb({
    url: databaseUrl,
    vaultKeys: encryptionKeys,
    max: 4,
    applicationName: 'care-connect organisations',
  })
  try {
    await checkStore(db)
    await run(db, what, of, values)
  } finally {
    await closeDb(db)
  }
} catch (error) {
  console.error(wordsOf(error))
  process.exitCode = 1
}

type Values = {
  layout: string
  update: boolean
  'dry-run': boolean
  name?: string
  kind?: string
  parent?: string
  commissioner?: string[]
  successor?: string
  on?: string
  sites?: string
}

async function run(db: Db, what: string, of: string, values: Values): Promise<void> {
  switch (what) {
    case 'import':
      return importFile(db, of, values)
    case 'create':
      return inRegistry(db, of, (tx) => create(tx, of, values))
    case 'close':
      return inRegistry(db, of, (tx) => close(tx, of, values))
    case 'reopen':
      return inRegistry(db, of, async (tx) => reopenOrganisation(tx, null, await holdOrganisation(tx, of)))
    default:
      throw new Error(USAGE)
  }
}

async function create(tx: Tx, code: string, { name, kind, parent, commissioner }: Values): Promise<void> {
  const known = KINDS.find((one) => one === kind)
  if (name === undefined || known === undefined) throw new Error(`--name and --kind are needed.\n${USAGE}`)
  if (!/^[A-Za-z0-9]{1,20}$/.test(code)) throw new Error('A code has 1 to 20 letters and digits.')
  await registerOrganisation(tx, null, {
    code,
    name,
    kind: known,
    ...(parent !== undefined && { parent }),
    ...(commissioner !== undefined && { commissioners: commissioner }),
  })
}

async function close(tx: Tx, code: string, { successor, on, sites }: Values): Promise<void> {
  if (sites !== undefined && sites !== 'move' && sites !== 'close') throw new Error(USAGE)
  if (on !== undefined && !/^\d{4}-\d\d-\d\d$/.test(on)) throw new Error('Write the day like 2026-04-01.')
  await closeOrganisation(tx, null, await holdOrganisation(tx, code), { successor, on, sites }, now())
}

async function inRegistry(db: Db, code: string, work: (tx: Tx) => Promise<void>): Promise<void> {
  await inTransaction(db, work)
  const { code: written, name, kind, active, closedOn, successor, parent } = await getOrganisation(db, code)
  const after = successor === null ? '' : `, succeeded by ${successor.name} (${successor.code})`
  const state = active ? 'open' : `closed since ${closedOn}${after}`
  say(`${written}  ${name}, ${kind}${parent === null ? '' : ` of ${parent.name} (${parent.code})`}: ${state}`)
}

async function importFile(db: Db, path: string, values: Values): Promise<void> {
  const layout = layoutNames.find((one) => one === values.layout)
  if (layout === undefined) throw new Error(`There is no layout "${values.layout}".\n${USAGE}`)
  const bytes = await readFile(path)
  const file = { bytes, layout, update: values.update, dryRun: values['dry-run'] }
  const id = await createImportHere(db, file, now())
  const ended = await followed(db, id)
  await tell(db, id, ended)
  process.exitCode = ended.state === 'succeeded' ? 0 : 1
}

/** Does the import here, unless a worker was quicker; resolves to it when it has ended, or this process is to stop. */
async function followed(db: Db, id: number): Promise<ImportDetail> {
  const quiet = () => undefined
  const log = { info: quiet, warn: (_: object, message: string) => console.error(message), error: quiet }
  for (;;) {
    await importOrganisations({ db, log, now, signal: stop.signal, settings: defaultPollSettings }, id)
    const seen = await importById(db.pool, id)
    if (seen.finishedAt !== null || stop.signal.aborted) return seen
    await sleep(EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined)
  }
}

/** What was not simply taken, line by line, and the counts. */
async function tell(db: Db, id: number, ended: ImportDetail): Promise<void> {
  for (let after = 0; ; ) {
    const rows = await importRowsAfter(db.pool, id, after, { limit: AT_A_TIME })
    for (const { line, code, outcome, fields, detail } of rows) {
      if (outcome === 'unchanged' || (outcome === 'created' && detail === null)) continue
      const what = [fields.join(', '), detail].filter(Boolean).join('. ')
      say(`line ${String(line).padEnd(6)}  ${(code ?? '').padEnd(8)}  ${outcome.padEnd(8)}  ${what}`)
    }
    const last = rows.at(-1)
    if (last === undefined) break
    after = last.line
  }
  const counts = (['created', 'changed', 'unchanged', 'skipped', 'refused'] as const).map(
    (name) => `${ended[name]} ${name}`,
  )
  say(`${ended.rows} rows: ${counts.join(', ')}.`)
  if (ended.dryRun) say('A dry run: nothing has changed.')
  if (ended.state === 'failed') say(`It has not succeeded: ${ended.problem}`)
  else if (ended.finishedAt === null)
    say('It was stopped. What is done stays; a worker goes on with the rest.')
}

function wordsOf(error: unknown): string {
  if (error instanceof DomainError)
    return error.details.detail ?? error.details.errors?.map(({ detail }) => detail).join('\n') ?? error.code
  return error instanceof Error ? error.message : String(error)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
