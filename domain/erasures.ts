import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import { heldLedger, holdLedgerState, moveLedgerState } from './apply-ledger.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { endDigests } from './digests.ts'
import { eraseCases } from './erase-cases.ts'
import {
  addressHash,
  caseHash,
  hashKey,
  itemHash,
  keepErased,
  keepLedgerKey,
  type SourceThing,
} from './erased-hashes.ts'
import type { ErasedThing, ErasureLedger } from './erasure-ledger.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { holdToForget } from './forget-besides.ts'
import { heldAmong } from './legal-holds.ts'
import { recordRecalls } from './recalls.ts'
import { newReference, parseReference } from './references.ts'
import { casesOfSubject, noSubject, type Subject, type SubjectCase, subjectDigests } from './subjects.ts'
import { forgetNotices } from './subscription-rows.ts'

export type ErasureReason = 'request' | 'consent_withdrawn' | 'unlawful' | 'mistake'

/** That something was erased: how much, by whom and why; never whose. */
export type Erasure = {
  id: number
  reference: string
  reason: ErasureReason
  of: 'case' | 'person'
  cases: number
  /** Cases that a legal hold keeps. */
  held: number
  items: number
  /** Digests and notices to the address. */
  digests: number
  /** The recalls of what others hold. */
  recalls: string[]
  actingUser: string | null
  createdAt: string
}

/**
 * Erases a case, or every case of a person with the digests and notices to their address (UK GDPR, article 17), with a
 * recall of each that others hold. The ledger has it on the disk before the store has. Throws `not_found` where there is
 * nothing (more) to erase, `legal_hold` where all of it is held, and `unavailable` without a ledger.
 */
export async function createErasure(
  db: Db,
  client: ClientCaller,
  { reason, ...subject }: Subject & { reason: ErasureReason },
  { ledger, now }: { ledger: ErasureLedger | null; now: Date },
): Promise<Erasure> {
  if (ledger === null) throw new DomainError('unavailable', { detail: NO_LEDGER })
  const id = await inTransaction(db, async (tx) => {
    // Before any case: so do all who erase, and nobody waits for somebody who waits for them.
    const state = await holdLedgerState(tx)
    const { cases, held } = await erasable(tx, client, subject)
    const made = await insertErasure(tx, client, { reason, subject, cases, held }, now)
    const things = await thingsOf(tx, cases)
    await recordRecalls(tx, cases, { reason: 'erased', erasureId: made, now })
    await eraseCases(
      tx,
      cases.map(({ id: caseId }) => caseId),
      { caller: client, now },
    )
    const digests = await forgetAddress(tx, client, subject, now)
    refuseNothing({ found: cases.length + digests, held })
    await rows(tx, 'update erasures set items = $2, digests = $3 where id = $1', [
      made,
      things.length,
      digests,
    ])
    const read = await heldLedger(ledger, state, now)
    // Who only tries things out does not speak for those whose address it is.
    const email = client.test ? undefined : subject.email
    const erased = erasedThings(read.key, { cases, things, email }, now)
    await keepLedgerKey(tx, read.key)
    await keepErased(tx, erased)
    // The last thing before the commit: what is in the ledger has happened here, or happens at the next start.
    await moveLedgerState(tx, state, read, await ledger.append(read, erased))
    return made
  })
  return erasureWhere(db, 'e.id = $1', [id])
}

