import { surveyOf, surveyToken } from '../../domain/surveys.ts'
import { type Call, createCase, type Harness, publishedCase, staff } from './harness.ts'

export type Fixture =
  | 'nothing'
  | 'published'
  | 'referred'
  | 'referredOn'
  | 'closed'
  | 'requested'
  | 'client'
  | 'signer'
  | 'quarantined'

/** What is asked about, with the names of what belongs to it. */
export type Place = {
  reference: string
  url: string
  version: number
  receipt: string
  image?: string
  response?: string
  request?: string
  survey?: string
  client?: number
  key?: string
  /** Of a source that signs: its name, and its secret; `key` is the name of that. */
  source?: string
  secret?: string
  /** In the quarantine of the source `pushed`, with a run that waits for a worker. */
  entry?: string
  run?: string
}

/** A GIF of one pixel. */
export const PICTURE = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

const NOTHING: Place = { reference: '', url: '', version: 1, receipt: 'x'.repeat(43) }

/** Makes what a row asks about, for it alone. */
export async function build(harness: Harness, fixture: Fixture): Promise<Place> {
  switch (fixture) {
    case 'nothing':
      return NOTHING
    case 'client':
      return clientPlace(harness)
    case 'signer':
      return signer(harness)
    case 'quarantined':
      return quarantined(harness)
    case 'published':
      return published(harness)
    case 'referred':
      return referred(harness)
    case 'referredOn':
      return referredOn(harness)
    case 'closed':
      return closed(harness)
    case 'requested':
      return requested(harness)
  }
}

async function published(harness: Harness): Promise<Place> {
  const { keys } = harness
  const { image } = await must(harness, {
    method: 'POST',
    url: '/v1/images',
    key: keys.integrator,
    headers: { 'content-type': 'image/gif' },
    body: PICTURE,
  })
  const one = await publishedCase(harness, { images: [image] })
  const url = `/v1/cases/${one.reference}`
  const { response, case: after } = await must(harness, {
    method: 'POST',
    url: `${url}/responses`,
    key: keys.provider,
    headers: staff(one.version),
    body: { text: 'We are sorry. (Invented.)' },
  })
  return { ...one, url, version: after.version, image, response: response.reference }
}

async function referred(harness: Harness): Promise<Place> {
  const place = await published(harness)
  const { version } = await must(harness, {
    method: 'POST',
    url: `${place.url}/decisions`,
    key: harness.keys.case_handler,
    headers: staff(place.version, 'who-referred'),
    body: { action: 'refer', reason: 'second_opinion' },
  })
  return { ...place, version }
}

async function referredOn(harness: Harness): Promise<Place> {
  const one = await publishedCase(harness, { organisation: 'T02' })
  const url = `/v1/cases/${one.reference}`
  const { version } = await must(harness, {
    method: 'POST',
    url: `${url}/referrals`,
    key: harness.keys.other_provider,
    headers: staff(one.version, 'who-referred'),
    body: { organisation: 'T01' },
  })
  return { ...one, url, version }
}

async function closed(harness: Harness): Promise<Place> {
  const { call: _, db, keys } = harness
  const one = await createCase(harness)
  const url = `/v1/cases/${one.reference}`
  const { version } = await must(harness, {
    method: 'PATCH',
    url,
    key: keys.provider,
    headers: staff(one.version),
    body: { status: 'resolved' },
  })
  const { rows } = await db.pool.query('select id from cases where reference = $1', [one.reference])
  const survey = await surveyOf(db.pool, Number(rows[0].id))
  if (survey === undefined) throw new Error('nobody is asked about the outcome')
  return { ...one, url, version, survey: await surveyToken(db.pool, db.vault, survey) }
}

async function requested(harness: Harness): Promise<Place> {
  const place = await published(harness)
  const { request } = await must(harness, {
    method: 'POST',
    url: `${place.url}/removal-requests`,
    key: harness.keys.provider,
    headers: staff(place.version, 'who-asked'),
    body: { reason: 'vexatious', text: 'It is not so. (Invented.)' },
  })
  return { ...place, version: place.version + 1, request }
}

let entries = 0

async function quarantined(harness: Harness): Promise<Place> {
  const { keys } = harness
  entries += 1
  const lost = {
    type: 'story',
    externalId: `lost-${entries}`,
    text: 'Lost. (Invented.)',
    organisation: 'ZZ999',
  }
  const found = { type: 'story', externalId: 'found', text: 'Found. (Invented.)', organisation: 'T01' }
  await must(harness, {
    method: 'POST',
    url: '/v1/sources/pushed/items',
    key: keys.feed_provider,
    body: { items: [lost, found] },
  })
  const headers = { 'acting-user': 'person-1' }
  const { reference: run } = await must(harness, {
    method: 'POST',
    url: '/v1/sources/pushed/redrives',
    key: keys.administrator,
    headers,
    body: {},
  })
  const { body } = await harness.call({
    url: '/v1/sources/pushed/quarantine?limit=100',
    key: keys.administrator,
  })
  const source = `asked-${entries}`
  const address = 'https://feedback.example.org/stories.rss'
  await must(harness, {
    method: 'POST',
    url: '/v1/sources',
    key: keys.administrator,
    headers,
    body: { name: source, title: 'Asked (invented)', connector: 'feed', address },
  })
  return { ...NOTHING, source, run, entry: body.items.at(-1).reference }
}

let clients = 0

async function clientPlace(harness: Harness): Promise<Place> {
  clients += 1
  const key = await harness.addClient({ name: `invented client ${clients}`, role: 'supplier' })
  const { rows } = await harness.db.pool.query(
    'select c.id, k.prefix from api_clients c join api_keys k on k.client_id = c.id where c.name = $1',
    [`invented client ${clients}`],
  )
  return { ...NOTHING, client: rows[0].id, key: key.split('_')[2] ?? '' }
}

let signers = 0

async function signer(harness: Harness): Promise<Place> {
  signers += 1
  const as = { key: harness.keys.administrator, headers: { 'acting-user': 'admin-1' } }
  const source = `signer-${signers}`
  const body = { name: source, title: 'Invented' }
  await must(harness, { method: 'POST', url: '/v1/sources', ...as, body })
  const { id, secret } = await must(harness, { method: 'POST', url: `/v1/sources/${source}/secrets`, ...as })
  return { ...NOTHING, source, secret, key: id }
}

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer.
async function must({ call }: Harness, request: Call): Promise<any> {
  const { body, status, text } = await call(request)
  if (status >= 300) throw new Error(`${request.method} ${request.url}: ${status} ${text}`)
  return body
}
