import {
  type CaseKind,
  type CaseStatus,
  type Channel,
  type Commissioned,
  type MessageAuthor,
  type Priority,
  type Privacy,
  type Publication,
  type ReferralState,
  row,
  rows,
  type Sql,
  type Vault,
} from '../prisma/client.ts'
import type { ItemRating } from './items.ts'
import { jsonArray, jsonObject } from './json-sql.ts'
import type { OrganisationName } from './organisations.ts'
import {
  type EscalationRow,
  type ExtensionRow,
  LAST_ESCALATION,
  LAST_EXTENSION,
  PAUSE,
  type PauseRow,
} from './waiting-rows.ts'

/** A case as it lies in the store, with what it belongs to; what is personal is still sealed. */
export type CaseRow = {
  id: number
  reference: string
  kind: CaseKind
  channel: Channel
  status: CaseStatus
  publication: Publication
  privacy: Privacy
  privacyChosen: Privacy
  under16: boolean
  onBehalf: boolean
  priority: Priority
  happeningNow: boolean
  wantsResponse: boolean
  urgent: boolean
  breach: boolean
  formalComplaint: boolean
  commissioned: Commissioned | null
  passedOn: boolean
  assignee: string | null
  test: boolean
  receiptGeneration: number
  category: string
  organisationId: number
  formerOrganisationIds: number[]
  organisation: OrganisationName
  service: OrganisationName | null
  originalSealed: string | null
  contactSealed: string | null
  preferredContact: 'email' | 'phone' | null
  moderatedTitle: string | null
  moderatedText: string | null
  publicName: string | null
  decisionReason: string | null
  visitMonth: string | null
  language: string | null
  tags: string[]
  ratings: ItemRating[]
  latitude: number | null
  longitude: number | null
  clientId: number | null
  brand: string | null
  sourceId: number | null
  source: Attribution | null
  /** Of its source, where what it says may not be told. */
  siteUrl: string | null
  version: number
  reportedAt: string
  createdAt: string
  updatedAt: string
  acknowledgedAt: string | null
  closedAt: string | null
  resolvedAt: string | null
  /** Since when nothing in it is personal any more. */
  anonymisedAt: string | null
  moderateDueAt: string | null
  acknowledgeDueAt: string | null
  respondDueAt: string | null
  /** The next clock that runs out, or null when none runs. */
  dueAt: string | null
  heldUntil: string | null
  outcomeResolved: boolean | null
  outcomeManner: boolean | null
  outcomeAt: string | null
  responses: ResponseRow[]
  messages: MessageRow[]
  images: ImageRow[]
  /** The last referral. */
  referral: ReferralRow | null
  /** While the clock for the answer stands still. */
  pause: PauseRow | null
  /** The last one. */
  extension: ExtensionRow | null
  /** The last one. */
  escalation: EscalationRow | null
  /** Whoever is deciding on it just now. */
  claim: { actingUser: string; clientId: number; until: string } | null
}

/** A message between staff and reporter; its text is still sealed, under its own reference. */
export type MessageRow = {
  reference: string
  author: MessageAuthor
  answers: string | null
  textSealed: string
  createdAt: string
}

export type ImageRow = {
  token: string
  mediaType: 'image/jpeg' | 'image/png'
  width: number
  height: number
  hidden: boolean
}

export type ReferralRow = {
  from: OrganisationName
  to: OrganisationName
  state: ReferralState
  createdAt: string
  dueAt: string
  answeredAt: string | null
}

/** Where an item came from, and what its provider wants said. */
export type Attribution = {
  name: string
  title: string
  link: string | null
  attribution: string | null
  licence: string | null
}

export type ResponseRow = {
  reference: string
  organisation: OrganisationName | null
  authorName: string | null
  text: string
  publication: Publication
  /** Its source has removed it; nobody sees it any more. */
  takenBack: boolean
  respondedAt: string
  source: Attribution | null
}

export type OriginalText = { title: string | null; text: string }
export type Contact = { name: string | null; email: string | null; phone: string | null }

/** SQL for the attribution of `link` from the source joined as `src`. */
export const attributionJson = (link: string, src = 'src'): string => {
  const attribution = jsonObject({
    name: `${src}.name`,
    title: `${src}.title`,
    link: `coalesce(${link}, ${src}.site_url)`,
    attribution: `${src}.attribution`,
    licence: `${src}.licence`,
  })
  return `case when ${src}.id is not null then ${attribution} end`
}

