import { type OrganisationKind, row, rows, type Sector, type Sql, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { noteDataChange } from './data-version.ts'
import { DomainError } from './errors.ts'
import { type EventType, recordEvents } from './events.ts'
import { canonicalCode, FORMER_CODES, findOrganisationId } from './organisations.ts'

/** An organisation whose row is held, so that whatever changes it waits. */
export type HeldOrganisation = {
  id: number
  code: string
  name: string
  kind: OrganisationKind
  sector: Sector | null
  region: string | null
  address: string | null
  postcode: string | null
  website: string | null
  latitude: number | null
  longitude: number | null
  active: boolean
  /** A day, as 2026-04-01. */
  closedOn: string | null
  parentId: number | null
  succeededById: number | null
  version: number
}

/**
 * Lets one at a time change the registry, until the transaction ends: what must hold of the whole tree and of all codes
 * together no constraint of one table can say.
 */
export async function holdRegistry(tx: Tx): Promise<void> {
  await rows(tx, `select pg_advisory_xact_lock(hashtext('care_connect registry'))`, [], 'hold-registry')
}

/** Holds the organisation with this code in any form; throws `not_found`, and `version_stale` when it has changed since `version`. */
export async function holdOrganisation(tx: Tx, code: string, version?: number): Promise<HeldOrganisation> {
  await holdRegistry(tx)
  const id = await findOrganisationId(tx, code)
  if (id === null) throw unknownOrganisation(code)
  const held = await organisationById(tx, id)
  if (version === undefined || held.version === version) return held
  throw new DomainError('version_stale', {
    currentVersion: held.version,
    detail: `You sent version ${version}; it is ${held.version} now. Read it again and decide again.`,
  })
}

/** One organisation by its key, its row held. */
export async function organisationById(tx: Tx, id: number): Promise<HeldOrganisation> {
  const found = await row<HeldOrganisation>(
    tx,
    `select id, code, name, kind, sector, region, address, postcode, website, latitude, longitude, active, closed_on::text as "closedOn",
       parent_id as "parentId", succeeded_by_id as "succeededById", version
     from organisations where id = $1 for no key update`,
    [id],
    'hold-organisation',
  )
  if (found === undefined) throw new Error(`there is no organisation with the key ${id}`)
  return found
}

/** Throws `code_taken` for a code, in any form, that an organisation has, or another one than `ownId` had before. */
export async function refuseTakenCode(sql: Sql, code: string, ownId?: number): Promise<void> {
  const found = await row<{ code: string; name: string }>(
    sql,
    `select o.code, o.name from organisations o where o.code = $1
     union all
     select o.code, o.name from organisation_external_ids x join organisations o on o.id = x.organisation_id
     where x.scheme = '${FORMER_CODES}' and x.code = $1 and o.id is distinct from $2::int
     limit 1`,
    [canonicalCode(code), ownId ?? null],
    'organisation-with-code',
  )
  if (found === undefined) return
  const has = found.code === canonicalCode(code) ? 'is' : 'was'
  const detail = `"${canonicalCode(code)}" ${has} the code of ${found.name} (${found.code}).`
  throw new DomainError('code_taken', { detail })
}

/** Throws `tree_conflict` when `id` would be above itself if it belonged to, or was succeeded by, `aboveId`. */
export async function refuseCircle(tx: Tx, id: number, aboveId: number): Promise<void> {
  const found = await row(
    tx,
    `with recursive up(id) as (
       select $2::int
       union
       select above.id from organisations o join up on up.id = o.id
       join organisations above on above.id in (o.parent_id, o.succeeded_by_id)
     )
     select 1 from up where id = $1`,
    [id, aboveId],
    'is-above-itself',
  )
  if (found === undefined) return
  throw treeConflict(
    'It would be below itself, or come after itself. Read both, and say what belongs to what.',
  )
}

/** The error for what the tree of organisations has no place for. */
export function treeConflict(detail: string): DomainError {
  return new DomainError('tree_conflict', { detail })
}

/** Makes the next version of organisations. */
export async function nextOrganisationVersion(tx: Tx, ids: readonly number[]): Promise<void> {
  await rows(
    tx,
    'update organisations set version = version + 1, updated_at = now() where id = any($1::int[])',
    [ids],
    'next-organisation-version',
  )
}

/** What has happened to an organisation, with the names of the fields. */
export type Registered = { type: EventType; organisationId: number; fields: readonly string[] }

/** Tells of changes of the registry: in the log, and to whoever keeps answers by the version of the data. */
export async function tellRegistry(
  tx: Tx,
  client: ClientCaller | null,
  changes: readonly Registered[],
): Promise<void> {
  await recordEvents(tx, client, changes)
  await noteDataChange(tx)
}

function unknownOrganisation(code: string): DomainError {
  return new DomainError('not_found', { detail: `There is no organisation with the code "${code}".` })
}
