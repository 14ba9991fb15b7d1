import { createHash } from 'node:crypto'
import { type Db, inTransaction, row, rows, type Sql } from '../prisma/client.ts'

/** A line of the change log as it is sealed. */
export type ChainedEvent = {
  position: number
  id: number
  type: string
  at: string
  caseId: number | null
  caseReference: string | null
  organisationId: number | null
  sourceId: number | null
  clientId: number | null
  actingUser: string | null
  reason: string | null
  fields: readonly (string | null)[] | null
  caseVersion: number | null
  aboutClientId: number | null
  /** As PostgreSQL writes its jsonb. */
  tells: string | null
}

/** How far the chain goes, and its last hash; nobody can write it anew below and arrive at the same one. */
export type ChainHead = { position: number; hash: Buffer }

/** What one step has sealed, and where the chain stands after it. */
export type SealedStep = { sealed: number; head: ChainHead }

const BATCH = 1_000
const NOTHING: ChainHead = { position: 0, hash: Buffer.alloc(32) }
const SEAL_LOCK = `hashtext('care_connect audit chain')`

/**
 * The text of an event over which it is sealed: netstrings (octets, colon, text, comma) of these fields in this order, `-,`
 * for null. The format never changes; `v1` would.
 */
export function eventText(event: ChainedEvent): string {
  return [
    ...['v1', event.position, event.id, event.type, event.at, event.caseId, event.caseReference],
    ...[event.organisationId, event.sourceId, event.clientId, event.actingUser, event.reason],
    event.fields === null ? null : event.fields.map(netstring).join(''),
    ...[event.caseVersion, event.aboutClientId, event.tells],
  ]
    .map(netstring)
    .join('')
}

/** The hash of an event that comes after another: SHA-256 over the 32 bytes of the one before and the event's text. */
export function sealAfter(before: Buffer, event: ChainedEvent): Buffer {
  return createHash('sha256').update(before).update(eventText(event)).digest()
}

/**
 * Seals the next events that have a position, in their order. What the hashes are follows from the events alone, so that it
 * does not matter who does it, how often, or who is killed meanwhile; somebody else who is at it is left to it.
 */
export async function sealSome(db: Db, batch = BATCH): Promise<SealedStep> {
  return inTransaction(db, async (tx) => {
    const lock = await row<{ mine: boolean }>(tx, `select pg_try_advisory_xact_lock(${SEAL_LOCK}) as mine`)
    const head = await chainHead(tx)
    if (lock?.mine !== true) return { sealed: 0, head }
    const events = await eventsAfter(tx, head.position, batch)
    const seals: ChainHead[] = []
    for (const event of events)
      seals.push({ position: event.position, hash: sealAfter(seals.at(-1)?.hash ?? head.hash, event) })
    if (seals.length > 0) await writeSeals(tx, seals)
    return { sealed: seals.length, head: seals.at(-1) ?? head }
  })
}

/** Seals all events that have a position now; resolves to how many those were. */
export async function sealEvents(db: Db, batch = BATCH): Promise<number> {
  let all = 0
  for (;;) {
    const { sealed } = await sealSome(db, batch)
    all += sealed
    if (sealed < batch) return all
  }
}

/** Where the chain stands; position 0 and 32 bytes of zero before the first event is sealed. */
export async function chainHead(sql: Sql): Promise<ChainHead> {
  const last = await row<ChainHead>(
    sql,
    'select position, hash from event_seals order by position desc limit 1',
    [],
    'chain-head',
  )
  return last ?? NOTHING
}

/** The events after a position, in their order, as they are sealed. */
export async function eventsAfter(sql: Sql, position: number, limit: number): Promise<ChainedEvent[]> {
  return rows<ChainedEvent>(
    sql,
    `select position, id, type, at, case_id as "caseId", case_reference as "caseReference",
       organisation_id as "organisationId", source_id as "sourceId", client_id as "clientId", acting_user as "actingUser",
       reason, fields, case_version as "caseVersion", about_client_id as "aboutClientId", tells::text as tells
     from events where position > $1 order by position limit $2`,
    [position, limit],
    'chained-events',
  )
}

async function writeSeals(sql: Sql, seals: readonly ChainHead[]): Promise<void> {
  await rows(
    sql,
    `insert into event_seals (position, hash)
     select s.position, decode(s.hash, 'hex') from unnest($1::bigint[], $2::text[]) as s(position, hash)`,
    [seals.map(({ position }) => position), seals.map(({ hash }) => hash.toString('hex'))],
    'write-seals',
  )
}

function netstring(value: string | number | null): string {
  if (value === null) return '-,'
  const text = String(value)
  return `${Buffer.byteLength(text)}:${text},`
}
