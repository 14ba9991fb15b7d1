import t from 'tap'
import { addresseeOf } from '../../domain/addressees.ts'
import { indexCases } from '../../domain/case-index.ts'
import { forgetOldDeliveries } from '../../domain/deliveries.ts'
import { MOST_ATTEMPTS, nextDelivery } from '../../domain/delivery-plan.ts'
import { fanOutStep } from '../../domain/fan-out.ts'
import { rows } from '../../prisma/client.ts'
import { fillTemplate } from '../../workers/mail/template.ts'
import { templates } from '../../workers/mail/templates.ts'
import { PUBLIC_URL, publishedCase, staff } from '../api/harness.ts'
import { deliveriesOf, type Subscribed, stateOf, verify, webhookSetting } from './webhook-setting.ts'

const SECOND = 1_000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR

t.test('the pauses between attempts grow over three days, and scatter', async (t) => {
  const now = new Date('2026-11-22T12:00:00Z')
  const after = (attempts: number, random = 0, wish: number | null = null): number | undefined => {
    const next = nextDelivery(attempts, wish, now, () => random)
    return next === null ? undefined : (next.getTime() - now.getTime()) / SECOND
  }
  const pauses = Array.from({ length: MOST_ATTEMPTS }, (_, n) => after(n + 1))
  t.same(pauses, [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, undefined])
  t.equal(after(1, 1), 6)
  t.equal(after(5, 0.5), 7_920)
  t.equal(after(1, 0, 120), 120, 'a receiver may ask for longer')
  t.equal(after(4, 0, 120), 1_800, 'and not for shorter')
  t.equal(after(1, 0, 10_000_000), 86_400, 'and for a day at most')
  t.equal(after(MOST_ATTEMPTS, 0, 60), undefined, 'the last one is the last one')
})

