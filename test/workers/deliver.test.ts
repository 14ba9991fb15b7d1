import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { createValidation } from '../../api/contract/validation.ts'
import { indexCases } from '../../domain/case-index.ts'
import { claimDelivery } from '../../domain/delivery-claims.ts'
import { LEASE_MS } from '../../domain/delivery-plan.ts'
import { fanOutStep } from '../../domain/fan-out.ts'
import { rows } from '../../prisma/client.ts'
import { deliverUntil } from '../../workers/deliver.ts'
import { createCase, publishedCase, staff } from '../api/harness.ts'
import { deliveriesOf, stateOf, type Taken, verify, webhookSetting } from './webhook-setting.ts'

const validation = createValidation(readContract())

t.test('webhooks', async (t) => {
  const setting = await webhookSetting(t)
  const { harness, db, receiver, subscribe, send, worker, pass } = setting
  const { call, keys } = harness
  const isMessage = validation.component('WebhookMessage')
  const remove = async (reference: string, version: number): Promise<void> => {
    const { status, text } = await call({
      ...{ method: 'POST', url: `/v1/cases/${reference}/decisions`, key: keys.case_handler },
      headers: staff(version, 'person-2'),
      body: { action: 'remove', reason: 'vexatious' },
    })
    if (status !== 201) throw new Error(text)
  }
  // What happens to a case before its events are placed is told in one, so each thing is placed by itself.
  const published: typeof publishedCase = async (...of) => {
    const made = await publishedCase(...of)
    await indexCases(db)
    return made
  }
  const answer = async (reference: string, version: number): Promise<number> => {
    const { body } = await call({
      ...{ method: 'POST', url: `/v1/cases/${reference}/responses`, key: keys.provider },
      headers: staff(version),
      body: { text: 'We are sorry. (Invented.)' },
    })
    await indexCases(db)
    return body.case.version
  }
  const end = ({ reference, key }: { reference: string; key: string }) =>
    call({ method: 'DELETE', url: `/v1/subscriptions/${reference}`, key, headers: staff(1) })

  await t.test('a message is signed as Standard Webhooks has it, and shows what the API shows', async (t) => {
    const there = await receiver()
    const subscribed = await subscribe(there.url)
    const { reference } = await published(harness)
    await send(subscribed)
    t.equal(there.taken.length, 1)
    const [taken] = there.taken as [Taken]
    t.match(taken, { method: 'POST', path: '/in' })
    t.match(taken.headers, {
      'content-type': 'application/json',
      'user-agent': /^CareConnectTest/,
      'webhook-id': /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]$/,
      'webhook-timestamp': /^\d{10}$/,
      'webhook-signature': /^v1,[A-Za-z0-9+/]{43}=$/,
    })
    t.same(verify(taken, subscribed.secret), taken.body)
    t.throws(() => verify({ ...taken, text: `${taken.text} ` }, subscribed.secret))
    t.ok(isMessage(taken.body), JSON.stringify(isMessage.errors))
    const asked = await call({ url: `/v1/cases/${reference}` })
    t.same(taken.body.data.case, asked.body)
    const { event } = taken.body.data
    t.match(event, {
      type: 'case.published',
      case: reference,
      gone: false,
      organisation: 'T01',
      reason: null,
    })
    t.equal(event.url, asked.body.url)
    t.same([taken.body.type, taken.body.timestamp], [event.type, event.at])
    const log = (await call({ url: `/v1/events?after=${Number(event.id) - 1}` })).body.items
    t.same(log, [event], 'the line is the one of the log')
    t.match(await deliveriesOf(db, subscribed), [
      { reference: taken.headers['webhook-id'], state: 'delivered', attempts: 1 },
    ])
    await send(subscribed)
    t.equal(there.taken.length, 1, 'and it is sent once')
    await end(subscribed)
  })

  await t.test('while a secret is rotated two sign, and then the new one alone', async (t) => {
    const there = await receiver()
    const subscribed = await subscribe(there.url)
    const rotated = await call({
      ...{ method: 'POST', url: `/v1/subscriptions/${subscribed.reference}/secrets`, key: subscribed.key },
      body: { oldExpiresInHours: 1 },
    })
    await published(harness)
    await send(subscribed)
    const [both] = there.taken as [Taken]
    t.match(both.headers['webhook-signature'], /^v1,\S+ v1,\S+$/)
    for (const secret of [subscribed.secret, rotated.body.secret]) t.ok(verify(both, secret))
    pass(3_600_000)
    await published(harness)
    await send(subscribed)
    const alone = there.taken[1] as Taken
    t.match(alone.headers['webhook-signature'], /^v1,\S+$/)
    // The library goes by the clock of this machine; only the signature matters here.
    t.throws(() => verify(alone, rotated.body.secret), /too new/)
    pass(-3_600_000)
    await end(subscribed)
  })

  await t.test('the events of a case stay in order when one fails, and hold up no other case', async (t) => {
    const there = await receiver()
    const subscribed = await subscribe(there.url)
    const slow = await published(harness)
    await answer(slow.reference, slow.version)
    const other = await published(harness)
    there.answer = ({ body }, response) => {
      if (body.data.event.case === slow.reference) response.writeHead(500).end('Out of order. (Invented.)')
    }
    const told = (): string[] => there.taken.map(({ body }) => `${body.data.event.case} ${body.type}`)
    await send(subscribed)
    t.same(told().sort(), [`${other.reference} case.published`, `${slow.reference} case.published`].sort())
    there.taken.length = 0
    await send(subscribed)
    t.same(told(), [], 'nothing is due before its pause is over')
    pass(6_000)
    await send(subscribed)
    t.same(told(), [`${slow.reference} case.published`])
    t.match((await stateOf(db, subscribed)).failingSince, /Z$/)

    there.answer = () => undefined
    there.taken.length = 0
    pass(61_000)
    await send(subscribed)
    t.same(told(), [`${slow.reference} case.published`, `${slow.reference} response.published`])
    t.equal((await stateOf(db, subscribed)).failingSince, null)
    const ids = new Set(there.taken.map(({ headers }) => headers['webhook-id']))
    t.equal(ids.size, 2)
    await end(subscribed)
  })

  await t.test('two workers at once send each event once, and those of a case in order', async (t) => {
    const there = await receiver()
    const subscribed = await subscribe(there.url)
    const cases = [await published(harness), await published(harness), await published(harness)]
    for (let n = 0; n < 3; n++)
      for (const one of cases) one.version = await answer(one.reference, one.version)
    await indexCases(db)
    await Promise.all(Array.from({ length: 4 }, () => fanOutStep(db, subscribed.id, new Date(), 5)))
    while ((await fanOutStep(db, subscribed.id, new Date(), 5)).more);
    const onTheWay = new Set<string>()
    let asked = 0
    there.answer = async ({ body }, response) => {
      const { case: reference } = body.data.event
      t.notOk(onTheWay.has(reference), 'one of a case at a time')
      onTheWay.add(reference)
      await new Promise((resolve) => setImmediate(resolve))
      onTheWay.delete(reference)
      asked += 1
      if (asked % 3 === 0) response.writeHead(503).end()
    }
    for (let round = 0; round < 12; round++) {
      const workers = [worker(), worker()]
      await Promise.all(workers.map((one) => deliverUntil(one, subscribed.id, Date.now() + 10_000)))
      pass(3_600_000 * 3)
    }
    pass(-3_600_000 * 36)
    const done = await deliveriesOf(db, subscribed)
    t.equal(done.length, 12)
    t.ok(done.every(({ state }) => state === 'delivered'))
    for (const { reference } of cases) {
      const order = there.taken.filter(({ body }) => body.data.event.case === reference)
      const positions = order.map(({ body }) => Number(body.data.event.id))
      t.same(
        positions,
        [...positions].sort((a, b) => a - b),
        reference,
      )
      t.equal(new Set(positions).size, 4)
    }
    await end(subscribed)
  })

  await t.test('what a killed worker had claimed is sent when its lease ends', async (t) => {
    const there = await receiver()
    const subscribed = await subscribe(there.url)
    await published(harness)
    await indexCases(db)
    await fanOutStep(db, subscribed.id, new Date())
    t.ok(await claimDelivery(db, subscribed.id, setting.now()), 'and then it is killed')
    await send(subscribed)
    t.equal(there.taken.length, 0)
    pass(LEASE_MS + 10)
    await send(subscribed)
    pass(-LEASE_MS - 10)
    t.equal(there.taken.length, 1)
    t.match(await deliveriesOf(db, subscribed), [{ state: 'delivered', attempts: 2 }])
    await end(subscribed)
  })

  await t.test('a worker that is stopped gives back what it was sending', async (t) => {
    const stopped = new AbortController()
    const there = await receiver(async (_taken, response) => {
      stopped.abort()
      await new Promise((resolve) => response.on('close', resolve))
    })
    const subscribed = await subscribe(there.url)
    await published(harness)
    await send(subscribed, worker({ signal: stopped.signal }))
    t.match(await deliveriesOf(db, subscribed), [{ state: 'waiting', attempts: 0, problem: null }])
    there.answer = () => undefined
    await send(subscribed)
    t.match(await deliveriesOf(db, subscribed), [{ state: 'delivered', attempts: 1 }])
    await end(subscribed)
  })

  await t.test('a body is built when it is sent: what was taken down meanwhile is gone', async (t) => {
    const there = await receiver((_, response) => void response.writeHead(500).end())
    const subscribed = await subscribe(there.url)
    const { reference, version } = await published(harness)
    await send(subscribed)
    t.match(there.taken[0]?.body.data, { event: { gone: false }, case: { reference, text: /hours/ } })
    await remove(reference, version)
    there.answer = () => undefined
    there.taken.length = 0
    pass(6_000)
    await send(subscribed)
    pass(-6_000)
    t.match(
      there.taken.map(({ body }) => body),
      [
        { type: 'case.published', data: { event: { case: reference, gone: true, url: null }, case: null } },
        { type: 'case.removed', data: { event: { case: reference, gone: true, url: null }, case: null } },
      ],
    )
    for (const { body, text } of there.taken) {
      t.ok(isMessage(body), JSON.stringify(isMessage.errors))
      t.notMatch(text, /hours|Invented/)
    }
    await end(subscribed)
  })

  await t.test('a saved query and types select, also what leaves the selection', async (t) => {
    const there = await receiver()
    const filter = { organisation: ['T02'], status: ['open', 'in_progress'] }
    const { body } = await call({
      ...{ method: 'POST', url: '/v1/queries', key: keys.supplier, body: { name: 'Open at T02', filter } },
    })
    const subscribed = await subscribe(there.url, { query: body.id })
    const publications = await subscribe(there.url, { query: body.id, types: ['case.published'] })
    const elsewhere = await published(harness)
    const { reference, version } = await published(harness, { organisation: 'T02' })
    await call({
      ...{ method: 'PATCH', url: `/v1/cases/${reference}`, key: keys.other_provider },
      ...{ headers: staff(version), body: { status: 'resolved' } },
    })
    await send(subscribed)
    t.match(
      there.taken.map(({ body }) => [body.type, body.data.event.case, body.data.event.gone]),
      [
        ['case.published', reference, false],
        ['case.changed', reference, true],
      ],
    )
    t.notMatch(JSON.stringify(there.taken), new RegExp(elsewhere.reference))
    there.taken.length = 0
    await send(publications)
    t.same(
      there.taken.map(({ body }) => body.type),
      ['case.published'],
    )
    const { position: before } = await stateOf(db, subscribed)
    await published(harness)
    await indexCases(db)
    t.same(await fanOutStep(db, subscribed.id, new Date()), { made: 0, more: false })
    const { position } = await stateOf(db, subscribed)
    t.ok(Number(position) > Number(before), 'what selects nothing goes on all the same')
    await Promise.all([end(subscribed), end(publications)])
  })

  await t.test('view=mine: each key gets its own view, and what staff read is noted', async (t) => {
    const there = await receiver()
    const other = await receiver()
    const third = await receiver()
    const types = ['case.created']
    const provider = await subscribe(there.url, { view: 'mine', types }, keys.provider)
    const stranger = await subscribe(other.url, { view: 'mine', types }, keys.other_provider)
    const integrator = await subscribe(third.url, { view: 'mine', types }, keys.integrator)
    const { reference } = await createCase(harness)
    await rows(db.pool, 'delete from accesses')
    for (const one of [provider, stranger, integrator]) await send(one)
    t.equal(other.taken.length, 0)
    const [staffs] = there.taken as [Taken]
    t.match(staffs.body.data, {
      event: { case: reference },
      case: { view: 'staff', original: { text: /hours/ } },
    })
    const asked = await call({ url: `/v1/cases/${reference}`, key: keys.provider })
    t.same(staffs.body.data.case, asked.body)
    t.ok(isMessage(staffs.body), JSON.stringify(isMessage.errors))
    const [own] = third.taken as [Taken]
    t.match(own.body.data.case, { view: 'own', reference })
    t.notMatch(own.text, /hours|invented@example/)
    const noted = await rows(db.pool, `select operation, cases, acting_user from accesses order by id`)
    t.same(noted, [
      { operation: 'takeEvent', cases: [reference], acting_user: null },
      { operation: 'getCase', cases: [reference], acting_user: null },
    ])

    there.answer = (_, response) => void response.writeHead(500).end()
    await createCase(harness)
    await send(provider)
    await rows(
      db.pool,
      `delete from api_client_organisations where client_id = (select client_id from subscriptions where id = $1)`,
      [provider.id],
    )
    pass(6_000)
    await send(provider)
    pass(-6_000)
    t.equal(there.taken.length, 2, 'what is none of its business any more is not sent')
    t.match(await deliveriesOf(db, provider), [{ state: 'delivered' }, { state: 'cancelled' }])
    for (const one of [provider, stranger, integrator]) await end(one)
  })

  await t.test('nothing that was sent or that somebody wrote is in the log', async (t) => {
    t.ok(setting.lines.length > 20)
    t.notMatch(JSON.stringify(setting.lines), /whsec_|hours|\/in|Out of order|[0-9A-Z]{4}-[0-9A-Z]{4}-/)
  })
})
