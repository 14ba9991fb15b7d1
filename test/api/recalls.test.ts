import t from 'tap'
import { chainHead, sealEvents } from '../../domain/audit-chain.ts'
import { verifyChain } from '../../domain/audit-check.ts'
import { placeEvents } from '../../domain/change-log.ts'
import { forgetOldDeliveries } from '../../domain/deliveries.ts'
import { row, rows } from '../../prisma/client.ts'
import { verify, type WebhookSetting, webhookSetting } from '../workers/webhook-setting.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff } from './harness.ts'
import { reporterOf } from './reporter.ts'

const DAY = 86_400_000

t.test('recalls', async (t) => {
  const setting = await webhookSetting(t)
  const { harness, db, receiver, subscribe, send } = setting
  const { call, keys } = harness
  const there = await receiver()
  const supplier = await subscribe(there.url)
  const recallsOf = async (key: string, query = ''): Promise<Answer['body'][]> =>
    (await call({ url: `/v1/recalls?limit=100${query}`, key })).body.items
  const recallOf = async (key: string, reference: string): Promise<Answer['body']> =>
    (await recallsOf(key)).find((one) => one.case === reference)
  const confirm = (key: string, recall: string) =>
    call({ method: 'POST', url: `/v1/recalls/${recall}/confirmations`, key, headers: staff(1) })
  const remove = async (reference: string) => {
    const { version } = (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body
    const { status, text } = await call({
      ...{ method: 'POST', url: `/v1/cases/${reference}/decisions`, key: keys.case_handler },
      headers: staff(version, 'person-2'),
      body: { action: 'remove', reason: 'vexatious' },
    })
    if (status !== 201) throw new Error(text)
  }
  const sentCase = async () => {
    const mine = await publishedCase(harness)
    await send(supplier)
    return mine
  }
  await t.test('who was sent a case hears that its consent is withdrawn, and confirms', async (t) => {
    const mine = await sentCase()
    await reporterOf(harness, mine).post('withdrawals', { what: 'publication' })
    const all = await recallOf(keys.administrator, mine.reference)
    t.match(all, { reason: 'consent_withdrawn', confirmedAt: null })
    t.match(all.holders, [{ client: 'supplier', how: 'webhook', toldAt: null, confirmedAt: null }])

    await send(supplier)
    const taken = there.taken.at(-1)
    t.match(taken?.body, {
      type: 'case.removed',
      data: { event: { case: mine.reference, gone: true }, case: null, recall: all.recall },
    })
    t.ok(taken && verify(taken, supplier.secret))
    const told = await recallOf(keys.administrator, mine.reference)
    t.type(told.holders[0].toldAt, 'string', 'the answer to the webhook is noted')

    const answer = await confirm(keys.supplier, all.recall)
    t.equal(answer.status, 201)
    t.match(answer.body, { holders: [{ client: 'supplier', confirmedBy: 'person-1' }] })
    t.type(answer.body.confirmedAt, 'string')
    t.same((await confirm(keys.supplier, all.recall)).body, answer.body, 'once more changes nothing')
    t.equal((await recallOf(keys.administrator, mine.reference)).confirmedAt, answer.body.confirmedAt)
    const events = await rows<{ type: string }>(
      db.pool,
      `select type from events where case_reference = $1 and type like 'recall.%' order by id`,
      [mine.reference],
    )
    t.same(
      events.map(({ type }) => type),
      ['recall.created', 'recall.confirmed'],
    )
  })

  await t.test('each way in which a case is taken back calls its copies back', async (t) => {
    const withdrawn = await sentCase()
    await reporterOf(harness, withdrawn).post('withdrawals', { what: 'case' })
    t.match(await recallOf(keys.supplier, withdrawn.reference), { reason: 'withdrawn' })

    const removed = await sentCase()
    await remove(removed.reference)
    t.match(await recallOf(keys.supplier, removed.reference), { reason: 'removed' })

    const asked = await sentCase()
    const request = await call({
      ...{ method: 'POST', url: `/v1/cases/${asked.reference}/removal-requests`, key: keys.provider },
      headers: staff(asked.version, 'person-3'),
      body: { reason: 'vexatious', text: 'It is not so. (Invented.)' },
    })
    t.equal(request.status, 201, request.text)
    const decided = await call({
      ...{
        method: 'POST',
        url: `/v1/removal-requests/${request.body.request}/decisions`,
        key: keys.case_handler,
      },
      headers: { 'acting-user': 'person-4' },
      body: { action: 'remove', reason: 'vexatious' },
    })
    t.equal(decided.status, 201, decided.text)
    t.match(await recallOf(keys.supplier, asked.reference), { reason: 'removed' })

    const erased = await sentCase()
    await sealEvents(db)
    const head = await chainHead(db.pool)
    const erasure = await call({
      ...{
        method: 'POST',
        url: '/v1/erasures',
        key: keys.administrator,
        headers: { 'acting-user': 'person-5' },
      },
      body: { case: erased.reference, reason: 'request' },
    })
    t.equal(erasure.status, 201, erasure.text)
    const recall = await recallOf(keys.administrator, erased.reference)
    t.equal(recall.reason, 'erased')
    t.ok(JSON.stringify(erasure.body.recalls).includes(recall.recall), 'the erasure names it')
    await placeEvents(db)
    await sealEvents(db)
    t.match(
      await verifyChain(db, { now: new Date(), expect: [head] }),
      { problem: null, waiting: 0 },
      'the audit chain outlives it',
    )
    t.same(
      recall.holders.map(({ client, how }: { client: string; how: string }) => [client, how]),
      [
        ['integrator', 'read'],
        ['supplier', 'webhook'],
      ],
      'also that by which it came',
    )
  })

  await t.test('what never was public is not called back when consent to publication is', async (t) => {
    const mine = await createCase(harness)
    await call({ url: `/v1/cases/${mine.reference}`, key: keys.provider })
    await reporterOf(harness, mine).post('withdrawals', { what: 'publication' })
    t.equal(await recallOf(keys.administrator, mine.reference), undefined)
    await reporterOf(harness, mine).post('withdrawals', { what: 'case' })
    t.match(await recallOf(keys.administrator, mine.reference), {
      reason: 'withdrawn',
      holders: [{ client: 'provider', how: 'read' }],
    })
  })

  await t.test('who has read a case in full is told when it reads the list', async (t) => {
    const mine = await publishedCase(harness)
    await call({ url: `/v1/cases/${mine.reference}`, key: keys.provider })
    await call({ url: `/v1/cases/${mine.reference}`, key: keys.case_handler })
    await remove(mine.reference)
    const { recall, holders } = await recallOf(keys.administrator, mine.reference)
    t.match(holders, [{ client: 'provider', how: 'read', toldAt: null }], 'the service itself holds none')
    const one = await call({ url: `/v1/recalls/${recall}`, key: keys.provider })
    t.type(one.body.holders[0].toldAt, 'string')
    t.match(await recallOf(keys.administrator, mine.reference), { holders: [one.body.holders[0]] })
    const log = await call({ url: '/v1/events?view=mine&limit=100&after=0', key: keys.provider })
    await send(supplier)
    const later = await call({ url: `/v1/events?view=mine&after=${log.body.next}`, key: keys.provider })
    const heard = later.body.items.filter(({ type }: { type: string }) => type === 'recall.created')
    t.match(heard.at(-1), { case: mine.reference, reason: 'removed' })
  })

  await t.test('a subscriber of its own log is told by a line of its own', async (t) => {
    const theirs = await receiver()
    const provider = await subscribe(theirs.url, { view: 'mine', types: ['recall.created'] }, keys.provider)
    const mine = await publishedCase(harness)
    await call({ url: `/v1/cases/${mine.reference}`, key: keys.provider })
    await remove(mine.reference)
    await send(provider)
    const { recall } = await recallOf(keys.administrator, mine.reference)
    t.match(theirs.taken.at(-1)?.body, {
      type: 'recall.created',
      data: { event: { case: mine.reference, gone: true }, case: null, recall },
    })
    t.type((await recallOf(keys.administrator, mine.reference)).holders[0].toldAt, 'string')
  })

  await t.test('where nobody holds a copy there is none', async (t) => {
    const mine = await publishedCase(harness)
    await setAside(setting)
    await remove(mine.reference)
    t.equal(await recallOf(keys.administrator, mine.reference), undefined)
    await resume(setting)
  })

  await t.test('whoever was sent a case stays known when the delivery is forgotten', async (t) => {
    const mine = await sentCase()
    t.ok((await forgetOldDeliveries(db, new Date(Date.now() + 40 * DAY))) > 0)
    const left = await row<{ n: number }>(
      db.pool,
      'select count(*)::int as n from deliveries where case_reference = $1',
      [mine.reference],
    )
    t.equal(left?.n, 0)
    await remove(mine.reference)
    t.match(await recallOf(keys.administrator, mine.reference), { holders: [{ client: 'supplier' }] })
  })

  await t.test('open and closed ones, page by page', async (t) => {
    const all = await recallsOf(keys.supplier)
    t.ok(all.length >= 5)
    const open = await recallsOf(keys.supplier, '&open=true')
    const closed = await recallsOf(keys.supplier, '&open=false')
    t.ok(open.every(({ confirmedAt }) => confirmedAt === null) && open.length > 0)
    t.ok(closed.every(({ confirmedAt }) => confirmedAt !== null) && closed.length > 0)
    t.equal(open.length + closed.length, all.length)
    const paged: unknown[] = []
    for (let after: string | null = ''; after !== null; ) {
      const { body } = await call({
        url: `/v1/recalls?limit=2${after && `&after=${after}`}`,
        key: keys.supplier,
      })
      paged.push(...body.items)
      after = body.next
    }
    t.same(paged, all)
    t.ok(all.every(({ holders }) => holders.length === 1 && holders[0].client === 'supplier'))
    const table = await call({ url: '/v1/recalls?format=csv', key: keys.supplier })
    t.equal(table.text.trimEnd().split('\r\n').length, all.length + 1)
  })

  await t.test('others’ and unknown ones are not there, and without a key there is nothing', async (t) => {
    const [mine] = await recallsOf(keys.supplier)
    for (const key of [keys.other_provider, keys.integrator, keys.case_handler]) {
      refused(t, await call({ url: `/v1/recalls/${mine.recall}`, key }), 404, 'not_found')
      refused(t, await confirm(key, mine.recall), 404, 'not_found')
    }
    refused(t, await confirm(keys.administrator, mine.recall), 404, 'not_found')
    for (const recall of ['0000-0000-0000-0', 'nothing'])
      refused(t, await call({ url: `/v1/recalls/${recall}`, key: keys.administrator }), 404, 'not_found')
    t.equal((await call({ url: '/v1/recalls' })).status, 401)
    t.equal((await call({ url: '/v1/recalls', key: keys.form })).status, 403)
    refused(t, await call({ url: '/v1/recalls?open=maybe', key: keys.supplier }), 400, 'validation_failed')
    refused(t, await call({ url: '/v1/recalls?after=x', key: keys.supplier }), 400, 'validation_failed')
  })
})

async function setAside({ db }: WebhookSetting): Promise<void> {
  await rows(
    db.pool,
    `update subscriptions set state = 'paused', state_reason = 'asked' where state = 'active'`,
  )
}

async function resume({ db }: WebhookSetting): Promise<void> {
  await rows(db.pool, `update subscriptions set state = 'active', state_reason = null where state = 'paused'`)
}
