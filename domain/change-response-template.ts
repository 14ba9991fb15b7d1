import {
  type CaseKind,
  type CaseStatus,
  type Db,
  inTransaction,
  row,
  rows,
  type Sql,
  type Tx,
} from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError, invalid, type Problem } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { findOrganisationId } from './organisations.ts'
import { newReference } from './references.ts'
import { getResponseTemplate, holdTemplate, type ResponseTemplate } from './response-templates.ts'
import { placeholderProblems } from './template-text.ts'

export type NewResponseTemplate = {
  code: string
  name: string
  organisation?: string | undefined
  statuses?: readonly CaseStatus[] | undefined
  kinds?: readonly CaseKind[] | undefined
  categories?: readonly string[] | undefined
  text: string
}

/** What to change: absent means leave; a list is replaced as a whole. */
export type TemplateChange = Partial<Omit<NewResponseTemplate, 'code' | 'organisation'>> & {
  active?: boolean | undefined
}

/**
 * Adds a template, of the central team for a case handler, of one of its organisations for a provider. Throws
 * `validation_failed` for an organisation that is not so, an unknown category and braces that nothing fills, and `code_taken`.
 */
export async function createResponseTemplate(
  db: Db,
  client: ClientCaller,
  draft: NewResponseTemplate,
  { key, now }: { key: string | undefined; now: Date },
): Promise<ResponseTemplate> {
  const request = { key, operation: 'createResponseTemplate', body: draft }
  const { reference } = await once(db, client, request, async (tx) => {
    const owner = await ownerOf(tx, client, draft.organisation)
    const problems = [...owner.problems, ...(await problemsOf(tx, draft))]
    if (problems.length > 0) throw invalid(...problems)
    const created = await addTemplate(tx, client, owner.id, draft, now)
    const about = owner.id === null ? {} : { organisationId: owner.id }
    await recordEvents(tx, client, [{ type: 'template.created', ...about }])
    return { reference: created }
  })
  return getResponseTemplate(db, client, reference)
}

/** Changes a template of the client's own. Throws `not_found`, `version_stale` when it has changed since `version`, and as `createResponseTemplate` does. */
export async function updateResponseTemplate(
  db: Db,
  client: ClientCaller,
  reference: string,
  change: TemplateChange,
  { version, now }: { version: number; now: Date },
): Promise<ResponseTemplate> {
  await inTransaction(db, async (tx) => {
    const held = await holdTemplate(tx, client, reference)
    refuseStale(held, version)
    const problems = await problemsOf(tx, change)
    if (problems.length > 0) throw invalid(...problems)
    const after = changed(held, change)
    const fields = FIELDS.filter((field) => String(after[field]) !== String(held[field]))
    if (fields.length === 0) return
    await writeTemplate(tx, after, now)
    await recordEvents(tx, client, [{ type: 'template.changed', fields, ...aboutOwner(held) }])
  })
  return getResponseTemplate(db, client, reference)
}

/** Removes a template of the client's own for good; answers that were given by it stay. Throws `not_found`. */
export async function removeResponseTemplate(db: Db, client: ClientCaller, reference: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const held = await holdTemplate(tx, client, reference)
    await rows(tx, 'delete from response_templates where id = $1', [held.id], 'remove-response-template')
    await recordEvents(tx, client, [{ type: 'template.removed', ...aboutOwner(held) }])
  })
}

const FIELDS = ['name', 'statuses', 'kinds', 'categories', 'text', 'active'] as const

async function ownerOf(
  sql: Sql,
  { role, organisationIds }: ClientCaller,
  code: string | undefined,
): Promise<{ id: number | null; problems: Problem[] }> {
  const pointer = '/organisation'
  if (role === 'case_handler') {
    if (code === undefined) return { id: null, problems: [] }
    const detail = 'The templates of the central team belong to no organisation; leave it out.'
    return { id: null, problems: [{ pointer, code: 'not_your_organisation', detail }] }
  }
  if (code === undefined) {
    const detail = 'Say which of your organisations it is for.'
    return { id: null, problems: [{ pointer, code: 'missing', detail }] }
  }
  const id = await findOrganisationId(sql, code)
  if (id !== null && organisationIds.includes(id)) return { id, problems: [] }
  const detail = 'No organisation that your client is bound to has this code.'
  return { id: null, problems: [{ pointer, code: 'not_your_organisation', detail }] }
}

async function problemsOf(sql: Sql, { categories = [], text = '' }: TemplateChange): Promise<Problem[]> {
  const known = await rows<{ code: string }>(
    sql,
    'select code from categories where code = any($1::text[])',
    [categories],
    'known-categories',
  )
  const codes = known.map(({ code }) => code)
  const unknown = categories.flatMap((category, n) => {
    if (codes.includes(category)) return []
    const detail = `There is no category "${category}"; /v1/categories lists them.`
    return [{ pointer: `/categories/${n}`, code: 'unknown_category', detail }]
  })
  return [...unknown, ...placeholderProblems(text)]
}

async function addTemplate(
  tx: Tx,
  client: ClientCaller,
  organisationId: number | null,
  { code, name, statuses = [], kinds = [], categories = [], text }: NewResponseTemplate,
  now: Date,
): Promise<string> {
  const created = await row<{ reference: string }>(
    tx,
    `insert into response_templates (reference, code, name, organisation_id, statuses, kinds, categories, text, client_id,
       acting_user, created_at, updated_at)
     values ($1, $2, $3, $4, $5::case_status[], $6::case_kind[], $7::text[], $8, $9, $10, $11, $11)
     on conflict do nothing returning reference`,
    [
      newReference(),
      code,
      name,
      organisationId,
      eachOnce(statuses),
      eachOnce(kinds),
      eachOnce(categories),
      text,
      client.clientId,
      client.actingUser,
      now,
    ],
    'add-response-template',
  )
  if (created !== undefined) return created.reference
  throw new DomainError('code_taken', {
    detail: `There is a template "${code}" already; send another /code.`,
  })
}

function changed(held: ResponseTemplate, change: TemplateChange): ResponseTemplate {
  return {
    ...held,
    name: change.name ?? held.name,
    statuses: eachOnce(change.statuses ?? held.statuses),
    kinds: eachOnce(change.kinds ?? held.kinds),
    categories: eachOnce(change.categories ?? held.categories),
    text: change.text ?? held.text,
    active: change.active ?? held.active,
  }
}

async function writeTemplate(tx: Tx, template: ResponseTemplate, now: Date): Promise<void> {
  const { id, name, statuses, kinds, categories, text, active } = template
  await rows(
    tx,
    `update response_templates set name = $2, statuses = $3::case_status[], kinds = $4::case_kind[], categories = $5::text[],
       text = $6, active = $7, version = version + 1, updated_at = $8
     where id = $1`,
    [id, name, statuses, kinds, categories, text, active, now],
    'write-response-template',
  )
}

function refuseStale(held: ResponseTemplate, version: number): void {
  if (held.version === version) return
  throw new DomainError('version_stale', {
    currentVersion: held.version,
    detail: `You sent version ${version}; it is ${held.version} now. Read it again and decide again.`,
  })
}

function aboutOwner({ organisationId }: { organisationId: number | null }): { organisationId?: number } {
  return organisationId === null ? {} : { organisationId }
}

function eachOnce<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
