import { type CaseKind, type CaseStatus, type Db, row, rows, type Sql } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { nameJson } from './case-rows.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError } from './errors.ts'
import type { OrganisationName } from './organisations.ts'
import { parseReference } from './references.ts'
import { conditionsFrom, limitTo } from './sql-conditions.ts'

/** A text to answer with. What it is for is everything where a list is empty. */
export type ResponseTemplate = {
  id: number
  reference: string
  code: string
  name: string
  /** Whose it is; null for the central team. */
  organisation: OrganisationName | null
  statuses: CaseStatus[]
  kinds: CaseKind[]
  categories: string[]
  text: string
  active: boolean
  version: number
  updatedAt: string
}

export type TemplateFilter = {
  status?: CaseStatus | undefined
  kind?: readonly CaseKind[] | undefined
  category?: readonly string[] | undefined
  active?: boolean | undefined
}

/** The templates that a client may answer with, by code: those of the central team, and those of its organisations. */
export async function listResponseTemplates(
  db: Db,
  client: ClientCaller,
  filter: TemplateFilter,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<ResponseTemplate>> {
  const cursor = readCursor(after, ['string', 'number'] as const)
  const { conditions, add } = conditionsFrom(1)
  const { status, kind, category, active } = filter
  add(readable, client.organisationIds)
  if (status) add((p) => fits('statuses', `array[${p}::case_status]`), status)
  if (kind) add((p) => fits('kinds', `${p}::case_kind[]`), kind)
  if (category) add((p) => fits('categories', `${p}::text[]`), category)
  if (active !== undefined) add((p) => `t.active = ${p}`, active)
  if (cursor) add((code, id) => `(t.code, t.id) > (${code}, ${id}::int)`, ...cursor)
  const found = await rows<ResponseTemplate>(
    db.pool,
    `${TEMPLATE} where ${conditions.sql.join(' and ')} order by t.code, t.id ${limitTo(limit + 1)}`,
    conditions.values,
  )
  return pageOf(found, limit, (last) => [last.code, last.id])
}

/** One of them by its reference; throws the same `not_found` for one of somebody else's and for one that is not there. */
export async function getResponseTemplate(
  db: Db,
  client: ClientCaller,
  reference: string,
): Promise<ResponseTemplate> {
  const found = await row<ResponseTemplate>(
    db.pool,
    `${TEMPLATE} where t.reference = $1 and ${readable('$2')}`,
    [parseReference(reference) ?? '', client.organisationIds],
    'response-template',
  )
  if (found === undefined) throw noSuchTemplate()
  return found
}

/** One that the client may change, its row held; throws `not_found`, also for one of the central team that a provider reads. */
export async function holdTemplate(
  sql: Sql,
  client: ClientCaller,
  reference: string,
): Promise<ResponseTemplate & { organisationId: number | null }> {
  const found = await row<ResponseTemplate & { organisationId: number | null }>(
    sql,
    `select ${COLUMNS}, t.organisation_id as "organisationId" ${FROM}
     where t.reference = $1 and case when $2 then t.organisation_id is null else t.organisation_id = any($3::int[]) end
     for no key update of t`,
    [parseReference(reference) ?? '', client.role === 'case_handler', client.organisationIds],
    'hold-response-template',
  )
  if (found === undefined) throw noSuchTemplate()
  return found
}

/** SQL for the templates `t` that a client may read; its organisations are in a parameter. */
export function readable(organisations: string): string {
  return `(t.organisation_id is null or t.organisation_id = any(${organisations}::int[]))`
}

/** SQL for whether a template `t` is for one of these; empty means for all. */
export function fits(column: 'statuses' | 'kinds' | 'categories', ones: string): string {
  return `(t.${column} = '{}' or t.${column} && ${ones})`
}

const COLUMNS = `
  t.id, t.reference, t.code, t.name, ${nameJson('o')} as organisation, t.statuses::text[] as statuses, t.kinds::text[] as kinds,
  t.categories, t.text, t.active, t.version, t.updated_at as "updatedAt"`
const FROM = 'from response_templates t left join organisations o on o.id = t.organisation_id'

/** SQL for everything of templates `t`. */
export const TEMPLATE = `select ${COLUMNS} ${FROM}`

function noSuchTemplate(): DomainError {
  return new DomainError('not_found', { detail: 'There is no such template of yours.' })
}
