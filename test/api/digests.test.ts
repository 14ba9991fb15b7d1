import t, { type Test } from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { noteQueryDigests } from '../../domain/query-digests.ts'
import { rows } from '../../prisma/client.ts'
import { mailSetting } from '../workers/mail-setting.ts'
import { readMail } from '../workers/smtp-server.ts'
import { refused } from './answers.ts'
import { type Answer, PUBLIC_URL, publishedCase, staff } from './harness.ts'

const UNKNOWN = 'K7QD-M2XW-9TRB-H'
const DAY_MS = 24 * 3600_000
const by = { 'acting-user': 'person-1' }
const setting = await mailSetting(t)
const { harness, db, server, send } = setting
const { call, keys } = harness
const query = await savedQuery({ organisation: ['T01'] })

t.beforeEach(async () => {
  await setting.reset()
  await rows(db.pool, 'delete from digests')
})

t.test('an address is asked first, and gets nothing before it has said yes', async (t) => {
  const made = await order(t, 'one@example.org')
  t.match(made.body, { query, every: 'day', state: 'unconfirmed', nextAt: null, confirmedAt: null })
  t.equal(made.headers.location, `${PUBLIC_URL}/v1/digests/${made.body.id}`)
  await published()
  await indexCases(db)
  await noteQueryDigests(db, later(2))
  await sendLater()
  t.same(subjects(), [`Care Connect: please confirm news of "T01 (invented)"`])
  t.equal(server.received[0]?.to, 'one@example.org')

  const token = tokenIn(server.received[0]?.raw)
  const confirm = () => call({ method: 'POST', url: `/v1/digest-links/${token}/confirmations` })
  const answer = await confirm()
  t.equal(answer.status, 204, answer.text)
  t.equal((await confirm()).status, 204, 'again changes nothing')
  const read = await call({ url: `/v1/digests/${made.body.id}`, key: keys.supplier })
  t.match(read.body, { state: 'active', confirmedAt: String })
  t.ok(read.body.nextAt > new Date().toISOString())
  await noteQueryDigests(db, new Date(read.body.nextAt))
  await send()
  t.equal(server.received.length, 1, 'what was before is not told')
})

t.test('a digest tells each case once, with a link and nothing of what it says', async (t) => {
  const { id } = await confirmed(t, 'two@example.org')
  const one = await published({ text: 'CANARY (invented)' })
  const elsewhere = await published({ organisation: 'T02' })
  const gone = await published()
  await answered(t, one)
  await removed(t, gone)
  await indexCases(db)
  const due = new Date((await call({ url: `/v1/digests/${id}`, key: keys.supplier })).body.nextAt)
  t.equal(await noteQueryDigests(db, new Date(due.getTime() - 1)), 0, 'not before it is due')
  const both = await Promise.all([noteQueryDigests(db, due), noteQueryDigests(db, due)])
  t.equal(both[0] + both[1], 1, 'once, however many look')
  t.equal(await noteQueryDigests(db, due), 0)
  await sendLater()
  t.same(subjects(), ['Care Connect: 1 new about "T01 (invented)"'])
  const { text, raw } = server.received[0] ?? { text: '', raw: '' }
  t.match(text, `${one.reference}  ${PUBLIC_URL}/v1/cases/${one.reference}`)
  for (const reference of [elsewhere.reference, gone.reference]) t.notMatch(text, reference)
  t.notMatch(raw, /CANARY|waited for hours/)

  await noteQueryDigests(db, later(2))
  await sendLater()
  t.equal(server.received.length, 1, 'nothing new, no mail')
})

t.test('what was taken down between the note and the mail is not told', async (t) => {
  await confirmed(t, 'three@example.org')
  const gone = await published()
  await indexCases(db)
  t.equal(await noteQueryDigests(db, later(2)), 1)
  await removed(t, gone)
  await sendLater()
  t.equal(server.received.length, 0)
  t.same(await rows(db.pool, `select state, problem from notifications where kind = 'query_digest'`), [
    { state: 'dropped', problem: 'no_news' },
  ])
})

