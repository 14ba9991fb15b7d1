import { parseArgs } from 'node:util'
import { type Config, needOwnStore, readConfig } from '../config.ts'
import { resealLedger } from '../domain/apply-ledger.ts'
import { countSealed, firstKeyOf, type KeyCount, type ResealedColumn, resealAll } from '../domain/reseal.ts'
import { openFileLedger } from '../ledger/file-ledger.ts'
import { checkStore, closeDb, type Db, openDb } from '../prisma/client.ts'

const USAGE = `npm run keys:rotate [-- --dry-run]

Seals with the first of ENCRYPTION_KEYS all that is sealed with another, so that the others can go.
--dry-run  counts what is sealed with which key, and changes nothing`

// What is held by somebody, or written by a process that does not have the new keys yet, is met again.
const MOST_ROUNDS = 5

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

try {
  const dryRun = wanted(process.argv.slice(2))
  const config = readConfig(process.env)
  const { databaseUrl, encryptionKeys } = needOwnStore(config)
  const db = openDb({
    url: databaseUrl,
    vaultKeys: encryptionKeys,
    max: 2,
    applicationName: 'care-connect keys',
  })
  try {
    await checkStore(db)
    process.exitCode = dryRun ? await count(db) : await rotate(db, config)
  } finally {
    await closeDb(db)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function wanted(args: string[]): boolean {
  try {
    const { values } = parseArgs({ args, options: { 'dry-run': { type: 'boolean' } } })
    return values['dry-run'] ?? false
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${USAGE}`)
  }
}

async function count(db: Db): Promise<number> {
  const counts = await countSealed(db.pool)
  for (const one of counts) say(lineOf(one))
  say(
    `The first key is ${firstKeyOf(db.vault)}; ${number(sum(otherThanFirst(db, counts)))} texts are under another.`,
  )
  say('A dry run: nothing has changed.')
  return 0
}

async function rotate(db: Db, config: Config): Promise<number> {
  const first = firstKeyOf(db.vault)
  for (let round = 1; ; round++) {
    const done = await resealAll(db, { signal: stop.signal, progress: said() })
    if (stop.signal.aborted) {
      say('It was stopped. What is done stays; run it again for the rest.')
      return 1
    }
    const left = otherThanFirst(db, await countSealed(db.pool))
    const unreadable = done.reduce((all, one) => all + one.unreadable, 0)
    if (left.length === 0) break
    if (unreadable >= sum(left) || round === MOST_ROUNDS) return tellLeft(left, unreadable)
  }
  await rotateLedger(db, config)
  say(`All that is sealed is under the key ${first}. The others can go, but for what opens older backups.`)
  return 0
}

async function rotateLedger(db: Db, { erasureLedger }: Config): Promise<void> {
  if (erasureLedger === undefined) return
  const done = await resealLedger(db, openFileLedger(erasureLedger, db.vault), new Date())
  if (done) say('The key of the ledger of erasures is sealed anew.')
}

function tellLeft(left: readonly KeyCount[], unreadable: number): number {
  for (const one of left) say(lineOf(one))
  if (unreadable > 0)
    say(`${number(unreadable)} texts are opened by none of the keys. Set the key that they are under, too.`)
  else
    say(
      'Some process writes with an old key still: restart all of them with the new keys, and run this again.',
    )
  say('The old keys must stay.')
  return 1
}

function otherThanFirst(db: Db, counts: readonly KeyCount[]): KeyCount[] {
  const first = firstKeyOf(db.vault)
  return counts.filter(({ key }) => key !== first)
}

function said(): (column: ResealedColumn) => void {
  let last = 0
  return ({ table, column, resealed }) => {
    if (Date.now() - last < 1_000) return
    last = Date.now()
    say(`${table}.${column}: ${number(resealed)}`)
  }
}

function lineOf({ table, column, key, texts }: KeyCount): string {
  return `${`${table}.${column}`.padEnd(40)}  ${key.padEnd(20)}  ${number(texts)}`
}

function sum(counts: readonly KeyCount[]): number {
  return counts.reduce((all, { texts }) => all + texts, 0)
}

function number(count: number): string {
  return count.toLocaleString('en-GB')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
