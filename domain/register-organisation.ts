import { type Db, inTransaction, type OrganisationKind, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { invalid, type Problem } from './errors.ts'
import { once } from './idempotency.ts'
import {
  changedColumns,
  columnsOf,
  givenIn,
  NOTHING,
  type OrganisationChange,
} from './organisation-columns.ts'
import { fileFormerCodes, findCommissioners, findParent, writeCommissioners } from './organisation-links.ts'
import { canonicalCode, getOrganisation, type OrganisationDetail } from './organisations.ts'
import {
  type HeldOrganisation,
  holdOrganisation,
  holdRegistry,
  organisationById,
  refuseTakenCode,
  tellRegistry,
  treeConflict,
} from './registry.ts'
import { kindProblem, parentProblem } from './registry-rules.ts'
import { holdCasesAt, standAgain } from './stand-again.ts'

/** An organisation to be registered. */
export type OrganisationDraft = OrganisationChange & {
  code: string
  name: string
  kind: OrganisationKind
  notifyEmail?: string | null | undefined
  notifyEmail2?: string | null | undefined
}

/** Registers an organisation, once per idempotency key; throws as `registerOrganisation` does. */
export async function createOrganisation(
  db: Db,
  client: ClientCaller,
  draft: OrganisationDraft,
  { key }: { key: string | undefined },
): Promise<OrganisationDetail> {
  const work = { key, operation: 'createOrganisation', body: draft }
  const { code } = await once(db, client, work, async (tx) => {
    await registerOrganisation(tx, client, draft)
    return { code: canonicalCode(draft.code) }
  })
  return getOrganisation(db, code)
}

/** Changes an organisation; throws `not_found`, `version_stale`, and as `changeOrganisation` does. */
export async function updateOrganisation(
  db: Db,
  client: ClientCaller,
  code: string,
  change: OrganisationChange,
  { version }: { version: number },
): Promise<OrganisationDetail> {
  const held = await inTransaction(db, async (tx) => {
    const held = await holdOrganisation(tx, code, version)
    await changeOrganisation(tx, client, held, change)
    return held
  })
  return getOrganisation(db, held.code)
}

/**
 * Registers an organisation in the caller's transaction; resolves to its key. Throws `code_taken` for a code that another
 * one has or had, `tree_conflict` for a parent that is none, and `validation_failed` for one that is unknown.
 */
export async function registerOrganisation(
  tx: Tx,
  client: ClientCaller | null,
  draft: OrganisationDraft,
): Promise<number> {
  await holdRegistry(tx)
  refuseUnreadable(draft)
  await refuseTakenCode(tx, draft.code)
  const { kind, parent = null } = draft
  const parentId = parent === null ? null : (await findParent(tx, parent, kind, null)).id
  const commissionerIds = await commissionersOf(tx, kind, draft.commissioners ?? [])
  const made = await row<{ id: number }>(
    tx,
    `insert into organisations (code, name, kind, sector, region, address, postcode, website, latitude, longitude, parent_id,
       notify_email, notify_email_2, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now()) returning id`,
    [
      canonicalCode(draft.code),
      ...columnsOf({ ...NOTHING, ...givenIn(draft), parentId }),
      draft.notifyEmail ?? null,
      draft.notifyEmail2 ?? null,
    ],
    'register-organisation',
  )
  const { id } = made as { id: number }
  await writeCommissioners(tx, id, commissionerIds)
  await fileFormerCodes(tx, id, draft.formerCodes ?? [])
  await tellRegistry(tx, client, [{ type: 'organisation.created', organisationId: id, fields: [] }])
  return id
}

/**
 * Changes a held organisation in the caller's transaction, with its cases that stand where it stands; resolves to the names
 * of the fields that are different now. A change of nothing makes no version. Throws `code_taken`, `tree_conflict` and
 * `validation_failed`.
 */
async function changeOrganisation(
  tx: Tx,
  client: ClientCaller | null,
  held: HeldOrganisation,
  change: OrganisationChange,
): Promise<string[]> {
  refuseUnreadable(change)
  const after = { ...held, ...givenIn(change), parentId: await parentAfter(tx, held, change) }
  await refuseUnfitKind(tx, held, after)
  const columns = changedColumns(held, after)
  const moves = change.position !== undefined || columns.includes('parent')
  if (moves) await holdCasesAt(tx, [held.id])
  const fields = [...columns, ...(await changedLinks(tx, held, after.kind, change))]
  if (fields.length > 0) {
    await rows(
      tx,
      `update organisations set name = $2, kind = $3, sector = $4, region = $5, address = $6, postcode = $7, website = $8,
         latitude = $9, longitude = $10, parent_id = $11, version = version + 1, updated_at = now()
       where id = $1`,
      [held.id, ...columnsOf(after)],
      'change-organisation',
    )
    await tellRegistry(tx, client, [{ type: 'organisation.changed', organisationId: held.id, fields }])
  }
  if (moves) await standAgain(tx, client, [held.id])
  return fields
}

async function changedLinks(
  tx: Tx,
  { id }: HeldOrganisation,
  kind: OrganisationKind,
  { commissioners, formerCodes }: OrganisationChange,
): Promise<string[]> {
  const fields: string[] = []
  if (commissioners !== undefined) {
    const ids = await commissionersOf(tx, kind, commissioners)
    if (await writeCommissioners(tx, id, ids)) fields.push('commissioners')
  }
  if (formerCodes !== undefined && (await fileFormerCodes(tx, id, formerCodes))) fields.push('formerCodes')
  return fields
}

async function commissionersOf(tx: Tx, kind: OrganisationKind, codes: readonly string[]): Promise<number[]> {
  if (kind === 'commissioner' && codes.length > 0)
    throw treeConflict('What commissions care is commissioned by nobody here.')
  return findCommissioners(tx, codes)
}

async function parentAfter(
  tx: Tx,
  held: HeldOrganisation,
  { parent, kind = held.kind }: OrganisationChange,
): Promise<number | null> {
  if (parent === undefined) return held.parentId
  return parent === null ? null : (await findParent(tx, parent, kind, held.id)).id
}

/** What it is must fit what it was, what it belongs to and what belongs to it. */
async function refuseUnfitKind(
  tx: Tx,
  before: HeldOrganisation,
  { kind, parentId }: { kind: OrganisationKind; parentId: number | null },
): Promise<void> {
  if (kind === before.kind) return
  const above = parentId === null ? null : await organisationById(tx, parentId)
  const below = await rows<{ kind: OrganisationKind }>(
    tx,
    'select distinct kind from organisations where parent_id = $1',
    [before.id],
    'kinds-below',
  )
  const problem = [
    kindProblem(before.kind, kind),
    above && parentProblem(kind, above.kind),
    ...below.map((child) => parentProblem(child.kind, kind)),
  ].find((one) => one !== null)
  if (problem !== undefined) throw treeConflict(problem)
}

function refuseUnreadable({ formerCodes = [] }: OrganisationChange): void {
  const problems = formerCodes.flatMap((code, n): Problem[] => {
    if (/^[A-Z0-9]{1,20}$/.test(canonicalCode(code))) return []
    return [
      { pointer: `/formerCodes/${n}`, code: 'wrong_format', detail: 'A code has letters and digits only.' },
    ]
  })
  if (problems.length > 0) throw invalid(...problems)
}