t.test(
  'a worker that was killed after the note loses nothing, and what comes later is told the next time',
  async (t) => {
    const { id } = await confirmed(t, 'four@example.org')
    const first = await published()
    await indexCases(db)
    await noteQueryDigests(db, later(2))
    const second = await published()
    await indexCases(db)
    await noteQueryDigests(db, later(3))
    await sendLater()
    t.equal(server.received.length, 2)
    t.same(
      server.received
        .map(({ text }) => [first, second].map(({ reference }) => text.includes(reference)))
        .sort(),
      [
        [false, true],
        [true, false],
      ],
    )
    t.match((await call({ url: `/v1/digests/${id}`, key: keys.supplier })).body, { state: 'active' })
  },
)

t.test('a mail about words waits until they are in the index', async (t) => {
  const name = 'Waiting (invented)'
  const body = { name, filter: { q: 'waited' } }
  const saved = await call({ method: 'POST', url: '/v1/queries', key: keys.supplier, headers: by, body })
  await confirmed(t, 'words@example.org', { query: saved.body.id })
  const { reference } = await published()
  await indexCases(db)
  t.equal(await noteQueryDigests(db, later(2)), 1)
  const [state] = await rows<{ position: number }>(db.pool, 'select position from log_state')
  await rows(db.pool, 'update log_state set position = 0')
  await sendLater()
  t.equal(server.received.length, 0, 'the index is being built anew')
  t.match(await rows(db.pool, `select state, problem from notifications where kind = 'query_digest'`), [
    { state: 'waiting', problem: 'not_made' },
  ])
  await rows(db.pool, 'update log_state set position = $1', [state?.position])
  await sendLater()
  t.match(server.received[0]?.text, reference)
})

t.test('one click ends it for good, and its address is forgotten', async (t) => {
  const { id } = await confirmed(t, 'five@example.org')
  await published()
  await indexCases(db)
  await noteQueryDigests(db, later(2))
  await sendLater()
  const raw = (server.received[0]?.raw ?? '').replaceAll(/\r\n[ \t]/g, ' ')
  t.match(raw, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m)
  const [, address = ''] = /^List-Unsubscribe: <(\S+)>\r$/m.exec(raw) ?? []
  t.ok(address.startsWith(`${PUBLIC_URL}/v1/digest-links/`), raw)
  const url = address.slice(PUBLIC_URL.length)
  const click = (type: string, payload: string) =>
    harness.app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })
  const plain = await click('application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click')
  t.equal(plain.statusCode, 204, 'as a mail program does it (RFC 8058)')
  const part = 'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click'
  const inParts = await click('multipart/form-data; boundary=x', `--x\r\n${part}\r\n--x--\r\n`)
  t.equal(inParts.statusCode, 204, 'or so')
  t.equal((await call({ method: 'POST', url })).status, 204, 'again, without a body')
  t.match((await call({ url: `/v1/digests/${id}`, key: keys.supplier })).body, {
    state: 'ended',
    nextAt: null,
  })
  const [kept] = await rows<{ address_sealed: string }>(db.pool, 'select address_sealed from digests')
  t.equal(kept?.address_sealed, '')
  t.equal((await order(t, 'five@example.org')).body.state, 'unconfirmed', 'and may be begun anew')
})

t.test('a token that is none says nothing', async (t) => {
  await order(t, 'six@example.org')
  await send()
  const token = tokenIn(server.received[0]?.raw)
  const end = await confirmed(t, 'seven@example.org')
  const at = (value: string, what: string) =>
    call({ method: 'POST', url: `/v1/digest-links/${value}/${what}` })
  const last = token.at(-1) === 'A' ? 'Q' : 'A'
  for (const forged of [
    'x',
    `${token.slice(0, -1)}${last}`,
    `1${token}`,
    token.replace(/\.\d+\./, '.9999999999.'),
  ])
    refused(t, await at(forged, 'confirmations'), 404, 'not_found')
  refused(t, await at(token, 'unsubscriptions'), 404, 'not_found')
  refused(t, await at(end.token, 'unsubscriptions'), 404, 'not_found')

  await call({ method: 'DELETE', url: `/v1/digests/${end.id}`, key: keys.supplier, headers: by })
  refused(t, await at(end.token, 'confirmations'), 404, 'not_found')
})

t.test('a link works for seven days; then the address is forgotten', async (t) => {
  await order(t, 'eight@example.org')
  await rows(db.pool, `update notifications set created_at = created_at - interval '8 days'`)
  await send()
  const url = `/v1/digest-links/${tokenIn(server.received[0]?.raw)}/confirmations`
  refused(t, await call({ method: 'POST', url }), 404, 'not_found')
  await noteQueryDigests(db, later(8))
  t.same(await rows(db.pool, 'select state, address_sealed from digests'), [
    { state: 'ended', address_sealed: '' },
  ])
})

