import {
  type CaseKind,
  type CaseStatus,
  type Channel,
  type Priority,
  type Privacy,
  type Publication,
  row,
  rows,
  type Sql,
  type Vault,
} from '../prisma/client.ts'
import type { ItemRating } from './items.ts'
import { jsonArray, jsonObject } from './json-sql.ts'
import type { OrganisationName } from './organisations.ts'

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
  category: string
  organisationId: number
  organisation: OrganisationName
  service: OrganisationName | null
  originalSealed: string
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
  version: number
  reportedAt: string
  createdAt: string
  updatedAt: string
  acknowledgedAt: string | null
  closedAt: string | null
  resolvedAt: string | null
  responses: ResponseRow[]
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

const CASE = `
  c.id, c.reference, c.kind, c.channel, c.status, c.publication, c.privacy, c.privacy_chosen as "privacyChosen",
  c.under_16 as "under16", c.on_behalf as "onBehalf", c.priority, c.happening_now as "happeningNow",
  c.wants_response as "wantsResponse", c.category_code as category, c.organisation_id as "organisationId",
  ${nameJson('o')} as organisation,
  ${nameJson('s')} as service,
  c.original_sealed as "originalSealed", c.contact_sealed as "contactSealed", c.preferred_contact as "preferredContact",
  c.moderated_title as "moderatedTitle", c.moderated_text as "moderatedText", c.public_name as "publicName",
  c.decision_reason as "decisionReason", c.visit_month as "visitMonth", c.language, c.tags, c.ratings, c.latitude, c.longitude,
  c.client_id as "clientId", c.brand, c.source_id as "sourceId", ${attributionJson('c.source_link')} as source, c.version,
  c.reported_at as "reportedAt", c.created_at as "createdAt", c.updated_at as "updatedAt",
  c.acknowledged_at as "acknowledgedAt", c.closed_at as "closedAt", c.resolved_at as "resolvedAt",
  ${jsonArray(jsonObject({ ...RESPONSE_FIELDS, publication: 'r.publication' }), `from responses r ${RESPONSE_JOINS} where r.case_id = c.id`, 'r.responded_at, r.id')} as responses`

const FROM = `
  from cases c join organisations o on o.id = c.organisation_id
  left join services s on s.id = c.service_id left join sources src on src.id = c.source_id`

/** What decides who may see a case; nothing of what it says. */
export type Standing = Pick<
  CaseRow,
  'id' | 'kind' | 'publication' | 'privacy' | 'clientId' | 'organisationId'
>

const STANDING = `select id, kind, publication, privacy, client_id as "clientId", organisation_id as "organisationId"
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

/** The cases that `where` names, newest first. */
export async function casesWhere(
  sql: Sql,
  where: string,
  values: unknown[],
  limit: number,
): Promise<CaseRow[]> {
  return rows<CaseRow>(sql, `select ${CASE} ${FROM} where ${where} order by c.id desc limit ${limit}`, values)
}

/** What the reporter wrote. */
export function originalOf(
  vault: Vault,
  theCase: Pick<CaseRow, 'reference' | 'originalSealed'>,
): OriginalText {
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
