import { type Db, rows } from '../prisma/client.ts'
import { conditionsOf, PUBLISHED, type ResolvedFilter, wordsCondition } from './case-filter.ts'
import { type Attribution, attributionJson, RESPONSE_FIELDS, RESPONSE_JOINS } from './case-rows.ts'
import { jsonArray, jsonObject } from './json-sql.ts'
import type { OrganisationName } from './organisations.ts'
import { joined } from './sql-conditions.ts'

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
  answers: AnswerEntry[]
  /** Answers that the public could read once. */
  goneAnswers: GoneAnswer[]
}

/** What a feed shows of a public answer. */
export type AnswerEntry = {
  reference: string
  organisation: OrganisationName | null
  authorName: string | null
  text: string
  respondedAt: string
  updatedAt: string
  source: Attribution | null
}

export type GoneAnswer = { reference: string; at: string }

/** A case that is not in the selection any more, with what was answered to it before. */
export type GoneCase = { at: string; answers: string[] }

/** What is to be shown of cases now, by their keys: each is an entry or gone. */
export type FeedEntries = { cases: Map<number, CaseEntry>; gone: Map<number, GoneCase> }

/** Reads what a feed with this filter shows of cases that are, or were, in it. */
export async function feedEntries(
  db: Db,
  resolved: ResolvedFilter,
  caseIds: readonly number[],
): Promise<FeedEntries> {
  const conditions = joined(
    2,
    (first) => conditionsOf(resolved, first),
    (first) => wordsCondition(resolved, first),
  )
  const selected = [PUBLISHED, ...conditions.sql].map((one) => `(${one})`).join(' and ')
  // Each case is fetched by its key: said `is true`, what is public brings no other index to mind.
  const found = await rows<{ id: number; entry: CaseEntry }>(
    db.pool,
    `select c.id, ${ENTRY} as entry
     from unnest($1::bigint[]) as wanted(id) join cases c on c.id = wanted.id
     join organisations o on o.id = c.organisation_id join categories k on k.code = c.category_code
     left join sources src on src.id = c.source_id
     where (${selected}) is true`,
    [caseIds, ...conditions.values],
  )
  const cases = new Map(found.map(({ id, entry }) => [id, entry]))
  const others = caseIds.filter((id) => !cases.has(id))
  return { cases, gone: others.length === 0 ? new Map() : await goneCases(db, others) }
}

async function goneCases(db: Db, caseIds: readonly number[]): Promise<Map<number, GoneCase>> {
  const found = await rows<GoneCase & { id: number }>(
    db.pool,
    `select wanted.id, utc(last.at) as at, array(
       select r.reference from responses r
       where r.case_id = wanted.id and r.publication in ('published', 'removed') and r.created_at <= last.at order by r.id) as answers
     from unnest($1::bigint[]) as wanted(id) cross join lateral (
       select p.at from public_events p where p.case_id = wanted.id order by p.position desc limit 1) as last`,
    [caseIds],
    'gone-cases',
  )
  return new Map(found.map(({ id, at, answers }) => [id, { at, answers }]))
}

// Every field that goes out stands here; nothing is taken over from a row.
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
  answers: jsonArray(
    jsonObject({
      reference: RESPONSE_FIELDS.reference,
      organisation: RESPONSE_FIELDS.organisation,
      authorName: RESPONSE_FIELDS.authorName,
      text: RESPONSE_FIELDS.text,
      respondedAt: RESPONSE_FIELDS.respondedAt,
      updatedAt: 'utc(greatest(r.updated_at, r.responded_at))',
      source: RESPONSE_FIELDS.source,
    }),
    `from responses r ${RESPONSE_JOINS} where r.case_id = c.id and r.publication = 'published'`,
    'r.responded_at desc, r.id desc',
  ),
  goneAnswers: jsonArray(
    jsonObject({ reference: 'r.reference', at: 'utc(r.updated_at)' }),
    `from responses r where r.case_id = c.id and r.publication = 'removed'`,
    'r.id',
  ),
})
