import { type CaseStatus, type Db, row, rows, type Sql } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { standingFor } from './case-changes.ts'
import { DomainError } from './errors.ts'
import { fits, type ResponseTemplate, readable, TEMPLATE } from './response-templates.ts'
import { type Filling, filledIn } from './template-text.ts'
import { statuses as statusWords } from './vocabularies.ts'

/** A template with its text filled in for a case. */
export type FilledTemplate = Pick<ResponseTemplate, 'reference' | 'code' | 'name' | 'statuses' | 'text'>

/**
 * The templates in use that fit a case, filled in, those that say most about it first, and of these one's own before those
 * of the central team: a provider's own are those of the case's organisation, of what that belongs to and of what it
 * succeeded. `status` is what the case is about to become. Nothing filled in is personal. Throws as `holdCase` does.
 */
export async function listCaseTemplates(
  db: Db,
  client: ClientCaller,
  reference: string,
  { status }: { status?: CaseStatus | undefined },
): Promise<FilledTemplate[]> {
  const { standing } = await standingFor(db.pool, client, reference, 'listCaseTemplates')
  const found = await rows<ResponseTemplate>(
    db.pool,
    FITTING,
    [standing.id, client.organisationIds, status ?? null],
    'templates-for-case',
  )
  const filling = await fillingFor(db.pool, standing.id, status)
  return found.map(({ reference: template, code, name, statuses, text }) => ({
    reference: template,
    code,
    name,
    statuses,
    text: filledIn(text, filling),
  }))
}

const FITTING = `
  with recursive c as (select organisation_id, kind, category_code from cases where id = $1),
  above as (
    select o.id, o.parent_id from organisations o join c on c.organisation_id = o.id
    union
    select o.id, o.parent_id from organisations o join above on o.id = above.parent_id or o.succeeded_by_id = above.id)
  ${TEMPLATE} cross join c
  where t.active and ${readable('$2')} and (t.organisation_id is null or t.organisation_id in (select id from above))
    and ${fits('kinds', 'array[c.kind]')} and ${fits('categories', 'array[c.category_code]')}
    and ($3::case_status is null or ${fits('statuses', 'array[$3::case_status]')})
  order by (t.kinds <> '{}')::int + (t.categories <> '{}')::int + ($3::case_status is not null and t.statuses <> '{}')::int desc,
    t.organisation_id is null, t.code, t.id`

type Named = Omit<Filling, 'status'> & { status: CaseStatus }

async function fillingFor(sql: Sql, caseId: number, status: CaseStatus | undefined): Promise<Filling> {
  const found = await row<Named>(
    sql,
    `select c.reference, o.name as organisation, coalesce(s.name, o.name) as service, k.label as category, c.status
     from cases c join organisations o on o.id = c.organisation_id join categories k on k.code = c.category_code
     left join services s on s.id = c.service_id where c.id = $1`,
    [caseId],
    'filling-of-case',
  )
  if (found === undefined) throw new DomainError('not_found')
  const shown = status ?? found.status
  return { ...found, status: statusWords.find(({ code }) => code === shown)?.label ?? shown }
}