/** A page of the erasures, newest first. */
export async function listErasures(
  db: Db,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<Erasure>> {
  const cursor = readCursor(after, ['number'])
  const found = await rows<Erasure>(
    db.pool,
    `${ERASURE} where ($1::bigint is null or e.id < $1) order by e.id desc limit $2`,
    [cursor?.[0] ?? null, limit + 1],
    'list-erasures',
  )
  return pageOf(found, limit, (last) => [last.id])
}

/** One erasure by its reference in any form; throws `not_found`. */
export async function getErasure(db: Db, reference: string): Promise<Erasure> {
  return erasureWhere(db, 'e.reference = $1', [parseReference(reference) ?? ''])
}

const NO_LEDGER =
  'What is erased is first noted in a ledger outside the database, and there is none. Whoever runs the service sets ERASURE_LEDGER (docs/deployment.md).'

const ERASURE = `
  select e.id, e.reference, e.reason, e.of, e.cases, e.held, e.items, e.digests,
    array(select r.reference from recalls r where r.erasure_id = e.id order by r.id) as recalls,
    e.acting_user as "actingUser", e.created_at as "createdAt"
  from erasures e`

async function erasureWhere(db: Db, where: string, values: unknown[]): Promise<Erasure> {
  const found = await row<Erasure>(db.pool, `${ERASURE} where ${where}`, values)
  if (found === undefined) throw new DomainError('not_found')
  return found
}

/** The cases of a subject that are not erased yet and not held, their rows locked; and how many are held. */
async function erasable(
  tx: Tx,
  client: ClientCaller,
  subject: Subject,
): Promise<{ cases: SubjectCase[]; held: number }> {
  const store = { sql: tx, vault: tx.vault }
  const wanted = new Set((await casesOfSubject(store, client, subject)).map(({ id }) => id))
  await holdToForget(tx, [...wanted])
  // As they are now that nobody changes them any more.
  const found = (await casesOfSubject(store, client, subject)).filter(
    (one) => !one.erased && wanted.has(one.id),
  )
  const held = await heldAmong(
    tx,
    found.map(({ id }) => id),
  )
  return { cases: found.filter(({ id }) => !held.has(id)), held: held.size }
}

function refuseNothing({ found, held }: { found: number; held: number }): void {
  if (found > 0) return
  if (held === 0) throw noSubject()
  throw new DomainError('legal_hold', {
    detail: `A legal hold keeps ${held === 1 ? 'the case' : `all ${held} cases`}; end it first.`,
  })
}

async function insertErasure(
  tx: Tx,
  client: ClientCaller,
  what: { reason: ErasureReason; subject: Subject; cases: readonly unknown[]; held: number },
  now: Date,
): Promise<number> {
  const made = await row<{ id: number }>(
    tx,
    `insert into erasures (reference, reason, of, cases, held, items, digests, client_id, acting_user, created_at)
     values ($1, $2, $3, $4, $5, 0, 0, $6, $7, $8) returning id`,
    [
      newReference(),
      what.reason,
      what.subject.case === undefined ? 'person' : 'case',
      what.cases.length,
      what.held,
      client.clientId,
      client.actingUser,
      now,
    ],
    'insert-erasure',
  )
  return (made as { id: number }).id
}

/** What sources sent for these cases, and what waits to be attached to it. */
async function thingsOf(tx: Tx, cases: readonly SubjectCase[]): Promise<SourceThing[]> {
  return rows<SourceThing>(
    tx,
    `with theirs as materialized (select i.source_id, i.external_id from items i where i.case_id = any($1::bigint[]))
     select s.name as source, t.external_id as "externalId"
     from (select * from theirs union select i.source_id, i.external_id from items i join theirs w on w.source_id = i.source_id
       and w.external_id = i.parent_external_id and i.state = 'parked') as t join sources s on s.id = t.source_id
     order by 1, 2`,
    [cases.map(({ id }) => id)],
    'things-of-cases',
  )
}

function erasedThings(
  ledgerKey: Buffer,
  what: {
    cases: readonly SubjectCase[]
    things: readonly SourceThing[]
    email: string | undefined
  },
  now: Date,
): ErasedThing[] {
  const at = now.toISOString()
  const key = hashKey(ledgerKey)
  return [
    ...what.cases.map(({ reference }) => ({ kind: 'case' as const, hash: caseHash(key, reference), at })),
    ...(what.email === undefined
      ? []
      : [{ kind: 'address' as const, hash: addressHash(key, what.email), at }]),
    ...what.things.map((thing) => ({ kind: 'item' as const, hash: itemHash(key, thing), at })),
  ]
}

/** Ends the digests to an address, and forgets it where subscriptions tell it; how many those were. */
async function forgetAddress(tx: Tx, client: ClientCaller, { email }: Subject, now: Date): Promise<number> {
  if (email === undefined) return 0
  const { where, values, isTheirs, clients } = await subjectDigests(
    { sql: tx, vault: tx.vault },
    client,
    email,
  )
  const ended = await endDigests(tx, client, where, values)
  const notices = await forgetNotices(tx, isTheirs, clients, now)
  await recordEvents(
    tx,
    client,
    notices.map(({ clientId }) => ({
      type: 'subscription.changed',
      aboutClientId: clientId,
      fields: ['noticeEmail'],
    })),
  )
  return ended + notices.length
}
