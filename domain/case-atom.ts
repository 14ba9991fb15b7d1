import type { Db } from '../prisma/client.ts'
import { type Attribution, attributionJson } from './case-rows.ts'
import { jsonObject } from './json-sql.ts'
import type { OrganisationName } from './organisations.ts'
import { jsonPage, type PageShape, type PublicListing } from './public-cases.ts'

/** What a feed shows of a published case. */
export type CaseEntry = {
  reference: string
  kind: 'concern' | 'question' | 'feedback'
  title: string | null
  text: string
  authorName: string | null
  language: string | null
  category: { code: string; label: string }
  organisation: OrganisationName
  status: string
  reportedAt: string
  updatedAt: string
  latitude: number | null
  longitude: number | null
  source: Attribution | null
}

/** A page of the published cases of a filter, as a feed shows them. */
export async function listCaseEntries(
  db: Db,
  listing: PublicListing,
): Promise<{ entries: CaseEntry[]; next: string | null }> {
  const { items, next } = await jsonPage(db, listing, ENTRY_PAGE)
  return { entries: JSON.parse(`[${items}]`) as CaseEntry[], next }
}

const ENTRY = jsonObject({
  reference: 'c.reference',
  kind: 'c.kind',
  title: 'c.moderated_title',
  text: 'c.moderated_text',
  authorName: `case when c.privacy = 'named' then c.public_name end`,
  language: 'c.language',
  category: jsonObject({ code: 'k.code', label: 'k.label' }),
  organisation: jsonObject({ code: 'o.code', name: 'o.name' }),
  status: 'c.status',
  reportedAt: 'utc(c.reported_at)',
  updatedAt: 'utc(c.updated_at)',
  latitude: 'c.latitude',
  longitude: 'c.longitude',
  source: attributionJson('c.source_link'),
})

const ENTRY_PAGE: PageShape = {
  item: () => ENTRY,
  joins: `join organisations o on o.id = c.organisation_id join categories k on k.code = c.category_code
    left join sources src on src.id = c.source_id`,
}
