import { createHash } from 'node:crypto'
import { type Db, row, type Sql } from '../prisma/client.ts'
import { type CaseFilter, conditionsOf, PUBLISHED } from './case-filter.ts'
import { attributionJson, nameJson, RESPONSE_FIELDS, RESPONSE_JOINS } from './case-rows.ts'
import { readCursor, writeCursor } from './cursors.ts'
import { jsonArray, jsonObject } from './json-sql.ts'
import { organisationTree } from './organisations.ts'

/** A page whose items are JSON already, as PostgreSQL built it. */
export type JsonPage = { items: string; next: string | null }

export type PublicListing = {
  filter: CaseFilter
  after?: string | undefined
  limit: number
  publicUrl: string
}

/** Published cases, newest first, as the JSON of `PublicCase`. */
export async function listPublicCases(db: Db, listing: PublicListing): Promise<JsonPage> {
  return jsonPage(db, listing, [], [], PUBLIC_CASE, PUBLIC_JOINS)
}

/** One published case as the JSON of `PublicCase`, by its key, or undefined when the public cannot read it. */
export async function getPublicCase(sql: Sql, id: number, publicUrl: string): Promise<string | undefined> {
  const found = await row<{ json: string }>(
    sql,
    `select (${PUBLIC_CASE})::text as json from cases c ${PUBLIC_JOINS} where c.id = $2 and ${PUBLISHED}`,
    [publicUrl, id],
    'public-case',
  )
  return found?.json
}

/**
 * A page of what `select` builds from the published cases of a filter, newest first. `$1` in it is the public address;
 * `extra` conditions bring their values, numbered from 2.
 */
export async function jsonPage(
  db: Db,
  { filter, after, limit, publicUrl }: PublicListing,
  extra: readonly string[],
  extraValues: readonly unknown[],
  select: string,
  joins: string,
): Promise<JsonPage> {
  const cursor = readCursor(after, ['number'])
  const organisationIds = filter.organisation && (await organisationTree(db, filter.organisation))
  const conditions = conditionsOf(filter, organisationIds, extraValues.length + 2)
  const values: unknown[] = [publicUrl, ...extraValues, ...conditions.values]
  const where = [PUBLISHED, ...extra, ...conditions.sql]
  if (cursor !== undefined) {
    values.push(cursor[0])
    where.push(`c.id < $${values.length}`)
  }
  values.push(limit)
  const text = `
    with page as materialized (select c.id from cases c where ${where.join(' and ')} order by c.id desc limit $${values.length}::int + 1),
         shown as (select id from page order by id desc limit $${values.length}::int)
    select (select string_agg((${select})::text, ',' order by c.id desc) from shown join cases c on c.id = shown.id ${joins}) as items,
           (select count(*) from page) > $${values.length}::int as more, (select min(id) from shown) as last`
  // The usual shapes are prepared once on each connection; rare ones would only pile up there.
  const name =
    conditions.sql.length > 2
      ? undefined
      : `page-${createHash('sha1').update(text).digest('hex').slice(0, 20)}`
  const found = await row<{ items: string | null; more: boolean; last: number | null }>(
    db.pool,
    text,
    values,
    name,
  )
  return {
    items: found?.items ?? '',
    next: found?.more === true && found.last !== null ? writeCursor([found.last]) : null,
  }
}

const PUBLIC_JOINS = `
  join organisations o on o.id = c.organisation_id
  left join services s on s.id = c.service_id left join sources src on src.id = c.source_id`

// Every field that goes out stands here; nothing is taken over from a row.
const PUBLIC_CASE = jsonObject({
  view: `'public'::text`,
  reference: 'c.reference',
  url: `$1::text || '/v1/cases/' || c.reference`,
  kind: 'c.kind',
  title: 'c.moderated_title',
  text: 'c.moderated_text',
  authorName: `case when c.privacy = 'named' then c.public_name end`,
  category: 'c.category_code',
  organisation: nameJson('o'),
  service: nameJson('s'),
  status: 'c.status',
  reportedAt: 'utc(c.reported_at)',
  acknowledgedAt: 'utc(c.acknowledged_at)',
  closedAt: 'utc(c.closed_at)',
  resolvedAt: 'utc(c.resolved_at)',
  updatedAt: 'utc(c.updated_at)',
  visitMonth: 'c.visit_month',
  language: 'c.language',
  tags: 'c.tags',
  ratings: 'c.ratings',
  formalComplaint: 'c.formal_complaint',
  outcome: `case when c.outcome_at is not null then ${jsonObject({ resolved: 'c.outcome_resolved', manner: 'c.outcome_manner' })} end`,
  images: jsonArray(
    jsonObject({
      image: 'i.token',
      url: `$1::text || '/v1/cases/' || c.reference || '/images/' || i.token`,
      mediaType: 'i.media_type',
      width: 'i.width',
      height: 'i.height',
    }),
    'from images i where i.case_id = c.id and not i.hidden',
    'i.id',
  ),
  responses: jsonArray(
    jsonObject(RESPONSE_FIELDS),
    `from responses r ${RESPONSE_JOINS} where r.case_id = c.id and r.publication = 'published'`,
    'r.responded_at, r.id',
  ),
  position: `case when c.latitude is not null then ${jsonObject({ latitude: 'c.latitude', longitude: 'c.longitude' })} end`,
  source: attributionJson('c.source_link'),
})