t.test('the same address and query is the same digest, and is asked once a day', async (t) => {
  const first = await order(t, 'nine@example.org')
  const again = await order(t, 'NINE@example.org', { every: 'week' })
  t.equal(again.body.id, first.body.id)
  await send()
  t.equal(server.received.length, 1)
  const other = await call({
    ...ordering('nine@example.org'),
    key: keys.feed_provider,
  })
  t.not(other.body.id, first.body.id, 'nobody learns from it who has asked elsewhere')

  const headers = { ...by, 'idempotency-key': 'digest-1' }
  const once = await call({ ...ordering('ten@example.org'), headers })
  t.same((await call({ ...ordering('ten@example.org'), headers })).body, once.body)
  refused(t, await call({ ...ordering('eleven@example.org'), headers }), 422, 'idempotency_key_reused')
})

t.test('what cannot be ordered is refused', async (t) => {
  const mine = await savedQuery({ overdue: true }, keys.provider, 'mine')
  const ask = (changes: object, key = keys.supplier) =>
    call({
      ...ordering('twelve@example.org'),
      key,
      body: { query, email: 'twelve@example.org', every: 'day', ...changes },
    })
  refused(t, await ask({ query: UNKNOWN }), 400, 'validation_failed', ['body /query unknown_query'])
  refused(t, await ask({ query: mine }), 400, 'validation_failed', ['body /query unknown_query'])
  refused(t, await ask({ query: mine }, keys.provider), 400, 'validation_failed', ['body /query not_public'])
  refused(t, await ask({ email: 'nobody' }), 400, 'validation_failed', ['body /email wrong_format'])
  refused(t, await ask({ every: 'hour' }), 400, 'validation_failed', ['body /every unknown_value'])
  refused(t, await call({ ...ordering('a@example.org'), key: undefined as never }), 401, 'key_missing')
  await rows(
    db.pool,
    `insert into digests (reference, client_id, query_id, address_sealed, address_index, every, state, position, next_at)
     select 'D' || n, c.id, q.id, 'x', decode(md5(n::text), 'hex'), 'day', 'unconfirmed', 0, now()
     from api_clients c, saved_queries q, generate_series(1, 1000) n where c.name = 'supplier' and q.reference = $1`,
    [query],
  )
  refused(t, await ask({}), 409, 'too_many_digests')
})

t.test('a client sees its own digests, without an address', async (t) => {
  const one = await order(t, 'thirteen@example.org')
  const two = await order(t, 'fourteen@example.org')
  const first = await call({ url: '/v1/digests?limit=1', key: keys.supplier })
  t.same(first.body.items, [one.body])
  const rest = await call({ url: `/v1/digests?limit=1&after=${first.body.next}`, key: keys.supplier })
  t.same(rest.body, { items: [two.body], next: null })
  const table = await call({ url: '/v1/digests?format=csv', key: keys.supplier })
  t.match(table.text, 'id,query,every,state,nextAt,createdAt,confirmedAt')
  t.notMatch(table.text + first.text + harness.logged(), /teen@example\.org/)
  refused(t, await call({ url: '/v1/digests' }), 401, 'key_missing')

  const url = `/v1/digests/${one.body.id}`
  t.same((await call({ url, key: keys.supplier })).body, one.body)
  refused(t, await call({ url, key: keys.feed_provider }), 404, 'not_found')
  refused(t, await call({ url: `/v1/digests/${UNKNOWN}`, key: keys.supplier }), 404, 'not_found')
  const end = (key?: string) => call({ method: 'DELETE', url, headers: by, ...(key && { key }) })
  refused(t, await end(), 401, 'key_missing')
  refused(t, await end(keys.feed_provider), 404, 'not_found')
  t.equal((await end(keys.supplier)).status, 204)
  t.equal((await end(keys.supplier)).status, 204, 'a second time changes nothing')
  await send()
  t.same(
    server.received.map(({ to }) => to),
    ['fourteen@example.org'],
    'who is gone is not asked',
  )
})

