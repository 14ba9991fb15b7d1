import type { Db } from '../../prisma/client.ts'

/** A case as a test makes it, straight in the store: many of them, with everything a filter looks at. */
export type MadeCase = {
  organisation: string
  kind: 'concern' | 'question' | 'feedback'
  category: string
  status: string
  publication: 'published' | 'awaiting_moderation' | 'kept_private' | 'removed'
  privacy: 'private' | 'anonymous' | 'named'
  language: string | null
  title: string | null
  text: string
  response: string | null
  reportedAt: Date
  tags?: string[]
}

/** Makes published and other cases with their events, as a batch; resolves to their references, in the same order. */
export async function makeCases(db: Db, cases: readonly MadeCase[]): Promise<string[]> {
  const { rows } = await db.pool.query<{ references: string[] }>(
    `with given as (
       select * from json_to_recordset($1::json) as g(
         n int, organisation text, kind text, category text, status text, publication text, privacy text, language text,
         title text, text text, response text, "reportedAt" timestamptz, tags text[])),
     made as (
       insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, organisation_id,
         category_code, original_sealed, moderated_title, moderated_text, language, tags, latitude, longitude, pt,
         reported_at, created_at, updated_at, acknowledged_at, closed_at)
       select case_key(g."reportedAt"), 'M' || lpad(g.n::text, 12, '0') || substr(md5(random()::text), 1, 12), g.kind::case_kind, 'web',
         g.status::case_status, g.publication::publication, g.privacy::privacy,
         case when g.privacy = 'private' and g.publication = 'published' then 'anonymous' else g.privacy end::privacy, o.id,
         g.category, 'made', g.title, g.text, g.language, coalesce(g.tags, '{}'), o.latitude, o.longitude, mercator(o.latitude, o.longitude),
         g."reportedAt", g."reportedAt", g."reportedAt",
         case when g.status not in ('open', 'in_progress') then g."reportedAt" end,
         case when g.status not in ('open', 'in_progress') then g."reportedAt" end
       from given g join organisations o on o.code = g.organisation order by g.n
       returning id, reference, organisation_id),
     answered as (
       insert into responses (reference, case_id, organisation_id, text, publication, responded_at)
       select 'R' || m.reference, m.id, m.organisation_id, g.response, 'published', g."reportedAt"
       from made m join given g on m.reference like 'M' || lpad(g.n::text, 12, '0') || '%' where g.response is not null),
     told as (
       insert into events (type, case_id, case_reference, organisation_id, fields, case_version)
       select 'case.created', id, reference, organisation_id, '{}', 1 from made)
     select array_agg(reference order by reference) as references from made`,
    [JSON.stringify(cases.map((one, n) => ({ n, ...one })))],
  )
  return rows[0]?.references ?? []
}
