import fastify, { type FastifyInstance } from 'fastify'
import type { Db, Prisma } from '../prisma/client.ts'
import { caseSchema, featuresSchema, PUBLIC_URL, pageSchema } from './serve-shapes.ts'

const PUBLIC = { publication: 'published', privacy: { not: 'private' } } as const

const SOURCE = {
  select: { name: true, title: true, siteUrl: true, attribution: true, licence: true },
} as const
const NAME = { select: { code: true, name: true } } as const

const CASE = {
  id: true,
  reference: true,
  kind: true,
  moderatedTitle: true,
  moderatedText: true,
  privacy: true,
  publicName: true,
  categoryCode: true,
  organisation: NAME,
  service: NAME,
  status: true,
  reportedAt: true,
  acknowledgedAt: true,
  closedAt: true,
  resolvedAt: true,
  updatedAt: true,
  visitMonth: true,
  language: true,
  tags: true,
  ratings: true,
  formalComplaint: true,
  outcomeAt: true,
  outcomeResolved: true,
  outcomeManner: true,
  latitude: true,
  longitude: true,
  sourceLink: true,
  source: SOURCE,
  images: {
    where: { hidden: false },
    orderBy: { id: 'asc' },
    select: { token: true, mediaType: true, width: true, height: true },
  },
  responses: {
    where: { publication: 'published' },
    orderBy: [{ respondedAt: 'asc' }, { id: 'asc' }],
    select: {
      reference: true,
      text: true,
      authorName: true,
      respondedAt: true,
      organisation: NAME,
      sourceLink: true,
      source: SOURCE,
    },
  },
} as const satisfies Prisma.CaseSelect

const FEATURE = {
  id: true,
  reference: true,
  kind: true,
  moderatedTitle: true,
  moderatedText: true,
  categoryCode: true,
  organisation: NAME,
  status: true,
  reportedAt: true,
  latitude: true,
  longitude: true,
  sourceLink: true,
  source: SOURCE,
  _count: { select: { responses: { where: { publication: 'published' } } } },
} as const satisfies Prisma.CaseSelect

/** The same routes as one writes them on Fastify and Prisma. */
export function prismaServer({ prisma }: Db): FastifyInstance {
  const app = fastify({ logger: false })
  app.get<{ Params: { reference: string } }>(
    '/cases/:reference',
    { schema: caseSchema },
    async (request, reply) => {
      const { reference } = request.params
      const found = await prisma.case.findFirst({ where: { reference, ...PUBLIC }, select: CASE })
      return found === null ? reply.code(404).send() : caseOf(found)
    },
  )
  app.get<{ Querystring: { after: string; limit: string } }>(
    '/cases',
    { schema: pageSchema },
    async ({ query }) => {
      const limit = Number(query.limit)
      const found = await prisma.case.findMany({
        where: { ...PUBLIC, id: { lt: BigInt(query.after) } },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: CASE,
      })
      return { items: found.slice(0, limit).map(caseOf), next: nextOf(found, limit) }
    },
  )
  app.get<{ Querystring: { bbox: string; limit: string } }>(
    '/geo',
    { schema: featuresSchema },
    async ({ query }) => {
      const [west, south, east, north] = query.bbox.split(',').map(Number) as [number, number, number, number]
      const limit = Number(query.limit)
      const found = await prisma.case.findMany({
        where: { ...PUBLIC, latitude: { gte: south, lte: north }, longitude: { gte: west, lte: east } },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: FEATURE,
      })
      return {
        type: 'FeatureCollection',
        features: found.slice(0, limit).map(featureOf),
        next: nextOf(found, limit),
      }
    },
  )
  return app
}

function nextOf(found: readonly { id: bigint }[], limit: number): string | null {
  const last = found.length > limit ? found[limit - 1] : undefined
  return last === undefined ? null : Buffer.from(`[${last.id}]`).toString('base64url')
}

function caseOf(row: Prisma.CaseGetPayload<{ select: typeof CASE }>) {
  return {
    view: 'public',
    reference: row.reference,
    url: `${PUBLIC_URL}/v1/cases/${row.reference}`,
    kind: row.kind,
    title: row.moderatedTitle,
    text: row.moderatedText,
    authorName: row.privacy === 'named' ? row.publicName : null,
    category: row.categoryCode,
    organisation: row.organisation,
    service: row.service,
    status: row.status,
    reportedAt: row.reportedAt,
    acknowledgedAt: row.acknowledgedAt,
    closedAt: row.closedAt,
    resolvedAt: row.resolvedAt,
    updatedAt: row.updatedAt,
    visitMonth: row.visitMonth,
    language: row.language,
    tags: row.tags,
    ratings: row.ratings,
    formalComplaint: row.formalComplaint,
    outcome: row.outcomeAt === null ? null : { resolved: row.outcomeResolved, manner: row.outcomeManner },
    images: row.images.map(({ token, ...image }) => ({
      image: token,
      url: `${PUBLIC_URL}/v1/cases/${row.reference}/images/${token}`,
      ...image,
    })),
    responses: row.responses.map((response) => ({
      reference: response.reference,
      organisation: response.organisation,
      authorName: response.authorName,
      text: response.text,
      respondedAt: response.respondedAt,
      source: sourceOf(response),
    })),
    position: row.latitude === null ? null : { latitude: row.latitude, longitude: row.longitude },
    source: sourceOf(row),
  }
}

function featureOf(row: Prisma.CaseGetPayload<{ select: typeof FEATURE }>) {
  return {
    type: 'Feature',
    id: row.reference,
    geometry: { type: 'Point', coordinates: [row.longitude, row.latitude] },
    properties: {
      reference: row.reference,
      url: `${PUBLIC_URL}/v1/cases/${row.reference}`,
      kind: row.kind,
      title: row.moderatedTitle,
      text: row.moderatedText,
      category: row.categoryCode,
      organisationCode: row.organisation.code,
      organisationName: row.organisation.name,
      status: row.status,
      reportedAt: row.reportedAt,
      responseCount: row._count.responses,
      attribution: sourceOf(row),
    },
  }
}

type Sourced = {
  sourceLink: string | null
  source: {
    name: string
    title: string
    siteUrl: string | null
    attribution: string | null
    licence: string | null
  } | null
}

function sourceOf({ sourceLink, source }: Sourced) {
  if (source === null) return null
  const { siteUrl, ...attribution } = source
  return { ...attribution, link: sourceLink ?? siteUrl }
}
