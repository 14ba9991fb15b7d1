import fastify, { type FastifyInstance } from 'fastify'
import pg from 'pg'
import { caseSchema, cellsSchema, featuresSchema, PUBLIC_URL, pageSchema } from './serve-shapes.ts'

const PUBLIC = `c.publication = 'published' and c.privacy <> 'private'`

const CASE = `
  select c.id, c.reference, c.kind, c.moderated_title, c.moderated_text, c.privacy, c.public_name, c.category_code,
    c.status, c.reported_at, c.acknowledged_at, c.closed_at, c.resolved_at, c.updated_at, c.visit_month, c.language, c.tags,
    c.ratings, c.formal_complaint, c.outcome_at, c.outcome_resolved, c.outcome_manner, c.latitude, c.longitude, c.source_link,
    o.code as organisation_code, o.name as organisation_name, s.code as service_code, s.name as service_name,
    src.name as source_name, src.title as source_title, src.site_url, src.attribution, src.licence,
    (select coalesce(json_agg(i order by i.id), '[]')
     from (select id, token, media_type, width, height from images where case_id = c.id and not hidden) i) as images,
    (select coalesce(json_agg(r order by r.responded_at, r.id), '[]') from (
       select r.id, r.reference, r.text, r.author_name, r.responded_at, r.source_link, ro.code as organisation_code,
         ro.name as organisation_name, rs.name as source_name, rs.title as source_title, rs.site_url, rs.attribution, rs.licence
       from responses r left join organisations ro on ro.id = r.organisation_id left join sources rs on rs.id = r.source_id
       where r.case_id = c.id and r.publication = 'published') r) as responses
  from cases c join organisations o on o.id = c.organisation_id
  left join services s on s.id = c.service_id left join sources src on src.id = c.source_id`

const FEATURE = `
  select c.id, c.reference, c.kind, c.moderated_title, c.moderated_text, c.category_code, c.status, c.reported_at, c.latitude,
    c.longitude, c.source_link, o.code as organisation_code, o.name as organisation_name, src.name as source_name,
    src.title as source_title, src.site_url, src.attribution, src.licence,
    (select count(*)::int from responses r where r.case_id = c.id and r.publication = 'published') as response_count
  from cases c join organisations o on o.id = c.organisation_id left join sources src on src.id = c.source_id`

// The same indexes as ours, by the shortest statement for each: lists and boxes walk along the keys, a tile is one range of cells.
const STATEMENTS = {
  one: `${CASE} where c.reference = $1 and ${PUBLIC}`,
  list: `${CASE} where ${PUBLIC} and c.id < $1 order by c.id desc limit $2`,
  box: `${FEATURE} where ${PUBLIC} and c.latitude between $1 and $3 and c.longitude between $2 and $4
    order by c.id desc limit $5`,
  // The cells of a tile, counted now.
  cells: `select floor(c.pt[0] * $5)::int as "column", floor(c.pt[1] * $5)::int as "row", c.status, count(*)::int as count,
      avg(c.pt[0]) as x, avg(c.pt[1]) as y
    from cases c where ${PUBLIC} and map_cell(c.pt) between map_cell(point($1, $2)) and map_cell(point($3 - 1e-9, $4 - 1e-9))
    group by 1, 2, 3`,
}