/** SQL for code and name of what is joined as `alias`, or null when nothing is. */
export const nameJson = (alias: string): string =>
  `case when ${alias}.id is not null then ${jsonObject({ code: `${alias}.code`, name: `${alias}.name` })} end`

/** SQL by field for one response `r`, with the joins below. */
export const RESPONSE_FIELDS = {
  reference: 'r.reference',
  organisation: nameJson('ro'),
  authorName: 'r.author_name',
  text: 'r.text',
  respondedAt: 'utc(r.responded_at)',
  source: attributionJson('r.source_link', 'rs'),
}

/** SQL for the joins that `RESPONSE_FIELDS` needs. */
export const RESPONSE_JOINS = `
  left join organisations ro on ro.id = r.organisation_id left join sources rs on rs.id = r.source_id`

/** SQL for whether the source of a response `r` has taken it back. */
export const TAKEN_BACK = `exists (select 1 from items t where t.response_id = r.id and t.state = 'deleted')`

const CASE = `
  c.id, c.reference, c.kind, c.channel, c.status, c.publication, c.privacy, c.privacy_chosen as "privacyChosen",
  c.under_16 as "under16", c.on_behalf as "onBehalf", c.priority, c.happening_now as "happeningNow",
  c.wants_response as "wantsResponse", c.urgent, c.breach, c.formal_complaint as "formalComplaint", c.commissioned,
  c.passed_on as "passedOn", c.assignee, c.test, c.receipt_generation as "receiptGeneration",
  c.category_code as category, c.organisation_id as "organisationId", c.former_organisation_ids as "formerOrganisationIds",
  ${nameJson('o')} as organisation,
  ${nameJson('s')} as service,
  c.original_sealed as "originalSealed", c.contact_sealed as "contactSealed", c.preferred_contact as "preferredContact",
  c.moderated_title as "moderatedTitle", c.moderated_text as "moderatedText", c.public_name as "publicName",
  c.decision_reason as "decisionReason", c.visit_month as "visitMonth", c.language, c.tags, c.ratings, c.latitude, c.longitude,
  c.client_id as "clientId", c.brand, c.source_id as "sourceId", ${attributionJson('c.source_link')} as source,
  src.site_url as "siteUrl", c.version,
  c.reported_at as "reportedAt", c.created_at as "createdAt", c.updated_at as "updatedAt",
  c.acknowledged_at as "acknowledgedAt", c.closed_at as "closedAt", c.resolved_at as "resolvedAt",
  c.anonymised_at as "anonymisedAt",
  c.moderate_due_at as "moderateDueAt", c.acknowledge_due_at as "acknowledgeDueAt", c.respond_due_at as "respondDueAt",
  c.due_at as "dueAt", c.held_until as "heldUntil",
  c.outcome_resolved as "outcomeResolved", c.outcome_manner as "outcomeManner", c.outcome_at as "outcomeAt",
  ${jsonArray(
    jsonObject({
      reference: 'm.reference',
      author: 'm.author',
      answers: '(select a.reference from messages a where a.id = m.answers_id)',
      textSealed: 'm.text_sealed',
      createdAt: 'utc(m.created_at)',
    }),
    'from messages m where m.case_id = c.id',
    'm.id',
  )} as messages,
  ${jsonArray(
    jsonObject({
      token: 'i.token',
      mediaType: 'i.media_type',
      width: 'i.width',
      height: 'i.height',
      hidden: 'i.hidden',
    }),
    'from images i where i.case_id = c.id',
    'i.id',
  )} as images,
  (select ${jsonObject({
    from: nameJson('rf'),
    to: nameJson('rt'),
    state: 'f.state',
    createdAt: 'utc(f.created_at)',
    dueAt: 'utc(f.due_at)',
    answeredAt: 'utc(f.answered_at)',
  })} from referrals f join organisations rf on rf.id = f.from_id join organisations rt on rt.id = f.to_id
   where f.case_id = c.id order by f.id desc limit 1) as referral,
  ${PAUSE} as pause, ${LAST_EXTENSION} as extension, ${LAST_ESCALATION} as escalation,
  (select ${jsonObject({ actingUser: 'l.acting_user', clientId: 'l.client_id', until: 'utc(l.until)' })}
   from case_claims l where l.case_id = c.id and l.until > now()) as claim,
  ${jsonArray(jsonObject({ ...RESPONSE_FIELDS, publication: 'r.publication', takenBack: TAKEN_BACK }), `from responses r ${RESPONSE_JOINS} where r.case_id = c.id`, 'r.responded_at, r.id')} as responses`

