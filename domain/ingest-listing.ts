import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import { holdSource } from './ingest-items.ts'
import { type Removal, removeItems } from './ingest-removals.ts'

/** Notes which items a walk through a whole listing has found; `listedAt` is when the walk began. */
export async function noteListed(
  tx: Tx,
  sourceId: number,
  keys: readonly string[],
  listedAt: Date,
): Promise<void> {
  await rows(
    tx,
    `update items set listed_at = $3, missed_at = null
     where source_id = $1 and external_id = any($2::text[]) and state <> 'deleted' and listed_at is distinct from $3`,
    [sourceId, keys, listedAt],
    'note-listed',
  )
}

/** Forgets what listings of a source have lacked, in the caller's transaction. */
export async function forgetMissed(tx: Tx, sourceId: number): Promise<void> {
  await rows(
    tx,
    'update items set missed_at = null where source_id = $1 and missed_at is not null',
    [sourceId],
    'forget-missed',
  )
}

/** What a whole listing lacks: how many items were taken back, and how many wait for a person as they are too many. */
export type Gone = { removed: number; waiting: number }

/**
 * After a source was asked for everything there is: what it lacks for the second time in a row is taken back. The same
 * listing again, `walkFrom` null, counts as a second time. Where more is missing than the source may lose at once,
 * nothing is taken back until it is there again or a person has raised the limit, and the source says so.
 */
export async function takeBackGone(
  db: Db,
  sourceId: number,
  { walkFrom, now }: { walkFrom: Date | null; now: Date },
): Promise<Gone> {
  const waiting =
    walkFrom === null ? await tooManyBefore(db, sourceId) : await countTooMany(db, sourceId, walkFrom)
  let removed = 0
  let batch = waiting > 0 ? 0 : BATCH
  while (batch === BATCH) {
    batch = await inTransaction(db, (tx) => removeBatch(tx, sourceId, walkFrom, now))
    removed += batch
  }
  if (walkFrom !== null) await noteMissing(db, sourceId, walkFrom, now)
  return { removed, waiting }
}

const BATCH = 500
/** So few may always go, unless nothing would be left: the half of a list of two is no accident, an empty list may be. */
const ALWAYS_FEW = 10

// What was pushed is in no listing.
const LISTED = `source_id = $1 and state <> 'deleted' and read_by not in ('pushed', 'text')`
const NOT_LISTED = `${LISTED} and (listed_at is null or listed_at < $2)`

/** How many the listing of before lacked too many. */
async function tooManyBefore(db: Db, sourceId: number): Promise<number> {
  const source = await row<{ waiting: number }>(
    db.pool,
    'select coalesce(gone_waiting, 0) as waiting from sources where id = $1',
    [sourceId],
    'too-many-before',
  )
  return source?.waiting ?? 0
}

/** How many are missing if those are too many to go at once, or 0; the source keeps it for a person to see. */
async function countTooMany(db: Db, sourceId: number, walkFrom: Date): Promise<number> {
  const counted = await row<{ missing: number; all: number; limit: number }>(
    db.pool,
    `select count(*) filter (where listed_at is null or listed_at < $2)::int as missing, count(*)::int as all,
       (select gone_limit_percent from sources where id = $1) as limit
     from items where ${LISTED}`,
    [sourceId, walkFrom],
    'count-missing',
  )
  const { missing, all, limit } = counted as { missing: number; all: number; limit: number }
  const tooMany = missing * 100 > all * limit && (missing > ALWAYS_FEW || missing === all)
  const waiting = tooMany ? missing : 0
  await rows(
    db.pool,
    `update sources set gone_waiting = nullif($2::int, 0)
     where id = $1 and gone_waiting is distinct from nullif($2::int, 0)`,
    [sourceId, waiting],
    'note-too-many-missing',
  )
  return waiting
}

async function removeBatch(tx: Tx, sourceId: number, walkFrom: Date | null, now: Date): Promise<number> {
  const source = await holdSource(tx, sourceId)
  if (source === undefined) return 0
  const gone = await rows<Omit<Removal, 'reason'>>(
    tx,
    `select external_id as "externalId", case_id as "caseId", response_id as "responseId" from items
     where ${LISTED} and missed_at is not null
       and ($2::timestamptz is null or (missed_at < $2 and (listed_at is null or listed_at < $2)))
     order by id limit ${BATCH}`,
    [sourceId, walkFrom],
    'gone-items',
  )
  await removeItems(
    tx,
    source,
    gone.map((item) => ({ ...item, reason: 'gone' })),
    now,
  )
  return gone.length
}

async function noteMissing(db: Db, sourceId: number, walkFrom: Date, now: Date): Promise<void> {
  await rows(
    db.pool,
    `update items set missed_at = $3 where ${NOT_LISTED} and missed_at is null`,
    [sourceId, walkFrom, now],
    'note-missing',
  )
}
