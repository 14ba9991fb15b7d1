import { type Db, type ObjectionKind, type ObjectionState, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about } from './case-changes.ts'
import { type CaseRow, nameJson, openRemark, sealRemark } from './case-rows.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { recordEvents } from './events.ts'
import type { OrganisationName } from './organisations.ts'
import { newReference } from './references.ts'

/** What somebody holds against a published case, opened for who decides on it. */
export type Objection = {
  id: number
  reference: string
  kind: ObjectionKind
  caseReference: string
  /** Who asks; null for the public. */
  organisation: OrganisationName | null
  reason: string
  text: string | null
  state: ObjectionState
  createdAt: string
  dueAt: string
  decidedAt: string | null
  decisionReason: string | null
}

export type NewObjection = {
  kind: ObjectionKind
  organisationId: number | null
  reason: string
  text: string | undefined
  dueAt: Date
}

export type ObjectionListing = { state: ObjectionState; after?: string | undefined; limit: number }

/** Keeps an objection to a held case, its text sealed; returns its reference. */
export async function keepObjection(
  tx: Tx,
  client: ClientCaller | null,
  theCase: CaseRow,
  { kind, organisationId, reason, text, dueAt }: NewObjection,
  now: Date,
): Promise<string> {
  const reference = newReference()
  await rows(
    tx,
    `insert into objections (reference, kind, case_id, organisation_id, reason, text_sealed, client_id, acting_user, created_at, due_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      reference,
      kind,
      theCase.id,
      organisationId,
      reason,
      text === undefined ? null : sealRemark(tx.vault, reference, text),
      client?.clientId ?? null,
      client?.actingUser ?? null,
      now,
      dueAt,
    ],
    'keep-objection',
  )
  return reference
}

/** Closes the open reports of a held case, as somebody has judged what they are about. */
export async function closeReports(
  tx: Tx,
  client: ClientCaller,
  theCase: CaseRow,
  { upheld, reason }: { upheld: boolean; reason: string },
): Promise<void> {
  const closed = await rows(
    tx,
    `update objections set state = $2::objection_state, decided_at = now(), decided_by = $3, decision_reason = $4
     where case_id = $1 and kind = 'report' and state = 'open' returning 1`,
    [theCase.id, upheld ? 'upheld' : 'declined', client.actingUser, reason],
  )
  await recordEvents(
    tx,
    client,
    closed.map(() => ({ ...about(theCase), type: 'report.decided', reason })),
  )
}

/** A case that is gone from the public, in its new version. */
export type GoneCase = { id: number; reference: string; organisationId: number; version: number }

/** A held case that leaves the public with the change under way. */
export function goneCase({ id, reference, organisationId, version }: CaseRow): GoneCase {
  return { id, reference, organisationId, version: version + 1 }
}

/** Closes all that is open against held cases that nobody reads any more: what it asks for has happened. */
export async function closeObjections(
  tx: Tx,
  client: ClientCaller | null,
  cases: readonly GoneCase[],
  reason: string,
): Promise<void> {
  const closed = await rows<{ kind: ObjectionKind; caseId: number }>(
    tx,
    `update objections set state = 'upheld', decided_at = now(), decided_by = $3, decision_reason = $2
     where case_id = any($1::bigint[]) and state = 'open' returning kind, case_id as "caseId"`,
    [cases.map(({ id }) => id), reason, client?.actingUser ?? null],
    'close-objections',
  )
  await recordEvents(
    tx,
    client,
    closed.flatMap(({ kind, caseId }) =>
      cases
        .filter(({ id }) => id === caseId)
        .map(({ reference, organisationId, version }) => ({
          type: `${kind}.decided` as const,
          caseId,
          caseReference: reference,
          organisationId,
          reason,
          caseVersion: version,
        })),
    ),
  )
}

/** A page of the objections of a kind that `client` may see, oldest first. */
export async function listObjections(
  db: Db,
  client: ClientCaller,
  kind: ObjectionKind,
  { state, after, limit }: ObjectionListing,
): Promise<Page<Objection>> {
  const cursor = readCursor(after, ['number'])
  const bound = boundTo(client)
  const found = await rows<ObjectionRow>(
    db.pool,
    `${OBJECTION} where j.kind = $1 and j.state = $2 and ($3::bigint is null or j.id > $3) and c.test = $4 and ${bound.sql}
     order by j.id limit $5`,
    [kind, state, cursor?.[0] ?? null, client.test, limit + 1, ...bound.values],
  )
  const { items, next } = pageOf(found, limit, (last) => [last.id])
  return { items: items.map((objection) => opened(db, objection)), next }
}

/** One objection by its reference, or undefined. */
export async function findObjection(db: Db, reference: string): Promise<Objection | undefined> {
  const found = await row<ObjectionRow>(db.pool, `${OBJECTION} where j.reference = $1`, [reference])
  return found && opened(db, found)
}

/** Everything that was held against a case, oldest first. */
export async function objectionsOf(db: Db, caseId: number): Promise<Objection[]> {
  const found = await rows<ObjectionRow>(db.pool, `${OBJECTION} where j.case_id = $1 order by j.id`, [caseId])
  return found.map((objection) => opened(db, objection))
}

type ObjectionRow = Omit<Objection, 'text'> & { textSealed: string | null }

const OBJECTION = `
  select j.id, j.reference, j.kind, c.reference as "caseReference", ${nameJson('o')} as organisation, j.reason,
    j.text_sealed as "textSealed", j.state, j.created_at as "createdAt", j.due_at as "dueAt", j.decided_at as "decidedAt",
    j.decision_reason as "decisionReason"
  from objections j join cases c on c.id = j.case_id left join organisations o on o.id = j.organisation_id`

function opened({ vault }: Db, { textSealed, ...objection }: ObjectionRow): Objection {
  const { reference } = objection
  return { ...objection, text: textSealed === null ? null : openRemark(vault, reference, textSealed) }
}

// Who decides sees all that they may decide on, who asks their own.
function boundTo({ role, organisationIds }: ClientCaller): { sql: string; values: unknown[] } {
  switch (role) {
    case 'case_handler':
      return { sql: 'true', values: [] }
    case 'second_tier':
      return { sql: `c.publication = 'awaiting_second_tier'`, values: [] }
    default:
      return { sql: 'j.organisation_id = any($6::int[])', values: [organisationIds] }
  }
}
