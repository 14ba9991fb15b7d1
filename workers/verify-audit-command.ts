import { parseArgs } from 'node:util'
import { needOwnStore, readConfig } from '../config.ts'
import type { ChainHead } from '../domain/audit-chain.ts'
import { type ChainCheck, type ChainProblem, type ChainReport, verifyChain } from '../domain/audit-check.ts'
import { closeDb, openDb } from '../prisma/client.ts'

const USAGE = `npm run audit:verify [-- --from <position> --expect <position>:<hash>]

Walks the change log beside the audit chain and names the first row that does not fit.
--from    begins at this position, taking the seal before it for right
--expect  a head that was noted elsewhere, which the chain must have; may be given several times`

const SAY_EVERY = 100_000

try {
  const check = wanted(process.argv.slice(2))
  const { databaseUrl, encryptionKeys } = needOwnStore(readConfig(process.env))
  const db = openDb({
    url: databaseUrl,
    vaultKeys: encryptionKeys,
    max: 2,
    applicationName: 'care-connect audit',
  })
  try {
    const report = await verifyChain(db, check)
    tell(report)
    process.exitCode = report.problem === null ? 0 : 1
  } finally {
    await closeDb(db)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function wanted(args: string[]): ChainCheck {
  const { values } = parseArgs({
    args,
    options: { from: { type: 'string' }, expect: { type: 'string', multiple: true } },
  })
  const from = values.from === undefined ? 1 : positionIn(values.from)
  const expect = (values.expect ?? []).map(headIn)
  if (expect.some(({ position }) => position < from)) throw new Error(USAGE)
  return { from, expect, now: new Date(), progress: said() }
}

function positionIn(text: string): number {
  if (!/^[1-9]\d{0,15}$/.test(text)) throw new Error(USAGE)
  return Number(text)
}

function headIn(text: string): ChainHead {
  const [, position = '', hash = ''] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? []
  return { position: positionIn(position), hash: Buffer.from(hash, 'hex') }
}

function said(): (position: number) => void {
  let next = SAY_EVERY
  return (position) => {
    if (position < next) return
    say(`${number(position)} events`)
    next = position + SAY_EVERY
  }
}

function tell({ problem, checked, waiting, head }: ChainReport): void {
  say(`${number(checked)} events fit their seals, up to ${head.position}:${head.hash.toString('hex')}`)
  if (waiting > 0) say(`${number(waiting)} at the end are not sealed yet.`)
  say(problem === null ? 'The change log is as it was written.' : wordsOf(problem))
}

function wordsOf({ what, position, id }: ChainProblem): string {
  const row = `position ${position}${id === null ? '' : `, event ${id}`}`
  switch (what) {
    case 'added':
      return `ADDED: ${row}: it did not come by the log.`
    case 'changed':
      return `CHANGED: ${row}: it is not what was sealed, or stood elsewhere.`
    case 'missing':
      return `MISSING: ${row}: there is no event where one was.`
    case 'not_sealed':
      return `NOT SEALED: ${row}: no worker has run since, or seals at the end are gone.`
    case 'seal_missing':
      return `SEAL MISSING: ${row}: there are seals behind it.`
    case 'sealed_anew':
      return `SEALED ANEW: ${row}: the head that was noted is another; something at or before it was changed.`
  }
}

function number(count: number): string {
  return count.toLocaleString('en-GB')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
