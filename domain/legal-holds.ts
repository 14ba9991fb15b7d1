import { type Db, inTransaction, row, rows, type Sql, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { lockStanding, nameJson, openRemark, sealRemark } from './case-rows.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError, invalid } from './errors.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { findOrganisationId, type OrganisationName } from './organisations.ts'
import { newReference, parseReference } from './references.ts'

/** Nothing of a case, or of an organisation, is anonymised, deleted or erased while it runs. */
export type LegalHold = {
  id: number
  reference: string
  caseReference: string | null
  organisation: OrganisationName | null
  /** Null once its case is anonymised. */
  reason: string | null
  actingUser: string | null
  createdAt: string
  endedAt: string | null
  endedBy: string | null
}

/** One of `case` (a reference in any form) and `organisation` (a code in any form), and why. */
export type NewLegalHold = { case?: string; organisation?: string; reason: string }

/** Holds a case, or all of an organisation, from now on. Throws `validation_failed` for what is not there. */
export async function createLegalHold(
  db: Db,
  client: ClientCaller,
  draft: NewLegalHold,
  { key, now }: { key: string | undefined; now: Date },
): Promise<LegalHold> {
  const { id } = await once(db, client, { key, operation: 'createLegalHold', body: draft }, async (tx) => {
    // Whoever forgets cases just now comes to its end before: what it has begun is not held any more.
    await rows(tx, `select pg_advisory_xact_lock(${HOLD_LOCK})`, [], 'hold-out')
    const { caseId, organisationId, event } = await heldBy(tx, draft)
    const reference = newReference()
    const made = await row<{ id: number }>(
      tx,
      `insert into legal_holds (reference, case_id, organisation_id, reason_sealed, client_id, acting_user, created_at)
       values ($1, $2, $3, $4, $5, $6, $7) returning id`,
      [
        reference,
        caseId,
        organisationId,
        sealRemark(tx.vault, reference, draft.reason),
        client.clientId,
        client.actingUser,
        now,
      ],
      'create-legal-hold',
    )
    await recordEvents(tx, client, [{ ...event, type: 'hold.created' }])
    return made as { id: number }
  })
  return holdWhere(db, 'h.id = $1', [id])
}

/** Ends a hold; one that has ended stays as it is. Throws `not_found`. */
export async function endLegalHold(
  db: Db,
  client: ClientCaller,
  reference: string,
  now: Date,
): Promise<LegalHold> {
  const canonical = parseReference(reference) ?? ''
  await inTransaction(db, async (tx) => {
    const found = await row<{ caseReference: string | null }>(
      tx,
      `select c.reference as "caseReference" from legal_holds h left join cases c on c.id = h.case_id where h.reference = $1`,
      [canonical],
      'find-legal-hold',
    )
    if (found === undefined) return
    // An event about a case is recorded while its row is held, and everybody holds the case first.
    if (found.caseReference !== null) await lockStanding(tx, found.caseReference)
    const ended = await row<EndedHold>(
      tx,
      `with ended as (
         update legal_holds set ended_at = $2, ended_by = $3 where reference = $1 and ended_at is null returning case_id, organisation_id)
       select c.id as "caseId", c.reference as "caseReference", coalesce(c.organisation_id, e.organisation_id) as "organisationId"
       from ended e left join cases c on c.id = e.case_id`,
      [canonical, now, client.actingUser],
      'end-legal-hold',
    )
    if (ended !== undefined) await recordEvents(tx, client, [{ ...aboutHeld(ended), type: 'hold.ended' }])
  })
  return holdWhere(db, 'h.reference = $1', [canonical])
}

/** A page of the holds, newest first, the ended ones too. */
export async function listLegalHolds(
  db: Db,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<LegalHold>> {
  const cursor = readCursor(after, ['number'])
  const found = await rows<HoldRow>(
    db.pool,
    `${HOLD} where ($1::bigint is null or h.id < $1) order by h.id desc limit $2`,
    [cursor?.[0] ?? null, limit + 1],
    'list-legal-holds',
  )
  const { items, next } = pageOf(found, limit, (last) => [last.id])
  return { items: items.map((hold) => opened(db, hold)), next }
}

/** Keeps legal holds from beginning until the transaction ends: to be called before it looks which cases are held. */
export async function keepHoldsOut(tx: Tx): Promise<void> {
  await rows(tx, `select pg_advisory_xact_lock_shared(${HOLD_LOCK})`, [], 'keep-holds-out')
}

/** Of these cases those that a legal hold keeps: one on the case, or on an organisation that it is or was with. */
export async function heldAmong(sql: Sql, caseIds: readonly number[]): Promise<Set<number>> {
  const held = await rows<{ id: number }>(
    sql,
    `with ${HELD_ORGANISATIONS} select c.id from cases c where c.id = any($1::bigint[]) and ${IS_HELD}`,
    [caseIds],
    'held-among',
  )
  return new Set(held.map(({ id }) => id))
}

/**
 * SQL for the organisations with a running hold, as a common table `held_organisations`: with one go all below it and all
 * that it has succeeded, and with a branch the surgery at which its cases stand.
 */
export const HELD_ORGANISATIONS = `recursive held_organisations(id) as (
    select h.organisation_id from legal_holds h where h.organisation_id is not null and h.ended_at is null
    union
    select o.id from organisations o join held_organisations t on o.parent_id = t.id or o.succeeded_by_id = t.id
      or o.id = (select b.parent_id from organisations b where b.id = t.id and b.kind = 'gp_branch')
  )`

/** SQL for whether a legal hold keeps a case `c`, beside `HELD_ORGANISATIONS`. */
export const IS_HELD = `(exists (select from legal_holds h where h.case_id = c.id and h.ended_at is null)
    or c.organisation_id in (select id from held_organisations)
    or exists (select from held_organisations t where t.id = any(c.former_organisation_ids)))`

const HOLD_LOCK = `hashtext('care_connect legal holds')`

type HoldRow = Omit<LegalHold, 'reason'> & { reasonSealed: string | null }

const HOLD = `
  select h.id, h.reference, c.reference as "caseReference", ${nameJson('o')} as organisation, h.reason_sealed as "reasonSealed",
    h.acting_user as "actingUser", h.created_at as "createdAt", h.ended_at as "endedAt", h.ended_by as "endedBy"
  from legal_holds h left join cases c on c.id = h.case_id left join organisations o on o.id = h.organisation_id`

function opened({ vault }: Db, { reasonSealed, ...hold }: HoldRow): LegalHold {
  return { ...hold, reason: reasonSealed === null ? null : openRemark(vault, hold.reference, reasonSealed) }
}

async function holdWhere(db: Db, where: string, values: unknown[]): Promise<LegalHold> {
  const found = await row<HoldRow>(db.pool, `${HOLD} where ${where}`, values)
  if (found === undefined) throw new DomainError('not_found')
  return opened(db, found)
}

type Held = { caseId: number | null; organisationId: number | null; event: Omit<NewEvent, 'type'> }

async function heldBy(tx: Tx, draft: NewLegalHold): Promise<Held> {
  if (draft.case !== undefined) {
    const canonical = parseReference(draft.case)
    const standing = canonical === null ? undefined : await lockStanding(tx, canonical)
    if (standing === undefined) {
      const detail = 'There is no case with this reference.'
      throw invalid({ pointer: '/case', code: 'unknown_case', detail })
    }
    const { id, reference, organisationId } = standing
    const event = aboutHeld({ caseId: id, caseReference: reference, organisationId })
    return { caseId: id, organisationId: null, event }
  }
  const { organisation = '' } = draft
  const organisationId = await findOrganisationId(tx, organisation)
  if (organisationId === null) {
    const detail = `No organisation has the code "${organisation}"; /v1/organisations lists them.`
    throw invalid({ pointer: '/organisation', code: 'unknown_organisation', detail })
  }
  return { caseId: null, organisationId, event: { organisationId } }
}

type EndedHold = { caseId: number | null; caseReference: string | null; organisationId: number | null }

function aboutHeld({ caseId, caseReference, organisationId }: EndedHold): Omit<NewEvent, 'type'> {
  return {
    ...(caseId !== null && { caseId }),
    ...(caseReference !== null && { caseReference }),
    ...(organisationId !== null && { organisationId }),
  }
}