const FROM = `
  from cases c join organisations o on o.id = c.organisation_id
  left join services s on s.id = c.service_id left join sources src on src.id = c.source_id`

/** What decides who may see a case; nothing of what it says. */
export type Standing = Pick<
  CaseRow,
  | 'id'
  | 'reference'
  | 'kind'
  | 'publication'
  | 'privacy'
  | 'clientId'
  | 'organisationId'
  | 'formerOrganisationIds'
  | 'passedOn'
  | 'test'
  | 'receiptGeneration'
>

const STANDING = `select id, reference, kind, publication, privacy, client_id as "clientId", organisation_id as "organisationId",
    former_organisation_ids as "formerOrganisationIds", passed_on as "passedOn", test, receipt_generation as "receiptGeneration"
  from cases where reference = $1`

/** Where a case stands, or undefined: as little work for a hidden one as for an unknown one, so that time tells nothing. */
export async function findStanding(sql: Sql, reference: string): Promise<Standing | undefined> {
  return row<Standing>(sql, STANDING, [reference], 'find-standing')
}

/** Like `findStanding`, and holds the row until the transaction ends. */
export async function lockStanding(sql: Sql, reference: string): Promise<Standing | undefined> {
  return row<Standing>(sql, `${STANDING} for no key update`, [reference], 'lock-standing')
}

/** One case by its key. */
export async function caseById(sql: Sql, id: number): Promise<CaseRow> {
  const found = await row<CaseRow>(sql, `select ${CASE} ${FROM} where c.id = $1`, [id], 'case-by-id')
  if (found === undefined) throw new Error(`there is no case with the key ${id}`)
  return found
}

/** The cases that `where` names, newest first unless `order` says otherwise. */
export async function casesWhere(
  sql: Sql,
  where: string,
  values: unknown[],
  limit: number,
  order = 'c.id desc',
): Promise<CaseRow[]> {
  return rows<CaseRow>(sql, `select ${CASE} ${FROM} where ${where} order by ${order} limit ${limit}`, values)
}

/** What the reporter wrote, or null when the case is anonymised. */
export function originalOf(
  vault: Vault,
  theCase: Pick<CaseRow, 'reference' | 'originalSealed'>,
): OriginalText | null {
  if (theCase.originalSealed === null) return null
  return JSON.parse(vault.open(`cases.original:${theCase.reference}`, theCase.originalSealed)) as OriginalText
}

/** How to reach the reporter, or null when they left nothing. */
export function contactOf(
  vault: Vault,
  theCase: Pick<CaseRow, 'reference' | 'contactSealed'>,
): Contact | null {
  if (theCase.contactSealed === null) return null
  return JSON.parse(vault.open(`cases.contact:${theCase.reference}`, theCase.contactSealed)) as Contact
}

/** Seals what the reporter wrote, bound to the case. */
export function sealOriginal(vault: Vault, reference: string, original: OriginalText): string {
  return vault.seal(`cases.original:${reference}`, JSON.stringify(original))
}

/** Seals how to reach the reporter, bound to the case; null when there is nothing to seal. */
export function sealContact(vault: Vault, reference: string, contact: Contact): string | null {
  const empty = contact.name === null && contact.email === null && contact.phone === null
  return empty ? null : vault.seal(`cases.contact:${reference}`, JSON.stringify(contact))
}

/** Seals what was said about a case beside its text: a note, a message, an objection, bound to its own reference. */
export function sealRemark(vault: Vault, reference: string, text: string): string {
  return vault.seal(`remark:${reference}`, text)
}

/** What `sealRemark` sealed. */
export function openRemark(vault: Vault, reference: string, sealed: string): string {
  return vault.open(`remark:${reference}`, sealed)
}
