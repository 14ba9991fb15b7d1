import { type Db, inTransaction, row, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError, invalid } from './errors.ts'
import { once } from './idempotency.ts'
import { getOrganisation, type OrganisationDetail } from './organisations.ts'
import { holdOrganisation, nextOrganisationVersion, tellRegistry } from './registry.ts'

/** What to change of a department; absent means leave. */
export type ServiceChange = { name?: string | undefined; active?: boolean | undefined }

/**
 * Adds a department to an organisation, once per idempotency key. Throws `not_found`, `version_stale`, and `code_taken` for
 * a code that one has there, also one that is closed, in capitals or not.
 */
export async function createService(
  db: Db,
  client: ClientCaller,
  organisation: string,
  draft: { code: string; name: string },
  { key, version }: { key: string | undefined; version: number },
): Promise<OrganisationDetail> {
  const work = { key, operation: `createService ${organisation}`, body: draft }
  const { code } = await once(db, client, work, async (tx) => {
    const held = await holdOrganisation(tx, organisation, version)
    const serviceCode = draft.code.trim()
    const added = await row(
      tx,
      `insert into services (organisation_id, code, name) select $1, $2::text, $3
       where not exists (select from services where organisation_id = $1 and lower(code) = lower($2::text)) returning 1`,
      [held.id, serviceCode, draft.name.trim()],
      'add-service',
    )
    if (added === undefined) {
      const detail = `${held.name} has a department "${serviceCode}", or had one: change that.`
      throw new DomainError('code_taken', { detail })
    }
    await nextOrganisationVersion(tx, [held.id])
    await tellRegistry(tx, client, [
      { type: 'service.created', organisationId: held.id, fields: ['services'] },
    ])
    return { code: held.code }
  })
  return getOrganisation(db, code)
}

/**
 * Changes a department, or says whether it takes new cases; those that it has stay with it. A change of nothing makes no
 * version. Throws `not_found` and `version_stale`.
 */
export async function updateService(
  db: Db,
  client: ClientCaller,
  { organisation, service }: { organisation: string; service: string },
  change: ServiceChange,
  { version }: { version: number },
): Promise<OrganisationDetail> {
  const name = change.name?.trim()
  if (name === '') throw invalid({ pointer: '/name', code: 'empty', detail: 'Give its name.' })
  const { code } = await inTransaction(db, async (tx) => {
    const held = await holdOrganisation(tx, organisation, version)
    const found = await row<{ id: number; name: string; active: boolean }>(
      tx,
      'select id, name, active from services where organisation_id = $1 and lower(code) = lower($2) for no key update',
      [held.id, service.trim()],
      'hold-service',
    )
    if (found === undefined) {
      throw new DomainError('not_found', { detail: `${held.name} has no department "${service}".` })
    }
    const after = { name: name ?? found.name, active: change.active ?? found.active }
    const fields = (['name', 'active'] as const).filter((field) => found[field] !== after[field])
    if (fields.length === 0) return held
    await rows(
      tx,
      'update services set name = $2, active = $3 where id = $1',
      [found.id, after.name, after.active],
      'change-service',
    )
    await nextOrganisationVersion(tx, [held.id])
    await tellRegistry(tx, client, [{ type: 'service.changed', organisationId: held.id, fields }])
    return held
  })
  return getOrganisation(db, code)
}
