import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { noteAll } from '../noted.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, draft, publishedCase, staff, startHarness } from './harness.ts'
import { jpeg } from './pictures.ts'

const UNKNOWN = 'K7QD-M2XW-9TRB-H'

t.test('everything that is held about somebody', async (t) => {
  const harness = await startHarness(t)
  const { addClient, call, db, keys } = harness
  const give = (body: object, key: string | undefined = keys.administrator): Promise<Answer> =>
    call({
      method: 'POST',
      url: '/v1/subject-accesses',
      ...(key !== '' && { key }),
      headers: { 'acting-user': 'person-1' },
      body,
    })
  const byHandler = (url: string, version: number, body: object) =>
    call({ method: 'POST', url, key: keys.case_handler, headers: staff(version), body })

  t.test('a case with all that hangs on it, and who read it', async (t) => {
    const { body: image } = await call({
      method: 'POST',
      url: '/v1/images',
      key: keys.integrator,
      headers: { 'content-type': 'image/jpeg' },
      body: await jpeg(),
    })
    const contact = { name: 'Invented Person', email: 'subject@example.org', phone: '020 7946 0155' }
    const text = 'We waited for hours in the corridor. (Invented.)'
    const { reference } = await publishedCase(harness, { contact, text, images: [image.image] })
    const url = `/v1/cases/${reference}`
    await byHandler(`${url}/notes`, 2, { text: 'They rang again. (Invented.)' })
    await byHandler(`${url}/messages`, 3, { text: 'When was it? (Invented.)' })
    await byHandler(`${url}/responses`, 4, { text: 'We are sorry. (Invented.)' })
    await call({
      method: 'POST',
      url: `${url}/reports`,
      body: { reason: 'vexatious', text: 'Hm. (Invented.)' },
    })
    await call({ url, key: keys.provider, headers: { 'acting-user': 'person-2' } })
    await noteAll(db)
    await rows(
      db.pool,
      `update retention_policies set anonymise_after_days = 10, delete_after_days = 20 where kind is null and source_id is null`,
    )

    const { status, body, headers } = await give({ case: ` ${reference.toLowerCase()} ` })
    t.equal(status, 200)
    t.match(headers['cache-control'], /no-store/)
    t.equal(body.cases.length, 1)
    t.same([body.digests, body.notices], [[], []])
    const [file] = body.cases
    t.match(file.case, {
      view: 'staff',
      reference,
      original: { text },
      contact,
      messages: [{ text: 'When was it? (Invented.)' }],
      responses: [{ text: 'We are sorry. (Invented.)' }],
      allowedStatuses: [],
      allowedDecisions: [],
    })
    t.match(file.publicView, { view: 'public', reference, text: 'They waited for hours. (Invented.)' })
    t.match(file.decisions, [{ action: 'publish', actingUser: 'person-1' }])
    t.match(file.notes, [{ text: 'They rang again. (Invented.)' }])
    t.match(file.objections, [{ kind: 'report', text: 'Hm. (Invented.)' }])
    t.match(file.events[0], { type: 'case.created' })
    t.match(file.events.at(-1), { type: 'subject_access.given', actingUser: 'person-1' })
    const bytes = Buffer.from(file.pictures[0].base64, 'base64')
    const shown = await call({ url: `${url}/images/${image.image}`, key: keys.case_handler })
    t.ok(bytes.equals(shown.bytes), 'the picture')
    t.ok(file.notifications.some(({ kind }: { kind: string }) => kind === 'receipt_for_reporter'))
    t.match(file.reads.at(-1), { client: 'provider', actingUser: 'person-2', operation: 'getCase' })
    t.ok(file.holders.includes('provider'))
    t.same([file.sourceItems, file.anonymiseAt, file.deleteAt], [[], null, null], 'an open case stays')

    await call({
      method: 'PATCH',
      url,
      key: keys.case_handler,
      headers: staff(file.case.version),
      body: { status: 'resolved' },
    })
    const [closed] = (await give({ case: reference })).body.cases
    const days = (time: string) =>
      Math.round((Date.parse(time) - Date.parse(closed.case.closedAt)) / 86_400_000)
    t.same([days(closed.anonymiseAt), days(closed.deleteAt)], [10, 20])
    const read = { operation: 'createSubjectAccess', actingUser: 'person-1', cases: [reference] }
    t.match((await call({ url: '/v1/accesses?limit=1', key: keys.administrator })).body.items[0], read)
    t.notMatch(harness.logged(), /corridor|subject@example|Invented Person/)
  })

  t.test('every case of a person, the digests and notices to the address, and nobody else’s', async (t) => {
    const contact = { name: 'Invented Person', email: 'all.of.it@example.org' }
    const one = await createCase(harness, { contact })
    const two = await createCase(harness, { contact: { ...contact, phone: '020 7946 0166' } })
    await createCase(harness)
    const by = { method: 'POST', key: keys.supplier } as const
    const named = { name: 'all (invented)', filter: {} }
    const query = (await call({ ...by, url: '/v1/queries', body: named })).body.id
    const wanted = { query, email: 'ALL.of.it@example.org', every: 'week' }
    const digest = await call({ ...by, url: '/v1/digests', body: wanted })
    const hook = { url: 'https://receiver.example.org/', noticeEmail: contact.email }
    const subscription = await call({ ...by, url: '/v1/subscriptions', body: hook })

    const { body } = await give({ email: 'all.of.it@EXAMPLE.org' })
    const references = ({ cases }: Answer['body']) =>
      cases.map((file: { case: { reference: string } }) => file.case.reference)
    t.same(references(body), [one.reference, two.reference])
    t.match(body.digests, [
      { digest: digest.body.id, query: 'all (invented)', every: 'week', state: 'unconfirmed' },
    ])
    t.same(body.notices, [subscription.body.id])
    t.same(references((await give({ phone: '+44 20 7946 0166' })).body), [two.reference])
  })

  t.test('what a source sent, as it sent it, with what it sent before', async (t) => {
    const push = (text: string) =>
      call({
        method: 'POST',
        url: '/v1/sources/pushed/items',
        key: keys.feed_provider,
        body: { items: [{ type: 'story', externalId: 'told-1', organisation: 'T01', text }] },
      })
    const { body: pushed } = await push('As it was first. (Invented.)')
    await push('As it is now. (Invented.)')
    const [file] = (await give({ case: pushed.items[0].reference })).body.cases
    t.equal(file.sourceItems.length, 2)
    t.match(file.sourceItems[0], { source: 'pushed', externalId: 'told-1', raw: /As it was first/ })
    t.match(file.sourceItems[1], { source: 'pushed', externalId: 'told-1', raw: /As it is now/ })
  })

  t.test('nothing is an answer too, and is noted as given', async (t) => {
    const given = async () =>
      (await rows(db.pool, `select 1 from events where type = 'subject_access.given' and case_id is null`))
        .length
    const before = await given()
    const { status, body } = await give({ email: 'nobody.here@example.org' })
    t.equal(status, 200)
    t.match(body, { givenAt: String, cases: [], digests: [], notices: [] })
    t.equal((await given()) - before, 1)
    t.notMatch(JSON.stringify(await rows(db.pool, 'select * from events')), /nobody\.here/)
  })

  t.test('what was erased is shown as what is left', async (t) => {
    const { reference } = await createCase(harness)
    await call({
      method: 'POST',
      url: '/v1/erasures',
      key: keys.administrator,
      headers: { 'acting-user': 'person-1' },
      body: { case: reference, reason: 'request' },
    })
    const [file] = (await give({ case: reference })).body.cases
    t.match(file, {
      case: { original: { text: null }, contact: null },
      publicView: null,
      notes: [],
      pictures: [],
    })
  })

  t.test('a client that tries out sees what was tried out', async (t) => {
    const contact = { name: 'Invented Person', email: 'tried@example.org' }
    const key = await addClient({ name: 'testing administrator', role: 'administrator', test: true })
    const integrator = await addClient({ name: 'testing integrator', role: 'integrator', test: true })
    await call({ method: 'POST', url: '/v1/cases', key: integrator, body: draft({ contact }) })
    const real = await createCase(harness, { contact })
    t.equal((await give({ email: 'tried@example.org' }, key)).body.cases.length, 1)
    refused(t, await give({ case: real.reference }, key), 404, 'not_found')
  })

  t.test('is for administrators, who name one subject and themselves', async (t) => {
    for (const [role, key] of Object.entries(keys)) {
      const { status } = await give({ case: UNKNOWN }, key)
      t.equal(status, role === 'administrator' ? 404 : 403, role)
    }
    refused(t, await give({ case: UNKNOWN }, ''), 401, 'key_missing')
    refused(t, await give({ case: 'no reference' }), 404, 'not_found')
    for (const body of [{}, { case: UNKNOWN, email: 'a@example.org' }, { email: 'none' }, { name: 'A' }])
      refused(t, await give(body), 400, 'validation_failed')
    const body = { case: UNKNOWN }
    const nobody = await call({ method: 'POST', url: '/v1/subject-accesses', key: keys.administrator, body })
    refused(t, nobody, 400, 'validation_failed', ['header /Acting-User missing'])
  })
})
