import { type Db, inTransaction, row, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { FORMER_CODES, findOrganisationId, type OrganisationName } from './organisations.ts'
import { visibleSource } from './source-access.ts'

/** What a source calls an organisation. Sources of one scheme share their aliases. */
export type OrganisationAlias = { code: string; organisation: OrganisationName }

/** A page of a source's aliases, by code; throws as `getSource` does. */
export async function listAliases(
  db: Db,
  client: ClientCaller,
  name: string,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<OrganisationAlias>> {
  const { scheme } = await schemeOf(db, client, name)
  const cursor = readCursor(after, ['string'])
  const found = await rows<OrganisationAlias>(
    db.pool,
    `select ${ALIAS} where x.scheme = $1 and ($2::text is null or x.code > $2) order by x.code limit $3`,
    [scheme, cursor?.[0] ?? null, limit + 1],
    'list-aliases',
  )
  return pageOf(found, limit, (last) => [last.code])
}

/**
 * Files a source's code for an organisation; once more for the same one it stays as it was. Throws `validation_failed`
 * for an unknown organisation, `name_taken` for a code that means another one, and as `getSource` does.
 */
export async function createAlias(
  db: Db,
  client: ClientCaller,
  name: string,
  draft: { code: string; organisation: string },
): Promise<OrganisationAlias> {
  const { id, scheme } = await schemeOf(db, client, name)
  const code = draft.code.trim()
  if (code === '')
    throw invalid({ pointer: '/code', code: 'empty', detail: 'Give the code as the source has it.' })
  return inTransaction(db, async (tx) => {
    const organisationId = await findOrganisationId(tx, draft.organisation)
    if (organisationId === null) {
      const detail = `There is no organisation with the code "${draft.organisation}"; /v1/organisations lists them.`
      throw invalid({ pointer: '/organisation', code: 'unknown_organisation', detail })
    }
    const filed = await row(
      tx,
      `insert into organisation_external_ids (scheme, code, organisation_id) values ($1, $2, $3) on conflict do nothing returning 1`,
      [scheme, code, organisationId],
      'file-alias',
    )
    const alias = await row<OrganisationAlias & { organisationId: number }>(
      tx,
      `select x.organisation_id as "organisationId", ${ALIAS} where x.scheme = $1 and x.code = $2`,
      [scheme, code],
      'filed-alias',
    )
    if (alias === undefined) throw new Error('an alias that was filed is not there')
    const { organisationId: meant, ...told } = alias
    if (meant !== organisationId) {
      const detail = `"${code}" means ${told.organisation.name} (${told.organisation.code}) already; remove that first.`
      throw new DomainError('name_taken', { detail })
    }
    if (filed !== undefined) await recordEvents(tx, client, [{ type: 'source.alias_created', sourceId: id }])
    return told
  })
}

/** Forgets a source's code; throws `not_found` for one that it does not have, and as `getSource` does. */
export async function removeAlias(db: Db, client: ClientCaller, name: string, code: string): Promise<void> {
  const { id, scheme } = await schemeOf(db, client, name)
  await inTransaction(db, async (tx) => {
    const removed = await row(
      tx,
      'delete from organisation_external_ids where scheme = $1 and code = $2 returning 1',
      [scheme, code.trim()],
      'remove-alias',
    )
    if (removed === undefined) {
      throw new DomainError('not_found', { detail: `The source "${name}" has no such alias.` })
    }
    await recordEvents(tx, client, [{ type: 'source.alias_removed', sourceId: id }])
  })
}

const ALIAS = `
  x.code, json_build_object('code', o.code, 'name', o.name) as organisation
  from organisation_external_ids x join organisations o on o.id = x.organisation_id`

async function schemeOf(db: Db, client: ClientCaller, name: string): Promise<{ id: number; scheme: string }> {
  const { id } = await visibleSource(db.pool, client, name)
  const found = await row<{ scheme: string }>(
    db.pool,
    'select organisation_scheme as scheme from sources where id = $1',
    [id],
    'scheme-of-source',
  )
  const { scheme } = found as { scheme: string }
  // The former codes of organisations are the registry's own.
  if (scheme !== FORMER_CODES) return { id, scheme }
  throw new DomainError('not_your_source', {
    detail: 'Former codes of organisations are kept by the registry.',
  })
}
