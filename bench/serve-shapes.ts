/*
 * What the servers beside ours put on the wire: the fields of ours, as response schemas of Fastify.
 */
const text = { type: 'string', nullable: true }
const time = { type: 'string', format: 'date-time', nullable: true }
const name = { type: 'object', nullable: true, properties: { code: text, name: text } }
const number = { type: 'number', nullable: true }
const yes = { type: 'boolean', nullable: true }
const array = (items: object) => ({ type: 'array', items })
const object = (properties: object) => ({ type: 'object', nullable: true, properties })

const attribution = object({ name: text, title: text, link: text, attribution: text, licence: text })

const theCase = object({
  view: text,
  reference: text,
  url: text,
  kind: text,
  title: text,
  text,
  authorName: text,
  category: text,
  organisation: name,
  service: name,
  status: text,
  reportedAt: time,
  acknowledgedAt: time,
  closedAt: time,
  resolvedAt: time,
  updatedAt: time,
  visitMonth: text,
  language: text,
  tags: array(text),
  ratings: array(
    object({
      question: text,
      answer: text,
      value: number,
      scale: object({ min: number, max: number, best: text }),
    }),
  ),
  formalComplaint: yes,
  outcome: object({ resolved: yes, manner: yes }),
  images: array(object({ image: text, url: text, mediaType: text, width: number, height: number })),
  responses: array(
    object({
      reference: text,
      organisation: name,
      authorName: text,
      text,
      respondedAt: time,
      source: attribution,
    }),
  ),
  position: object({ latitude: number, longitude: number }),
  source: attribution,
})

const feature = object({
  type: text,
  id: text,
  geometry: object({ type: text, coordinates: array(number) }),
  properties: object({
    reference: text,
    url: text,
    kind: text,
    title: text,
    text,
    category: text,
    organisationCode: text,
    organisationName: text,
    status: text,
    reportedAt: time,
    responseCount: number,
    attribution,
  }),
})

export const caseSchema = { response: { 200: theCase } }
export const pageSchema = { response: { 200: object({ items: array(theCase), next: text }) } }
export const featuresSchema = {
  response: { 200: object({ type: text, features: array(feature), next: text }) },
}
export const cellsSchema = {
  response: {
    200: array(object({ column: number, row: number, status: text, count: number, x: number, y: number })),
  },
}

export const PUBLIC_URL = 'https://bench.example'
