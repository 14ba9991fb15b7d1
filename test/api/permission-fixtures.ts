import { placeEvents } from '../../domain/change-log.ts'
import { confirmationToken, endToken } from '../../domain/digest-links.ts'
import { ARCHIVE_POSITIONS } from '../../domain/feed.ts'
import { recordRecalls } from '../../domain/recalls.ts'
import { surveyOf, surveyToken } from '../../domain/surveys.ts'
import { inTransaction, rows } from '../../prisma/client.ts'
import { noteAll } from '../noted.ts'
import { type Call, createCase, type Harness, publishedCase, staff } from './harness.ts'

export type Fixture =
  | 'nothing'
  | 'published'
  | 'referred'
  | 'referredOn'
  | 'closed'
  | 'requested'
  | 'paused'
  | 'extended'
  | 'escalated'
  | 'client'
  | 'signer'
  | 'subscribed'
  | 'queried'
  | 'ordered'
  | 'recalled'
  | 'retained'
  | 'erased'
  | 'imported'
  | 'quarantined'
  | 'failed'
  | 'archived'
  | 'template'

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
  /** With a delivery, whose id is the `key`. */
  subscription?: string
  /** In the quarantine of the source `pushed`, with a run that waits for a worker. */
  entry?: string
  run?: string
  /** A client's own thing, and the token of a mail about it. */
  own?: string
  token?: string
  /** One that could not be told. */
  notification?: number
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
    case 'subscribed':
      return subscribed(harness)
    case 'queried':
      return queried(harness)
    case 'ordered':
      return ordered(harness)
    case 'recalled':
      return recalled(harness)
    case 'retained':
      return retained(harness)
    case 'imported':
      return imported(harness)
    case 'erased':
      return erased(harness)
    case 'quarantined':
      return quarantined(harness)
    case 'failed':
      return failedNotification(harness)
    case 'archived':
      return archived(harness)
    case 'template':
      return template(harness)
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
    case 'paused':
      return after(harness, 'pause', { text: 'Which ward? (Invented.)' })
    case 'extended':
      return after(harness, 'extensions', {
        workingDays: 5,
        reason: 'They are away. (Invented.)',
        consent: 'asked',
      })
    case 'escalated':
      return after(harness, 'escalations', { reason: 'no_response' })
  }
}