/** A service as one writes it by hand on Fastify and pg: named statements, rows as objects, a response schema. */
export function bareServer(url: string, connections: number): FastifyInstance {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  const ask = async (name: keyof typeof STATEMENTS, values: unknown[]) =>
    (await pool.query<Row>({ name, text: STATEMENTS[name], values })).rows
  const app = fastify({ logger: false })

  app.get<{ Params: { reference: string } }>(
    '/cases/:reference',
    { schema: caseSchema },
    async (request, reply) => {
      const [found] = await ask('one', [request.params.reference])
      return found === undefined ? reply.code(404).send() : caseOf(found)
    },
  )
  app.get<{ Querystring: { after: string; limit: string } }>(
    '/cases',
    { schema: pageSchema },
    async ({ query }) => {
      const limit = Number(query.limit)
      const found = await ask('list', [query.after, limit + 1])
      return pageOf(found, limit, 'items', caseOf)
    },
  )
  app.get<{ Querystring: { bbox: string; limit: string } }>(
    '/geo',
    { schema: featuresSchema },
    async ({ query }) => {
      const [west, south, east, north] = query.bbox.split(',').map(Number)
      const limit = Number(query.limit)
      const found = await ask('box', [south, west, north, east, limit + 1])
      return { type: 'FeatureCollection', ...pageOf(found, limit, 'features', featureOf) }
    },
  )
  app.get<{ Params: TileAddress }>('/cells/:z/:x/:y', { schema: cellsSchema }, async ({ params }) => {
    const [z, x, y] = [Number(params.z), Number(params.x), Number(params.y)]
    const side = 2 ** z
    return ask('cells', [x / side, y / side, (x + 1) / side, (y + 1) / side, side * 8])
  })
  return app
}

type TileAddress = { z: string; x: string; y: string }

// biome-ignore lint/suspicious/noExplicitAny: as rows come by hand
type Row = Record<string, any>

function pageOf(found: Row[], limit: number, name: string, view: (row: Row) => object) {
  const shown = found.slice(0, limit)
  const last = found.length > limit ? shown.at(-1) : undefined
  const next = last === undefined ? null : Buffer.from(`[${last.id}]`).toString('base64url')
  return { [name]: shown.map(view), next }
}

function caseOf(row: Row) {
  return {
    view: 'public',
    reference: row.reference,
    url: `${PUBLIC_URL}/v1/cases/${row.reference}`,
    kind: row.kind,
    title: row.moderated_title,
    text: row.moderated_text,
    authorName: row.privacy === 'named' ? row.public_name : null,
    category: row.category_code,
    organisation: { code: row.organisation_code, name: row.organisation_name },
    service: row.service_code === null ? null : { code: row.service_code, name: row.service_name },
    status: row.status,
    reportedAt: row.reported_at,
    acknowledgedAt: row.acknowledged_at,
    closedAt: row.closed_at,
    resolvedAt: row.resolved_at,
    updatedAt: row.updated_at,
    visitMonth: row.visit_month,
    language: row.language,
    tags: row.tags,
    ratings: row.ratings,
    formalComplaint: row.formal_complaint,
    outcome: row.outcome_at === null ? null : { resolved: row.outcome_resolved, manner: row.outcome_manner },
    images: row.images.map((image: Row) => ({
      image: image.token,
      url: `${PUBLIC_URL}/v1/cases/${row.reference}/images/${image.token}`,
      mediaType: image.media_type,
      width: image.width,
      height: image.height,
    })),
    responses: row.responses.map((response: Row) => ({
      reference: response.reference,
      organisation:
        response.organisation_code === null
          ? null
          : { code: response.organisation_code, name: response.organisation_name },
      authorName: response.author_name,
      text: response.text,
      // A time in JSON is text in PostgreSQL's own form.
      respondedAt: new Date(response.responded_at),
      source: sourceOf(response),
    })),
    position: row.latitude === null ? null : { latitude: row.latitude, longitude: row.longitude },
    source: sourceOf(row),
  }
}

function featureOf(row: Row) {
  return {
    type: 'Feature',
    id: row.reference,
    geometry: { type: 'Point', coordinates: [row.longitude, row.latitude] },
    properties: {
      reference: row.reference,
      url: `${PUBLIC_URL}/v1/cases/${row.reference}`,
      kind: row.kind,
      title: row.moderated_title,
      text: row.moderated_text,
      category: row.category_code,
      organisationCode: row.organisation_code,
      organisationName: row.organisation_name,
      status: row.status,
      reportedAt: row.reported_at,
      responseCount: row.response_count,
      attribution: sourceOf(row),
    },
  }
}

function sourceOf(row: Row) {
  if (row.source_name === null) return null
  return {
    name: row.source_name,
    title: row.source_title,
    link: row.source_link ?? row.site_url,
    attribution: row.attribution,
    licence: row.licence,
  }
}
