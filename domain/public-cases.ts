import { type Db, row, type Sql } from '../prisma/client.ts'
import { type CaseFilter, PUBLISHED, resolveFilter } from './case-filter.ts'
import { type CaseOrder, keysOf } from './case-keys.ts'
import { attributionJson, nameJson, RESPONSE_FIELDS, RESPONSE_JOINS } from './case-rows.ts'
import { writeCursor } from './cursors.ts'
import { invalid } from './errors.ts'
import { type Includable, type Included, includedOf, REFERRED, type Referred } from './included.ts'
import { jsonArray, jsonObject } from './json-sql.ts'
import { limitTo, preparedName } from './sql-conditions.ts'

/** A page whose items are JSON already, as PostgreSQL built it. */
export type JsonPage = { items: string; count: number; next: string | null; referred?: Referred }

export type PublicListing = {
  filter: CaseFilter
  /** Newest first if nothing is said. */
  order?: CaseOrder | undefined
  after?: string | undefined
  limit: number
  publicUrl: string
  /** Only these fields of each item. */
  fields?: readonly string[] | undefined
  /** What the cases refer to, with them. */
  include?: readonly Includable[] | undefined
}

/** What a page is made of: the items' fields as SQL over `c`, whose `$1` is the public address, and the joins they need. */
export type PageShape = {
  item: (fields: readonly string[] | undefined, snippet: string | undefined) => string
  joins: string
  /** Its items can have a `snippet`. */
  snippets?: boolean
  /** Only cases that stand somewhere. */
  placed?: boolean
}

/** A page of published cases as the JSON of `PublicCase`; with words to look for also where they stand. */
export async function listPublicCases(
  db: Db,
  listing: PublicListing,
): Promise<JsonPage & { included?: Included }> {
  const page = await jsonPage(db, listing, PUBLIC_PAGE)
  if (listing.include === undefined || page.referred === undefined) return page
  return { ...page, included: await includedOf(db, listing.include, page.referred) }
}

/** One published case as the JSON of `PublicCase`, by its reference, or undefined when the public cannot read it. */
export async function getPublicCase(
  sql: Sql,
  reference: string,
  publicUrl: string,
): Promise<string | undefined> {
  const found = await row<{ json: string }>(
    sql,
    `select (${PUBLIC_CASE})::text as json from cases c ${PUBLIC_JOINS} where c.reference = $2 and ${PUBLISHED}`,
    [publicUrl, reference],
    'public-case',
  )
  return found?.json
}

/** A page of what `shape` makes of the published cases of a filter. */
export async function jsonPage(db: Db, listing: PublicListing, shape: PageShape): Promise<JsonPage> {
  const { limit, publicUrl, order = 'newest', after, fields } = listing
  const resolved = await resolveFilter(db, listing.filter)
  const keys = await keysOf(db, resolved, { order, after, wanted: limit + 1, placed: shape.placed })
  const values = [publicUrl, ...keys.values]
  const sorted = order === 'newest' ? 'desc' : 'asc'
  const words = shape.snippets && fieldsName(fields, 'snippet') ? resolved.words : undefined
  const json = shape.item(fields, words === undefined ? undefined : snippet(`$${values.push(words)}`))
  // The address is named once more, because the fields that are wanted may not need it. Each case is fetched by its key:
  // said `is true`, what is public brings no other index to mind.
  const text = `
    with address as (select $1::text), page as materialized (${keys.text}),
         shown as (select id from page order by id ${sorted} ${limitTo(limit)})
    select listed.items, listed.count,
           (select count(*) from page) > ${limit} as more,
           (select ${order === 'newest' ? 'min' : 'max'}(id) from shown) as last
           ${listing.include === undefined ? '' : `, ${REFERRED} as referred`}
    from (select string_agg((${json})::text, ',' order by c.id ${sorted}) as items, count(*)::int as count
          from shown join cases c on c.id = shown.id ${shape.joins} where (${PUBLISHED}) is true) as listed`
  // The usual shapes are prepared once on each connection; rare ones would only pile up there.
  const name = keys.usual && fields === undefined ? preparedName('page', text, limit) : undefined
  const page = await row<PageRow>(db.pool, text, values, name)
  return {
    items: page?.items ?? '',
    count: page?.count ?? 0,
    next: page?.more === true && page.last !== null ? writeCursor([page.last]) : null,
    ...(page?.referred && { referred: page.referred }),
  }
}

type PageRow = {
  items: string | null
  count: number
  more: boolean
  last: number | null
  referred?: Referred
}

function fieldsName(fields: readonly string[] | undefined, name: string): boolean {
  return fields === undefined || fields.includes(name)
}

// About thirty words in two pieces; the signs stand in no text that anybody types.
const snippet = (words: string): string => `ts_headline('care_words',
  concat_ws(' … ', c.moderated_title, c.moderated_text,
    (select string_agg(r.text, ' … ' order by r.responded_at, r.id) from responses r where r.case_id = c.id and r.publication = 'published')),
  ${words}::tsquery, 'StartSel=⟦, StopSel=⟧, MaxFragments=2, MinWords=6, MaxWords=15, FragmentDelimiter=" … "')`

/** SQL for an object of those of `fields` that are wanted; throws `validation_failed` at `/fields` for a name that is none. */
export function pickedJson(
  fields: Readonly<Record<string, string>>,
  wanted: readonly string[] | undefined,
): string {
  if (wanted === undefined) return jsonObject(fields)
  refuseUnknownFields(wanted, Object.keys(fields))
  return jsonObject(Object.fromEntries(wanted.map((name) => [name, fields[name] as string])))
}

/** Throws `validation_failed` at `/fields` for a field that the item asked for does not have. */
export function refuseUnknownFields(wanted: readonly string[], known: readonly string[]): void {
  const unknown = wanted.find((name) => !known.includes(name))
  if (unknown === undefined) return
  throw invalid({
    in: 'query',
    pointer: '/fields',
    code: 'unknown_field',
    detail: `There is no field "${unknown}" here; there is ${known.join(', ')}.`,
  })
}

const PUBLIC_JOINS = `
  join organisations o on o.id = c.organisation_id
  left join services s on s.id = c.service_id left join sources src on src.id = c.source_id`

// Every field that goes out stands here; nothing is taken over from a row.
const PUBLIC_FIELDS = {
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
}

const PUBLIC_CASE = jsonObject(PUBLIC_FIELDS)

const PUBLIC_PAGE: PageShape = { item: publicCaseJson, joins: PUBLIC_JOINS, snippets: true }

// Whoever names the snippet among the fields may leave out the words, and gets what the whole case would have: none.
function publicCaseJson(fields: readonly string[] | undefined, snippet: string | undefined): string {
  return snippet === undefined
    ? pickedJson(
        PUBLIC_FIELDS,
        fields?.filter((name) => name !== 'snippet'),
      )
    : pickedJson({ ...PUBLIC_FIELDS, snippet }, fields)
}
