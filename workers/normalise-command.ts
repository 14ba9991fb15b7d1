import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { needOwnStore, readConfig } from '../config.ts'
import { createReader } from '../connectors/reader.ts'
import { endAskedRun, takeUpRun } from '../domain/asked-runs.ts'
import { DomainError } from '../domain/errors.ts'
import { askNormalisationHere } from '../domain/normalisations.ts'
import { resultsAfter } from '../domain/run-results.ts'
import { type RunRow, runById } from '../domain/runs.ts'
import { checkStore, closeDb, type Db, openDb } from '../prisma/client.ts'
import { defaultPollSettings } from './context.ts'
import { type NormaliseContext, normalise } from './normalise.ts'

const USAGE = `npm run normalise -- <source> [--dry-run]

Derives the cases of a source again from its raw items, with its settings and its mapping of now.
--dry-run  tells each case that would change, and changes nothing`

const AT_A_TIME = 500

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

try {
  const { source, dryRun } = wanted(process.argv.slice(2))
  const { databaseUrl, encryptionKeys } = needOwnStore(readConfig(process.env))
  const db = openDb({
    url: databaseUrl,
    vaultKeys: encryptionKeys,
    max: 4,
    applicationName: 'care-connect normalise',
  })
  const reader = createReader()
  try {
    await checkStore(db)
    const runId = await asked(db, source, dryRun)
    const context = { db, reader, now: () => new Date(), settings: defaultPollSettings, signal: stop.signal }
    const run = await followed(db, source, runId, workOn(context, runId))
    await tell(db, runId, run)
    process.exitCode = run.state === 'succeeded' ? 0 : 1
  } finally {
    await reader.close()
    await closeDb(db)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function wanted(args: string[]): { source: string; dryRun: boolean } {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean' } },
  })
  const [source, ...more] = positionals
  if (source === undefined || more.length > 0) throw new Error(USAGE)
  return { source, dryRun: values['dry-run'] ?? false }
}

async function asked(db: Db, source: string, dryRun: boolean): Promise<number> {
  return askNormalisationHere(db, source, { dryRun, now: new Date() }).catch((error: unknown) => {
    if (error instanceof DomainError) throw new Error(`There is no source "${source}".`)
    throw error
  })
}

/** Does the run here, unless a worker was quicker. */
async function workOn(context: NormaliseContext, runId: number): Promise<void> {
  const { db, now, settings } = context
  const run = await takeUpRun(db, runId, now(), settings.leaseMs)
  if (run === null) return
  const end = await normalise(context, run)
  if (end !== 'lost') await endAskedRun(db, run, end, now())
}

/** The run when it has ended, or this process is to stop; says how far it is until then. */
async function followed(db: Db, source: string, runId: number, work: Promise<void>): Promise<RunRow> {
  let working = true
  const worked = work.finally(() => {
    working = false
  })
  for (let said = -1; ; ) {
    await (working ? Promise.race([worked, sleep(1_000)]) : sleep(1_000))
    const run = await runById(db.pool, source, runId)
    if (run.seen !== said) say(`${number(run.seen)} of ${number(run.total ?? 0)} items`)
    said = run.seen
    if (run.finishedAt !== null) return run
    if (!stop.signal.aborted) continue
    await worked
    return runById(db.pool, source, runId)
  }
}

/** A table of what changes, and the counts. */
async function tell(db: Db, runId: number, run: RunRow): Promise<void> {
  for (let after = 0; ; ) {
    const results = await resultsAfter(db.pool, runId, after, AT_A_TIME)
    const last = results.at(-1)
    if (last === undefined) break
    if (after === 0) say(line('case', 'outcome', 'what'))
    after = last.number
    for (const { caseReference, externalId, outcome, fields, detail } of results)
      say(
        line(caseReference ?? '', outcome, detail === null ? fields.join(', ') : `${externalId}: ${detail}`),
      )
  }
  const counts = (['changed', 'created', 'deleted', 'expired', 'quarantined', 'unchanged'] as const).map(
    (name) => `${number(run[name])} ${name}`,
  )
  say(`${number(run.seen)} items: ${counts.join(', ')}.`)
  if (run.dryRun) say('A dry run: nothing has changed.')
  if (run.finishedAt === null)
    say('It was stopped. What is done stays; a worker goes on with the rest, unless the run is cancelled.')
  else if (run.state !== 'succeeded') say(`It has not succeeded: ${run.detail ?? run.outcome}`)
  else if (run.detail !== null) say(run.detail)
}

function line(theCase: string, outcome: string, what: string): string {
  return `${theCase.padEnd(18)}  ${outcome.padEnd(11)}  ${what}`
}

function number(count: number): string {
  return count.toLocaleString('en-GB')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
