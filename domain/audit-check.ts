import { row, rows, type Sql } from '../prisma/client.ts'
import { type ChainedEvent, type ChainHead, chainHead, eventsAfter, sealAfter } from './audit-chain.ts'

/** What does not fit, and the row: the first one in the order of the log. */
export type ChainProblem = {
  what: 'added' | 'changed' | 'missing' | 'not_sealed' | 'seal_missing' | 'sealed_anew'
  position: number
  /** Of the event; null where there is none. */
  id: number | null
}

export type ChainReport = {
  problem: ChainProblem | null
  /** So many events fit their seals. */
  checked: number
  /** So many at the end are not sealed yet. */
  waiting: number
  /** The last seal that was looked at. */
  head: ChainHead
}

export type ChainCheck = {
  /** Begins at this position, taking the seal before it for right. */
  from?: number
  /** Heads that were noted elsewhere: the chain must have them. */
  expect?: readonly ChainHead[]
  now: Date
  batch?: number
  /** Hears how far it is. */
  progress?: (position: number) => void
}

const BATCH = 2_000
// Sealing takes seconds; the events of a large store that is new to it, some minutes.
const SEALED_WITHIN_MS = 3_600_000

/**
 * Walks the change log beside its seals, a batch at a time, up to where the log ends now, and says what is the first row
 * that does not fit. What comes meanwhile is left to the next time.
 */
export async function verifyChain(db: { pool: Sql }, check: ChainCheck): Promise<ChainReport> {
  const { from = 1, batch = BATCH, progress = () => undefined } = check
  const end = await chainEnd(db.pool)
  const walk = await startWalk(db.pool, from, check)
  if (walk.report.problem === null) walk.report.problem = await strayEvent(db.pool, 'position < 1')
  while (walk.report.problem === null && walk.at < end) {
    const events = await eventsAfter(db.pool, walk.at, Math.min(batch, end - walk.at))
    const until = events.at(-1)?.position ?? end
    const seals = await sealsBetween(db.pool, walk.at, until)
    const inLog = events.filter(({ position }) => position <= end)
    walk.report.problem = walkOver(walk, { events: inLog, seals, until: Math.min(until, end) })
    progress(walk.at)
  }
  const { report } = walk
  report.problem ??= await afterTheEnd(db.pool, walk, end)
  return report
}

type Walk = {
  /** The last position that was looked at. */
  at: number
  hash: Buffer
  /** Where the seals end. */
  sealedTo: number
  expected: ReadonlyMap<number, Buffer>
  /** No event made before this is still without its seal. */
  sealedBefore: string
  report: ChainReport
}

type Stretch = { events: readonly ChainedEvent[]; seals: ReadonlyMap<number, Buffer>; until: number }

async function startWalk(sql: Sql, from: number, { expect = [], now }: ChainCheck): Promise<Walk> {
  const before = (await sealsBetween(sql, from - 2, from - 1)).get(from - 1)
  const start = { position: from - 1, hash: before ?? Buffer.alloc(32) }
  const problem: ChainProblem | null =
    from > 1 && before === undefined ? { what: 'seal_missing', position: from - 1, id: null } : null
  return {
    at: start.position,
    hash: start.hash,
    sealedTo: (await chainHead(sql)).position,
    expected: new Map(expect.map(({ position, hash }) => [position, hash])),
    sealedBefore: new Date(now.getTime() - SEALED_WITHIN_MS).toISOString(),
    report: { problem, checked: 0, waiting: 0, head: start },
  }
}

function walkOver(walk: Walk, { events, seals, until }: Stretch): ChainProblem | null {
  for (const event of events) {
    const position = walk.at + 1
    // Positions have no gaps.
    if (event.position !== position) return { what: 'missing', position, id: null }
    const what = wrongWith(walk, event, seals.get(position))
    if (what !== null) return { what, position, id: event.id }
    walk.at = position
  }
  return walk.at < until ? { what: 'missing', position: walk.at + 1, id: null } : null
}

function wrongWith(walk: Walk, event: ChainedEvent, seal: Buffer | undefined): ChainProblem['what'] | null {
  const { position, at } = event
  const expected = walk.expected.get(position)
  // Once one waits, so do those behind it: what is sealed meanwhile is for the next time.
  if (seal === undefined || walk.report.waiting > 0) {
    if (position <= walk.sealedTo) return 'seal_missing'
    if (expected !== undefined || at < walk.sealedBefore) return 'not_sealed'
    walk.report.waiting += 1
    return null
  }
  if (!sealAfter(walk.hash, event).equals(seal)) return 'changed'
  if (expected !== undefined && !expected.equals(seal)) return 'sealed_anew'
  walk.hash = seal
  walk.report.checked += 1
  walk.report.head = { position, hash: seal }
  return null
}

// The end may have been cut off, or something put behind it by hand.
async function afterTheEnd(sql: Sql, walk: Walk, end: number): Promise<ChainProblem | null> {
  const beyond = [...walk.expected.keys()].filter((position) => position > end)
  if (beyond.length > 0) return { what: 'missing', position: end + 1, id: null }
  const stray = await row<{ position: number }>(
    sql,
    `select position from event_seals s where position > (select placed from log_state) order by position limit 1`,
  )
  if (stray !== undefined) return { what: 'missing', position: stray.position, id: null }
  return strayEvent(sql, 'position > (select placed from log_state)')
}

async function strayEvent(sql: Sql, where: string): Promise<ChainProblem | null> {
  const found = await row<{ position: number; id: number }>(
    sql,
    `select position, id from events where ${where} order by position limit 1`,
  )
  return found === undefined ? null : { what: 'added', ...found }
}

async function chainEnd(sql: Sql): Promise<number> {
  const found = await row<{ placed: number }>(sql, 'select placed from log_state')
  if (found === undefined) throw new Error('the row of log_state is missing')
  return found.placed
}

async function sealsBetween(sql: Sql, after: number, until: number): Promise<Map<number, Buffer>> {
  const found = await rows<ChainHead>(
    sql,
    'select position, hash from event_seals where position > $1 and position <= $2 order by position',
    [after, until],
    'seals-between',
  )
  return new Map(found.map(({ position, hash }) => [position, hash]))
}