t.test('webhooks that go wrong', async (t) => {
  const setting = await webhookSetting(t)
  const { harness, db, receiver, subscribe, send, worker, pass, now } = setting
  const { call, keys } = harness
  const problems = async (of: Subscribed) => (await deliveriesOf(db, of)).map(({ problem }) => problem)
  const read = async ({ reference, key }: Subscribed) =>
    (await call({ url: `/v1/subscriptions/${reference}`, key })).body
  const newCase = async () => {
    const made = await publishedCase(harness)
    await indexCases(db)
    return made
  }

  await t.test('410 ends a subscription, and what waits is cancelled', async (t) => {
    const there = await receiver((_, response) => void response.writeHead(410).end('Gone. (Invented.)'))
    const one = await subscribe(there.url)
    const { reference, version } = await newCase()
    await call({
      ...{ method: 'POST', url: `/v1/cases/${reference}/responses`, key: keys.provider },
      ...{ headers: staff(version), body: { text: 'We are sorry. (Invented.)' } },
    })
    await send(one)
    t.equal(there.taken.length, 1)
    t.match(await stateOf(db, one), { state: 'ended', reason: 'gone' })
    t.match(await deliveriesOf(db, one), [
      { state: 'failed', problem: 'gone' },
      { state: 'cancelled', attempts: 0 },
    ])
    const ended = await rows(
      db.pool,
      `select reason, client_id from events where type = 'subscription.ended'`,
    )
    t.same(ended, [{ reason: 'gone', client_id: null }])
    await newCase()
    await send(one)
    t.equal(there.taken.length, 1)
  })

  await t.test('a redirect is a failure, and is not followed', async (t) => {
    const trap = await receiver()
    const there = await receiver((_, response) => void response.writeHead(307, { location: trap.url }).end())
    const one = await subscribe(there.url)
    await newCase()
    await send(one)
    t.same(await problems(one), ['redirect'])
    t.equal(trap.taken.length, 0)
  })

  await t.test('a private address is not called, neither as it stands nor by a name', async (t) => {
    const there = await receiver()
    const { port } = new URL(there.url)
    const lookup = async () => [{ address: '127.0.0.1', family: 4 }]
    const byName = await subscribe(`https://receiver.example.org:${port}/in`)
    const literal = await subscribe('https://10.0.0.1/in')
    await newCase()
    await send(byName, worker({ lookup }))
    await send(literal, worker())
    t.same([await problems(byName), await problems(literal)], [['forbidden_address'], ['forbidden_address']])
    t.equal(there.taken.length, 0)
    const nobody = await subscribe('https://nobody.example.org/in')
    await newCase()
    await send(nobody, worker({ lookup: async () => [] }))
    t.same(await problems(nobody), ['dns'])
  })

  await t.test('who does not answer in time, breaks off, or says too much holds nothing up', async (t) => {
    const slow = await receiver(() => new Promise(() => undefined))
    const broken = await receiver((_, response) => void response.socket?.destroy())
    const long = await receiver((_, response) => {
      response.writeHead(500)
      for (let n = 0; n < 200; n++) response.write('\u{1F600}'.repeat(1_000))
      response.end()
    })
    const [silent, off, talker] = [
      await subscribe(slow.url),
      await subscribe(broken.url),
      await subscribe(long.url),
    ]
    await newCase()
    await send(silent, worker({ totalMs: 300 }))
    await send(off)
    await send(talker)
    t.same([await problems(silent), await problems(off)], [['timeout'], ['connect']])
    t.same(await problems(talker), ['http_status'])
    const [{ reference } = {}] = await deliveriesOf(db, talker)
    const { body } = await call({
      ...{ url: `/v1/subscriptions/${talker.reference}/deliveries/${reference}`, key: talker.key },
    })
    t.equal(body.log[0].answer, '\u{1F600}'.repeat(500), 'five hundred characters of it are kept')
  })

  await t.test('Retry-After is honoured', async (t) => {
    const there = await receiver(
      (_, response) => void response.writeHead(429, { 'retry-after': '600' }).end(),
    )
    const one = await subscribe(there.url)
    await newCase()
    await send(one)
    pass(590 * SECOND)
    await send(one)
    t.equal(there.taken.length, 1)
    there.answer = () => undefined
    pass(11 * SECOND)
    await send(one)
    pass(-601 * SECOND)
    t.equal(there.taken.length, 2)
  })

  await t.test('after the last attempt a delivery has failed, and the next of its case goes', async (t) => {
    const there = await receiver((_, response) => void response.writeHead(500).end())
    const one = await subscribe(there.url)
    const { reference, version } = await newCase()
    await call({
      ...{ method: 'POST', url: `/v1/cases/${reference}/responses`, key: keys.provider },
      ...{ headers: staff(version), body: { text: 'We are sorry. (Invented.)' } },
    })
    await send(one)
    const [{ reference: id } = {}] = await deliveriesOf(db, one)
    await rows(db.pool, 'update deliveries set attempts = $2 where reference = $1', [id, MOST_ATTEMPTS - 1])
    there.answer = ({ body }, response) => {
      if (body.type === 'case.published') response.writeHead(500).end()
    }
    pass(10 * SECOND)
    await send(one)
    pass(-10 * SECOND)
    t.match(await deliveriesOf(db, one), [
      { state: 'failed', attempts: MOST_ATTEMPTS, problem: 'http_status' },
      { state: 'delivered', attempts: 1 },
    ])
  })

  await t.test(
    'three days without one success pause it, its owner is told, and nothing is lost',
    async (t) => {
      const there = await receiver((_, response) => void response.writeHead(500).end())
      const one = await subscribe(there.url, { noticeEmail: 'notice@example.org' })
      await newCase()
      await send(one)
      pass(2 * DAY)
      await send(one)
      t.match(await stateOf(db, one), { state: 'active', failingSince: /Z$/ })
      pass(DAY)
      await send(one)
      t.match(await stateOf(db, one), { state: 'paused', reason: 'failing' })
      await newCase()
      await send(one)
      t.equal(there.taken.length, 3, 'nothing is sent while it is paused')
      const before = await stateOf(db, one)

      const [notification] = await rows<{ id: number; kind: 'subscription_paused' }>(
        db.pool,
        `select id, kind from notifications where kind = 'subscription_paused'`,
      )
      const claimed = {
        ...notification,
        key: '',
        caseId: null,
        organisationId: null,
        address: 1,
        attempts: 1,
      }
      const whom = () =>
        addresseeOf(db, claimed as never, {
          onCall: null,
          nationalContact: null,
          now: now(),
          publicUrl: PUBLIC_URL,
        })
      const addressee = await whom()
      t.match(addressee, {
        to: 'notice@example.org',
        facts: { subscription: one.reference, reason: /three days/ },
      })
      if (!('facts' in addressee)) return
      const mail = fillTemplate(templates.subscription_paused, { ...addressee.facts, notice: 'None.' })
      t.match(mail.text, new RegExp(`${one.reference} is paused:\nits address has not taken`))
      const sealed = await rows(db.pool, 'select notice_sealed from subscriptions where id = $1', [one.id])
      t.match(sealed[0]?.notice_sealed, /^v1\./)

      there.answer = () => undefined
      const { version } = await read(one)
      const resumed = await call({
        ...{ method: 'PATCH', url: `/v1/subscriptions/${one.reference}`, key: one.key },
        ...{ headers: staff(version), body: { state: 'active' } },
      })
      t.match(resumed.body, { state: 'active', stateReason: null, failingSince: null, waiting: 1 })
      t.same(await whom(), { nobody: 'resumed' })
      t.equal((await stateOf(db, one)).position, before.position)
      await send(one)
      pass(-3 * DAY)
      t.equal(there.taken.length, 5, 'what waited, and what happened meanwhile')
      t.ok((await deliveriesOf(db, one)).every(({ state }) => state === 'delivered'))
    },
  )

  await t.test(
    'a test is sent once, also when paused, and says nothing about the subscription',
    async (t) => {
      const there = await receiver((_, response) => void response.writeHead(500).end())
      const one = await subscribe(there.url)
      const at = `/v1/subscriptions/${one.reference}`
      await call({ method: 'PATCH', url: at, key: one.key, headers: staff(1), body: { state: 'paused' } })
      await newCase()
      await call({ method: 'POST', url: `${at}/tests`, key: one.key })
      await send(one)
      t.match(there.taken, [{ body: { type: 'subscription.test', data: { event: null, case: null } } }])
      t.match(verify(there.taken[0] as never, one.secret), { type: 'subscription.test' })
      pass(DAY)
      await send(one)
      pass(-DAY)
      t.equal(there.taken.length, 1)
      t.match(await deliveriesOf(db, one), [{ state: 'failed', attempts: 1 }])
      t.match(await stateOf(db, one), { state: 'paused', failingSince: null })
    },
  )

  await t.test('a message that cannot be made holds up no other', async (t) => {
    const there = await receiver()
    const one = await subscribe(there.url, { view: 'mine', types: ['case.created'] }, keys.provider)
    const { reference } = await newCase()
    const other = await newCase()
    await fanOutStep(db, one.id, now())
    await rows(db.pool, `update cases set original_sealed = 'v1.broken' where reference = $1`, [reference])
    await send(one)
    t.same(
      there.taken.map(({ body }) => body.data.event.case),
      [other.reference],
    )
    t.match(await deliveriesOf(db, one), [{ state: 'waiting', problem: 'not_made' }, { state: 'delivered' }])
  })

  await t.test('what is delivered again has its id and its order', async (t) => {
    const there = await receiver()
    const one = await subscribe(there.url)
    const { reference, version } = await newCase()
    await call({
      ...{ method: 'POST', url: `/v1/cases/${reference}/responses`, key: keys.provider },
      ...{ headers: staff(version), body: { text: 'We are sorry. (Invented.)' } },
    })
    await send(one)
    const ids = there.taken.map(({ headers }) => headers['webhook-id'])
    t.equal(ids.length, 2)
    const again = await call({
      ...{ method: 'POST', url: `/v1/subscriptions/${one.reference}/redeliveries`, key: one.key },
      body: { deliveries: [...ids].reverse() },
    })
    t.same(again.body, { count: 2 })
    await send(one)
    t.same(
      there.taken.map(({ headers }) => headers['webhook-id']),
      [...ids, ...ids],
    )
    t.match(there.taken[2]?.body.data.case, { responses: [{ text: /sorry/ }] }, 'the body is built anew')
  })

  await t.test('a revoked client gets nothing more', async (t) => {
    const there = await receiver()
    const key = await harness.addClient({ name: 'who is revoked', role: 'supplier' })
    const [sending, waiting] = [await subscribe(there.url, {}, key), await subscribe(there.url, {}, key)]
    await newCase()
    await fanOutStep(db, sending.id, now())
    await rows(db.pool, `update api_clients set revoked_at = now() where name = 'who is revoked'`)
    await send(sending)
    await send(waiting)
    t.equal(there.taken.length, 0)
    for (const one of [sending, waiting])
      t.match(await stateOf(db, one), { state: 'ended', reason: 'client_revoked' })
    t.match(await deliveriesOf(db, sending), [{ state: 'cancelled' }])
  })

  await t.test('a saved query that names what is gone pauses its subscription', async (t) => {
    const there = await receiver()
    const { body } = await call({
      ...{ method: 'POST', url: '/v1/queries', key: keys.supplier },
      body: { name: 'Of the past', filter: { organisation: ['T09'] } },
    })
    const one = await subscribe(there.url, { query: body.id })
    await rows(
      db.pool,
      `update saved_queries set filter = '{"organisation":["NOBODY"]}' where reference = $1`,
      [body.id],
    )
    await newCase()
    await send(one)
    t.match(await stateOf(db, one), { state: 'paused', reason: 'query_invalid' })
  })

  await t.test('what was settled more than thirty days ago is forgotten', async (t) => {
    const count = async () => (await rows(db.pool, 'select 1 from deliveries')).length
    const all = await count()
    t.equal(await forgetOldDeliveries(db, now()), 0)
    const waiting = (await rows(db.pool, `select 1 from deliveries where state = 'waiting'`)).length
    t.ok(waiting > 0 && waiting < all)
    t.equal(await forgetOldDeliveries(db, new Date(now().getTime() + 40 * DAY)), all - waiting)
    t.equal(await count(), waiting)
  })
})