/** A log that is long enough for an archive page of the feeds. */
async function archived({ db }: Harness): Promise<Place> {
  await db.pool.query(`insert into events (type) select 'policy.changed' from generate_series(1, $1::int)`, [
    ARCHIVE_POSITIONS,
  ])
  await placeEvents(db)
  return NOTHING
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

async function imported(harness: Harness): Promise<Place> {
  const file = await must(harness, {
    method: 'POST',
    url: '/v1/organisation-imports',
    key: harness.keys.administrator,
    headers: { 'acting-user': 'person-1', 'content-type': 'text/csv' },
    body: 'code,name,kind\nINVENTED,Invented,trust\n',
  })
  return { ...NOTHING, key: file.import }
}

async function erased(harness: Harness): Promise<Place> {
  const { reference } = await createCase(harness)
  const { erasure } = await must(harness, {
    method: 'POST',
    url: '/v1/erasures',
    key: harness.keys.administrator,
    headers: { 'acting-user': 'person-1' },
    body: { case: reference, reason: 'request' },
  })
  return { ...NOTHING, key: erasure }
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

/** A published case after one more step of the central team. */
async function after(harness: Harness, under: string, body: object): Promise<Place> {
  const place = await published(harness)
  const { version } = await must(harness, {
    method: 'POST',
    url: `${place.url}/${under}`,
    key: harness.keys.case_handler,
    headers: staff(place.version),
    body,
  })
  return { ...place, version }
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

async function failedNotification(harness: Harness): Promise<Place> {
  const { reference } = await createCase(harness)
  await noteAll(harness.db)
  const [one] = await rows<{ id: number }>(
    harness.db.pool,
    `update notifications n set state = 'failed', problem = 'smtp_550' from cases c
     where c.id = n.case_id and c.reference = $1 and n.kind = 'receipt_for_reporter' returning n.id`,
    [reference],
  )
  if (one === undefined) throw new Error('nobody was to be told')
  return { ...NOTHING, notification: one.id }
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

/** A subscription of the supplier's. */
async function subscribed(harness: Harness): Promise<Place> {
  const key = harness.keys.supplier
  const body = { url: 'https://receiver.example.org/in' }
  const { id } = await must(harness, { method: 'POST', url: '/v1/subscriptions', key, body })
  const delivery = await must(harness, { method: 'POST', url: `/v1/subscriptions/${id}/tests`, key })
  return { ...NOTHING, subscription: id, key: delivery.id }
}

let templates = 0

async function template(harness: Harness): Promise<Place> {
  templates += 1
  const { keys } = harness
  const body = {
    code: `own_${templates}`,
    name: 'Invented',
    organisation: 'T01',
    text: '=Sorry, {organisation}. (Invented.)',
    kinds: ['concern', 'question'],
  }
  const headers = { 'acting-user': 'person-1' }
  const url = '/v1/response-templates'
  const { template } = await must(harness, { method: 'POST', url, key: keys.provider, headers, body })
  return { ...NOTHING, own: `${url}/${template}` }
}

let queries = 0

async function queried(harness: Harness): Promise<Place> {
  queries += 1
  const key = harness.keys.supplier
  const body = { name: `Invented ${queries}`, filter: {} }
  const { id } = await must(harness, { method: 'POST', url: '/v1/queries', key, body })
  return { ...NOTHING, own: `/v1/queries/${id}` }
}

async function ordered(harness: Harness): Promise<Place> {
  const { db, keys } = harness
  const query = (await queried(harness)).own?.split('/').at(-1)
  const body = { query, email: 'invented@example.org', every: 'day' }
  const { id } = await must(harness, { method: 'POST', url: '/v1/digests', key: keys.supplier, body })
  const found = await rows<{ id: number }>(db.pool, 'select id from digests where reference = $1', [id])
  const digest = found[0]?.id as number
  const token = await confirmationToken(db.pool, db.vault, digest, new Date().toISOString())
  return { ...NOTHING, own: `/v1/digests/${id}`, token, key: await endToken(db.pool, db.vault, digest) }
}

// Its own case is nobody's place: what is asked about is the recall, whose holder is the supplier.
async function recalled(harness: Harness): Promise<Place> {
  const { db } = harness
  const { reference } = await publishedCase(harness)
  const found = await rows<{ id: number }>(
    db.pool,
    `insert into delivered_copies (case_id, client_id)
     select c.id, k.id from cases c, api_clients k where c.reference = $1 and k.role = 'supplier' returning case_id as id`,
    [reference],
  )
  const { id } = found[0] as { id: number }
  const [recall] = await inTransaction(db, (tx) =>
    recordRecalls(tx, [{ id, reference }], { reason: 'removed', now: new Date() }),
  )
  return { ...NOTHING, key: recall as string }
}

let kept = 0

/** A retention policy of a source, a run that waits for a worker, and a legal hold. */
async function retained(harness: Harness): Promise<Place> {
  kept += 1
  const as = {
    method: 'POST',
    key: harness.keys.administrator,
    headers: { 'acting-user': 'admin-1' },
  } as const
  const source = `kept-${kept}`
  await must(harness, { ...as, url: '/v1/sources', body: { name: source, title: 'Invented' } })
  const policy = await must(harness, {
    ...as,
    url: '/v1/retention-policies',
    body: { source, rawAfterDays: 90 },
  })
  const { run } = await must(harness, { ...as, url: '/v1/retention-runs', body: { dryRun: true } })
  const body = { organisation: 'T09', reason: 'Inquest. (Invented.)' }
  const { hold } = await must(harness, { ...as, url: '/v1/legal-holds', body })
  return { ...NOTHING, own: `/v1/retention-policies/${policy.id}`, run, key: hold }
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