t.test('links lead to the client’s own pages where it has them', async (t) => {
  await rows(
    db.pool,
    `update api_clients set digest_url = 'https://front.example/digest?t={token}', follow_url = 'https://front.example/c/{reference}'
     where name = 'supplier'`,
  )
  const { token } = await confirmed(t, 'fifteen@example.org')
  t.match(server.received[0]?.text, `https://front.example/digest?t=${token}`)
  const { reference } = await published()
  await indexCases(db)
  await noteQueryDigests(db, later(2))
  await sendLater()
  t.match(server.received[1]?.text, `https://front.example/c/${reference}`)
  t.match(server.received[1]?.text, /To get no more of it: https:\/\/front\.example\/digest\?t=/)
  await rows(db.pool, `update api_clients set digest_url = null where name = 'supplier'`)
})

t.test('with its client go its digests', async (t) => {
  const key = await harness.addClient({ name: 'soon revoked', role: 'supplier' })
  const made = await call({ ...ordering('sixteen@example.org'), key })
  t.equal(made.status, 201, made.text)
  const [{ id } = { id: 0 }] = await rows<{ id: number }>(
    db.pool,
    `select id from api_clients where name = 'soon revoked'`,
  )
  await call({ method: 'DELETE', url: `/v1/clients/${id}`, key: keys.administrator, headers: by })
  t.same(await rows(db.pool, 'select state, address_sealed from digests'), [
    { state: 'ended', address_sealed: '' },
  ])
})

function later(days: number): Date {
  return new Date(Date.now() + days * DAY_MS)
}

// Nobody is told of these cases by mail otherwise.
function published(changes: Record<string, unknown> = {}) {
  const contact = { name: 'Invented Person', phone: '020 7946 0111' }
  return publishedCase(harness, { contact, ...changes })
}

async function sendLater(): Promise<void> {
  setting.pass(10 * DAY_MS)
  await send()
}

function subjects(): string[] {
  return server.received.map(({ raw }) => decoded(readMail(raw).subject))
}

// RFC 2047: a subject with quotes may come encoded.
function decoded(subject: string): string {
  return subject.replaceAll(/=\?UTF-8\?Q\?(.*?)\?=(?: (?==\?))?/g, (_, text: string) =>
    decodeURIComponent(text.replaceAll('_', ' ').replaceAll('=', '%')),
  )
}

function tokenIn(raw: string | undefined): string {
  const { text } = readMail(raw ?? '')
  const [token] = /[0-9a-z]+\.\d+\.[\w-]{22}/.exec(text) ?? []
  if (token === undefined) throw new Error(`there is no token in ${text}`)
  return token
}

function ordering(email: string, changes: object = {}) {
  const body = { query, email, every: 'day', ...changes }
  return { method: 'POST', url: '/v1/digests', key: keys.supplier, headers: by, body } as const
}

async function order(t: Test, email: string, changes: object = {}): Promise<Answer> {
  const answer = await call(ordering(email, changes))
  t.equal(answer.status, 201, answer.text)
  return answer
}

async function confirmed(
  t: Test,
  email: string,
  changes: object = {},
): Promise<{ id: string; token: string }> {
  const { body } = await order(t, email, changes)
  await indexCases(db)
  await send()
  const token = tokenIn(server.received.find(({ to }) => to === email)?.raw)
  const { status } = await call({ method: 'POST', url: `/v1/digest-links/${token}/confirmations` })
  t.equal(status, 204)
  if (!t.name.startsWith('links')) server.received.length = 0
  return { id: body.id, token }
}

async function answered(
  t: Test,
  { reference, version }: { reference: string; version: number },
): Promise<void> {
  const { status, text } = await call({
    method: 'POST',
    url: `/v1/cases/${reference}/responses`,
    key: keys.case_handler,
    headers: staff(version),
    body: { text: 'We are sorry. (Invented.)' },
  })
  t.equal(status, 201, text)
}

async function removed(
  t: Test,
  { reference, version }: { reference: string; version: number },
): Promise<void> {
  const { status, text } = await call({
    method: 'POST',
    url: `/v1/cases/${reference}/decisions`,
    key: keys.case_handler,
    headers: staff(version),
    body: { action: 'remove', reason: 'vexatious' },
  })
  t.equal(status, 201, text)
}

async function savedQuery(filter: object, key = keys.supplier, view = 'public'): Promise<string> {
  const name = view === 'public' ? 'T01 (invented)' : 'Mine (invented)'
  const { body } = await call({
    method: 'POST',
    url: '/v1/queries',
    key,
    headers: by,
    body: { name, view, filter },
  })
  return body.id
}
