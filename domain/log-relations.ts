import type { ClientCaller } from './callers.ts'
import { casesOf } from './cases.ts'
import type { Conditions } from './sql-conditions.ts'

/** Fields by which a case may leave a selection. */
export const SELECTED_BY: readonly string[] = [
  ...['status', 'publication', 'privacy', 'organisation', 'category', 'kind', 'assignee', 'breach'],
  ...['formalComplaint', 'title', 'text', 'moderatedTitle', 'moderatedText', 'language', 'responses'],
  ...['passedOn', 'place', 'dueAt'],
]

/** What a client hears of events `e` and their cases `c`, as SQL. */
export type LogRelation = {
  /** The cases `c` that relate to the client now. */
  cases: string
  /** It is the event by which a case, that does not relate to the client now, ceased to. */
  left: string
  /** Events `e` about no case that it hears. */
  others: string
  /** What the client hears it as; null for what it does not hear of its cases. */
  type: string
  fields: string
  reason: string
}

/**
 * The same relations as in the list of one's own cases. `me` is the client's key as a parameter; what else is needed is
 * added to `values`. Throws `validation_failed` as `casesOf` does, for roles to which cases relate.
 */
export function relationTo(
  client: ClientCaller,
  { me, values }: { me: string; values: unknown[] },
): LogRelation {
  const add = (value: unknown): string => `$${values.push(value)}`
  const own = `e.about_client_id = ${me}`
  const all = { type: 'e.type', fields: 'e.fields', reason: 'e.reason', others: own }
  const related = () => renumbered(casesOf(client), values)
  switch (client.role) {
    case 'administrator':
      return { ...all, cases: 'false', left: 'false', others: `${me} is not null` }
    case 'feed_provider':
      return {
        ...all,
        cases: 'false',
        left: 'false',
        others: `(${own} or e.source_id = ${add(client.sourceId)}::int)`,
      }
    case 'form':
    case 'supplier':
      return { ...all, cases: 'false', left: 'false' }
    case 'integrator':
      return {
        cases: related(),
        left: `c.id is null and ${earlier(`b.type = 'case.created' and b.client_id = ${me}`)}`,
        others: own,
        type: originType(add(ORIGIN_TYPES)),
        fields: `array(select f from unnest(e.fields) as f where f = any(${add(ORIGIN_FIELDS)}::text[]))`,
        reason: 'null::text',
      }
    case 'case_handler':
      return { ...all, cases: related(), left: 'c.id is null' }
    case 'second_tier':
      return { ...all, cases: related(), left: leftSecondTier(client) }
    case 'provider':
    case 'commissioner':
      return { ...all, cases: related(), left: leftOrganisations(client, add(client.organisationIds)) }
  }
}

// What the view of an integrator has of a case (`OwnCase`); what others do among themselves it does not hear.
const ORIGIN_TYPES = [
  ...['case.created', 'case.changed', 'case.published', 'case.kept_private', 'case.rejected', 'case.removed'],
  ...['case.hidden', 'case.shown_again', 'case.privacy_changed', 'case.status_changed', 'case.withdrawn'],
  ...[
    'case.reopened_by_reporter',
    'case.consent_withdrawn',
    'case.rated',
    'case.referred',
    'case.anonymised',
  ],
  ...['case.referral_accepted', 'case.referral_declined'],
  ...['response.published', 'response.changed', 'response.removed'],
]
const ORIGIN_FIELDS = [
  ...['kind', 'title', 'text', 'moderatedTitle', 'moderatedText', 'authorName', 'privacy', 'publication'],
  ...['category', 'organisation', 'service', 'status', 'visitMonth', 'language', 'tags', 'ratings'],
  ...['outcome', 'images', 'responses'],
]

// An answer is there for it when it is published; one that was as it was made has the time of its event.
function originType(types: string): string {
  return `case
    when e.case_id is null or e.type = any(${types}::text[]) then e.type
    when e.type = 'response.created' and exists (select from responses r
      where r.case_id = e.case_id and r.publication = 'published' and r.created_at = e.at) then 'response.published'
  end`
}

/*
 * Events do not keep how a case stood to whom, but each has the organisation that the case was with after it: it left by
 * the one whose predecessor is the last that was theirs.
 */
function leftOrganisations(client: ClientCaller, organisations: string): string {
  const theirs = (event: string) => `${event}.organisation_id = any(${organisations}::int[])`
  // A question may never have been passed on: nothing is known of it then.
  const known = `(c.kind <> 'question' or c.passed_on or ${earlier(`'passedOn' = any(b.fields) and b.id < e.id`)})`
  return `case
    when c.id is null then ${earlier(theirs('b'))}
    else e.fields && '{organisation,passedOn,kind}' and ${sameTrial(client)} and ${known}
      and (select ${theirs('b')} from events b where b.case_id = e.case_id and b.id < e.id order by b.id desc limit 1)
  end`
}

function leftSecondTier(client: ClientCaller): string {
  const referred = `b.type = 'case.referred_to_second_tier'`
  return `case
    when c.id is null then ${earlier(referred)}
    else 'publication' = any(e.fields) and e.type <> 'case.referred_to_second_tier' and ${sameTrial(client)}
      and (select ${referred} from events b where b.case_id = e.case_id and b.id < e.id
        and (${referred} or 'publication' = any(b.fields)) order by b.id desc limit 1)
  end`
}

function earlier(condition: string): string {
  return `exists (select from events b where b.case_id = e.case_id and b.id <= e.id and ${condition})`
}

// What is tried out stays among those who try.
function sameTrial({ test }: ClientCaller): string {
  return `c.test = ${test}`
}

function renumbered(bound: Conditions, values: unknown[]): string {
  const from = values.length
  values.push(...bound.values)
  return bound.sql
    .map((sql) => sql.replaceAll(/\$(\d+)/g, (_, n: string) => `$${Number(n) + from}`))
    .join(' and ')
}
