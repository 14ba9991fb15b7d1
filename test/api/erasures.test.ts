import { readFileSync } from 'node:fs'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { openFileLedger } from '../../ledger/file-ledger.ts'
import { rows } from '../../prisma/client.ts'
import { newVaultKey, openVault } from '../../prisma/vault.ts'
import { noteAll } from '../noted.ts'
import { canaries, canaryDraft, holdsNone, refused } from './answers.ts'
import { type Answer, createCase, draft, ledgerFile, publishedCase, staff, startHarness } from './harness.ts'

const UNKNOWN = 'K7QD-M2XW-9TRB-H'

t.test('erasing', async (t) => {
  const file = ledgerFile(t)
  const harness = await startHarness(t, { ledger: openFileLedger(file, openVault(newVaultKey('test'))) })
  const { addClient, call, db, keys } = harness
  const erase = (body: object, key: string | undefined = keys.administrator): Promise<Answer> =>
    call({
      method: 'POST',
      url: '/v1/erasures',
      ...(key !== '' && { key }),
      headers: { 'acting-user': 'person-1' },
      body: { reason: 'request', ...body },
    })
  const told = (url: string, key: string) => call({ url, key })
  const byHandler = (method: 'POST' | 'PATCH', url: string, version: number, body: object) =>
    call({ method, url, key: keys.case_handler, headers: staff(version), body })
  const push = (...items: object[]) =>
    call({ method: 'POST', url: '/v1/sources/pushed/items', key: keys.feed_provider, body: { items } })
  const caseRow = async (reference: string) =>
    (await rows<Record<string, unknown>>(db.pool, 'select * from cases where reference = $1', [reference]))[0]
  const lines = () => readFileSync(file, 'utf8').trim().split('\n')

  t.test('nothing is left of a case but what figures need', async (t) => {
    const { reference, receipt } = await publishedCase(harness, { ...canaryDraft, privacy: 'named' })
    const case1 = `/v1/cases/${reference}`
    await byHandler('POST', `${case1}/notes`, 2, { text: `${canaries.text} rang. (Invented.)` })
    await byHandler('POST', `${case1}/messages`, 3, { text: `${canaries.name}, when was it? (Invented.)` })
    await byHandler('POST', `${case1}/responses`, 4, { text: `Sorry, ${canaries.name}. (Invented.)` })
    await indexCases(db)
    t.equal((await call({ url: case1 })).status, 200)

    const { status, body, headers } = await erase({ case: reference.toLowerCase().replaceAll('-', ' ') })
    t.equal(status, 201)
    t.match(body, {
      reason: 'request',
      of: 'case',
      cases: 1,
      held: 0,
      items: 0,
      digests: 0,
      actingUser: 'person-1',
    })
    t.match(headers.location, new RegExp(`/v1/erasures/${body.erasure}$`))

    t.equal((await call({ url: case1 })).status, 404, 'the public')
    t.equal((await call({ url: case1, headers: { 'case-receipt': receipt } })).status, 404, 'its reporter')
    t.equal((await call({ url: `${case1}/responses` })).status, 404)
    const seen = await told(case1, keys.case_handler)
    t.match(seen.body, {
      status: 'withdrawn',
      publication: 'removed',
      decisionReason: 'erased',
      privacy: 'private',
      original: { title: null, text: null },
      moderated: null,
      contact: null,
      responses: [],
      messages: [],
      images: [],
      allowedStatuses: [],
      allowedDecisions: [],
      category: 'delays',
      organisation: { code: 'T01' },
      anonymisedAt: String,
    })
    const event = { type: 'case.erased', actingUser: 'person-1' }
    t.match((await told(`${case1}/events`, keys.case_handler)).body.items.at(-1), event)
    for (const url of [`${case1}/notes`, `${case1}/decisions`, `${case1}/events`, case1]) {
      holdsNone(t, (await told(url, keys.case_handler)).text, url)
    }
    await indexCases(db)
    t.same((await call({ url: '/v1/cases?q=waited' })).body.items, [])
    const log = (await call({ url: '/v1/events?limit=100' })).body.items
    t.match(
      log.at(-1),
      { type: 'case.removed', case: reference, gone: true },
      'whoever follows the log hears it',
    )
  })

  t.test('figures of staff count it as before; what had been rejected still does not count', async (t) => {
    const counted = async () =>
      (await call({ url: '/v1/statistics?view=mine&from=2020-01-01', key: keys.case_handler })).body.cases
    const [one, rejected] = [await publishedCase(harness), await createCase(harness)]
    const decision = { action: 'reject', reason: 'vexatious', commissioned: 'locally' }
    const url = `/v1/cases/${rejected.reference}/decisions`
    t.equal((await byHandler('POST', url, 1, decision)).status, 201)
    const before = await counted()
    for (const { reference } of [one, rejected]) t.equal((await erase({ case: reference })).status, 201)
    t.equal(await counted(), before)
  })

  t.test('an ended case keeps its end, and nobody is written to', async (t) => {
    const { reference, version } = await publishedCase(harness)
    await byHandler('PATCH', `/v1/cases/${reference}`, version, { status: 'resolved' })
    await noteAll(db)
    const waiting = () =>
      rows(db.pool, `select 1 from notifications where state = 'waiting' and case_id = $1`, [id])
    const { id, closed_at } = (await caseRow(reference)) as { id: number; closed_at: string }
    await erase({ case: reference })
    await noteAll(db)
    t.same(await waiting(), [])
    t.match(await caseRow(reference), { status: 'resolved', closed_at, due_at: null, original_sealed: null })
    const { body } = await told(`/v1/cases/${reference}`, keys.case_handler)
    t.same([body.allowedStatuses, body.allowedDecisions], [[], []])
    const reopened = await byHandler('PATCH', `/v1/cases/${reference}`, body.version, { status: 'open' })
    refused(t, reopened, 409, 'move_not_allowed')
  })

  t.test(
    'a person: every case with the address, the digests to it, and where it is told of pauses',
    async (t) => {
      const contact = { name: canaries.name, email: canaries.email }
      const one = await createCase(harness, { contact: { ...contact, email: 'CANARYmail@example.org' } })
      const two = await publishedCase(harness, { contact })
      const other = await createCase(harness)
      const query = await call({
        method: 'POST',
        url: '/v1/queries',
        key: keys.supplier,
        body: { name: 'all (invented)', filter: {} },
      })
      await call({
        method: 'POST',
        url: '/v1/digests',
        key: keys.supplier,
        body: { query: query.body.id, email: canaries.email, every: 'day' },
      })
      await call({
        method: 'POST',
        url: '/v1/subscriptions',
        key: keys.supplier,
        body: { url: 'https://receiver.example.org/', noticeEmail: canaries.email },
      })
      const { status, body } = await erase({ email: canaries.email, reason: 'unlawful' })
      t.equal(status, 201)
      t.match(body, { of: 'person', reason: 'unlawful', cases: 2, digests: 2 })
      for (const { reference } of [one, two]) t.match(await caseRow(reference), { decision_reason: 'erased' })
      t.match(await caseRow(other.reference), { decision_reason: null })
      t.match(await rows(db.pool, 'select state, address_sealed from digests'), [
        { state: 'ended', address_sealed: '' },
      ])
      t.match(await rows(db.pool, 'select notice_sealed from subscriptions'), [{ notice_sealed: null }])

      const dumped = JSON.stringify([
        await rows(db.pool, 'select * from erasures'),
        await rows(db.pool, 'select * from events'),
        lines(),
      ])
      holdsNone(t, dumped, 'what is kept of it')
      holdsNone(t, harness.logged(), 'the log')
      refused(t, await erase({ email: canaries.email }), 404, 'not_found')
    },
  )

  t.test('a person by telephone, however it is written', async (t) => {
    const contact = { name: 'Invented Person', phone: '020 7946 0177' }
    const { reference } = await createCase(harness, { contact })
    t.match(await erase({ phone: '+44 20 79460177' }), { status: 201, body: { cases: 1 } })
    t.match(await caseRow(reference), { decision_reason: 'erased', phone_index: null })
  })

  t.test('what a source sent becomes tombstones, and does not come back', async (t) => {
    const story = {
      type: 'story',
      externalId: 'erased-1',
      organisation: 'T01',
      text: 'CANARYTEXT by a source. (Invented.)',
      publishedAt: '2026-11-20T09:00:00Z',
    }
    const reply = {
      type: 'reply',
      externalId: 'erased-2',
      inReplyTo: 'erased-1',
      text: 'Thank you. (Invented.)',
    }
    const { body: pushed } = await push(story, reply)
    const { reference } = pushed.items[0]
    t.match(await erase({ case: reference }), { status: 201, body: { cases: 1, items: 2 } })
    t.match(
      await rows(db.pool, 'select state, raw_sealed from items order by id'),
      Array(2).fill({ state: 'deleted', raw_sealed: null }),
    )
    const again = await push(
      { ...story, text: 'CANARYTEXT, edited. (Invented.)' },
      { type: 'poem', externalId: 'erased-2' },
    )
    t.match(again.body.items, [{ outcome: 'ignored' }, { outcome: 'ignored' }])
    t.same(await rows(db.pool, 'select 1 from quarantined_items'), [], 'also what is broken is not kept')
    t.equal((await told(`/v1/cases/${reference}`, keys.case_handler)).body.status, 'no_action_needed')
  })

  t.test('what a legal hold keeps is left, and said', async (t) => {
    const contact = { name: 'Invented Person', email: 'held@example.org' }
    const kept = await createCase(harness, { contact })
    const { id } = (await caseRow(kept.reference)) as { id: number }
    await rows(
      db.pool,
      `insert into legal_holds (reference, case_id, reason_sealed, client_id)
       values ('held-1', $1, 'invented', (select id from api_clients where name = 'administrator'))`,
      [id],
    )
    refused(t, await erase({ case: kept.reference }), 409, 'legal_hold')
    refused(t, await erase({ email: 'held@example.org' }), 409, 'legal_hold')
    t.same(
      lines().length,
      1 + (await rows(db.pool, 'select 1 from erased_hashes')).length,
      'nothing in the ledger',
    )
    const gone = await createCase(harness, { contact })
    t.match((await erase({ email: 'held@example.org' })).body, { cases: 1, held: 1 })
    t.match(await caseRow(gone.reference), { decision_reason: 'erased' })
    t.match(await caseRow(kept.reference), { decision_reason: null, contact_sealed: String })
    await rows(db.pool, `delete from legal_holds where reference = 'held-1'`)
  })

  t.test('whoever holds a copy is told', async (t) => {
    const { reference } = await createCase(harness)
    await told(`/v1/cases/${reference}`, keys.provider)
    const { body } = await erase({ case: reference })
    t.equal(body.recalls.length, 1)
    const recall = await told(`/v1/recalls/${body.recalls[0]}`, keys.administrator)
    t.match(recall.body, { case: reference, reason: 'erased' })
    t.match(
      recall.body.holders.find(({ client }: { client: string }) => client === 'provider'),
      { how: 'read' },
    )
  })

  t.test('a client that tries out erases what was tried out', async (t) => {
    const contact = { name: 'Invented Person', email: 'tried@example.org' }
    const key = await addClient({ name: 'testing administrator', role: 'administrator', test: true })
    const integrator = await addClient({ name: 'testing integrator', role: 'integrator', test: true })
    await call({ method: 'POST', url: '/v1/cases', key: integrator, body: draft({ contact }) })
    const real = await createCase(harness, { contact })
    t.match((await erase({ email: 'tried@example.org' }, key)).body, { cases: 1 })
    refused(t, await erase({ case: real.reference }, key), 404, 'not_found')
    t.match(await caseRow(real.reference), { decision_reason: null })
  })

  t.test('a second time there is nothing to erase', async (t) => {
    const { reference } = await createCase(harness)
    t.equal((await erase({ case: reference })).status, 201)
    refused(t, await erase({ case: reference }), 404, 'not_found')
    refused(t, await erase({ case: UNKNOWN }), 404, 'not_found')
    refused(t, await erase({ case: 'no reference' }), 404, 'not_found')
    refused(t, await erase({ phone: '+++' }), 404, 'not_found')
  })

  t.test('two at the same time erase it once', async (t) => {
    const { reference } = await createCase(harness)
    const answers = await Promise.all([1, 2, 3].map(() => erase({ case: reference })))
    t.same(answers.map(({ status }) => status).sort(), [201, 404, 404])
  })

  t.test('the erasures are a list, newest first, with nobody in it', async (t) => {
    const first = await told('/v1/erasures?limit=1', keys.administrator)
    const rest = await told(`/v1/erasures?limit=100&after=${first.body.next}`, keys.administrator)
    const all = [...first.body.items, ...rest.body.items]
    t.equal(all.length, (await rows(db.pool, 'select 1 from erasures')).length)
    const one = await told(`/v1/erasures/${all[0].erasure}`, keys.administrator)
    t.same(one.body, all[0])
    const table = await told('/v1/erasures?format=csv', keys.administrator)
    t.match(table.text, /^\ufeff?erasure,reason,of,cases,held,items,digests,recalls,actingUser,createdAt/)
    refused(t, await told(`/v1/erasures/${UNKNOWN}`, keys.administrator), 404, 'not_found')
    refused(t, await told('/v1/erasures?after=nonsense', keys.administrator), 400, 'validation_failed')
  })

  t.test('is for administrators, who name one subject, a reason and themselves', async (t) => {
    for (const [role, key] of Object.entries(keys)) {
      const expected = role === 'administrator' ? 200 : 403
      t.equal((await told('/v1/erasures', key)).status, expected, role)
      t.equal((await erase({ case: UNKNOWN }, key)).status, role === 'administrator' ? 404 : 403, role)
    }
    refused(t, await erase({ case: UNKNOWN }, ''), 401, 'key_missing')
    for (const body of [{}, { case: UNKNOWN, email: 'a@example.org' }, { email: 'none' }, { name: 'A' }])
      refused(t, await erase(body), 400, 'validation_failed')
    refused(t, await erase({ case: UNKNOWN, reason: 'because' }), 400, 'validation_failed')
    const nobody = { case: UNKNOWN, reason: 'request' }
    const anonymous = await call({
      method: 'POST',
      url: '/v1/erasures',
      key: keys.administrator,
      body: nobody,
    })
    refused(t, anonymous, 400, 'validation_failed', ['header /Acting-User missing'])
  })
})

t.test('without a ledger nothing is erased', async (t) => {
  const harness = await startHarness(t, { ledger: null })
  const { reference } = await createCase(harness)
  const answer = await harness.call({
    method: 'POST',
    url: '/v1/erasures',
    key: harness.keys.administrator,
    headers: { 'acting-user': 'person-1' },
    body: { case: reference, reason: 'request' },
  })
  refused(t, answer, 503, 'unavailable')
  t.match(answer.body.detail, /ERASURE_LEDGER/)
  t.same(await rows(harness.db.pool, 'select 1 from erasures'), [])
})
