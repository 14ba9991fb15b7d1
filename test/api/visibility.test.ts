import t from 'tap'
import { canaries, canaryDraft, holdsNone, references, refused } from './answers.ts'
import { createCase, type Harness, publishedCase, staff, startHarness } from './harness.ts'

t.test('visibility', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const set = (reference: string, columns: string): Promise<unknown> =>
    db.pool.query(`update cases set ${columns} where reference = $1`, [reference])
  const seenBy = async (reference: string, key?: string) =>
    call({ url: `/v1/cases/${reference}`, ...(key && { key }) })
  const others = { supplier: keys.supplier, form: undefined, nobody: undefined }

  await t.test(
    'V01: everybody reads the moderated text and the answers, oldest first, never the original',
    async (t) => {
      const { reference, version } = await publishedCase(harness, canaryDraft)
      let next = version
      for (const text of ['First answer. (Invented.)', 'Second answer. (Invented.)'])
        next = (await respond(harness, reference, next, text)).version
      const { body, text } = await seenBy(reference)
      t.equal(body.view, 'public')
      t.equal(body.text, 'They waited for hours. (Invented.)')
      t.same(
        body.responses.map((one: { text: string }) => one.text),
        ['First answer. (Invented.)', 'Second answer. (Invented.)'],
      )
      holdsNone(t, text, 'the case')
      const answers = await call({ url: `/v1/cases/${reference}/responses` })
      t.same(answers.body.items, body.responses)
      t.equal(answers.body.next, null)
    },
  )

  await t.test('V02: a case that awaits moderation is a stub', async (t) => {
    const { reference } = await createCase(harness, { ...canaryDraft, privacy: 'named' })
    const { body, text, headers } = await seenBy(reference)
    t.same(Object.keys(body).sort(), [
      'organisation',
      'reference',
      'reportedWeek',
      'source',
      'status',
      'url',
      'view',
      'withheld',
    ])
    t.match(body, { view: 'stub', withheld: 'awaiting_moderation', reportedWeek: /^\d{4}-W\d\d$/ })
    t.notMatch(headers.etag as string, /^"1-/, 'not even its version')
    holdsNone(t, text, 'the stub')
    const answers = await call({ url: `/v1/cases/${reference}/responses` })
    t.same(answers.body.items, [])
  })

  await t.test(
    'V03: a private case never shows more than a stub, to nobody else and no other trust',
    async (t) => {
      const { reference, version } = await createCase(harness, { ...canaryDraft, privacy: 'private' })
      await decide(harness, reference, version, 'publish', 'CANARYTEXT moderated')
      const other = await harness.addClient({
        name: 'other trust',
        role: 'provider',
        organisationIds: [(await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T02' } })).id],
      })
      for (const key of [undefined, other, keys.supplier, keys.administrator, keys.second_tier]) {
        const { body, text } = await seenBy(reference, key)
        t.match(body, { view: 'stub', withheld: 'private' })
        holdsNone(t, text, 'the stub')
      }
      holdsNone(t, (await call({ url: '/v1/cases?limit=100' })).text, 'the list')
    },
  )

  await t.test(
    'V04, V06: removed, rejected and second-tier cases are absent everywhere, as if unknown',
    async (t) => {
      const unknown = await seenBy('0000-0000-0000-0')
      for (const publication of ['removed', 'rejected', 'awaiting_second_tier']) {
        const { reference } = await publishedCase(harness, canaryDraft)
        await set(reference, `publication = '${publication}'`)
        for (const path of ['', '/responses']) {
          const hidden = await call({ url: `/v1/cases/${reference}${path}` })
          refused(t, hidden, 404, 'not_found')
          t.same({ ...hidden.body, requestId: '' }, { ...unknown.body, requestId: '' }, 'the same body')
          t.same(Object.keys(hidden.headers).sort(), Object.keys(unknown.headers).sort(), 'the same headers')
        }
        refused(t, await seenBy(reference, keys.supplier), 404, 'not_found')
        t.notOk(references(await call({ url: '/v1/cases?limit=100' })).includes(reference))
        t.notMatch((await call({ url: '/v1/geo-feed?limit=1000' })).text, reference)
        t.equal((await seenBy(reference, keys.case_handler)).body.publication, publication)
        t.equal(
          (await seenBy(reference, keys.provider)).body.publication,
          publication,
          'its own trust sees it',
        )
      }
    },
  )

  await t.test('V05: no public page holds anything of what is for staff only', async (t) => {
    const { reference } = await publishedCase(harness, canaryDraft)
    const { body } = await seenBy(reference)
    for (const field of [
      'priority',
      'publication',
      'privacy',
      'channel',
      'contact',
      'original',
      'version',
      'brand',
      'decisionReason',
      'id',
      'createdAt',
      'happeningNow',
    ])
      t.notOk(field in body, field)
  })

  await t.test('V08: markup is given back as it is', async (t) => {
    const text = '<img src=x onerror=alert(1)> & <b>bold</b>'
    const { reference, version } = await createCase(harness)
    await decide(harness, reference, version, 'publish', text)
    const { body, headers } = await seenBy(reference)
    t.equal(body.text, text)
    t.match(headers['content-type'], /^application\/json/)
    t.equal(headers['x-content-type-options'], 'nosniff')
  })

  await t.test('the name is public only if its reporter chose so, and only in public', async (t) => {
    const contact = { name: 'Invented Named', email: 'a@example.org' }
    for (const [privacy, shown] of [
      ['named', 'Invented Named'],
      ['anonymous', null],
    ]) {
      const { reference } = await publishedCase(harness, { privacy, contact })
      t.equal((await seenBy(reference)).body.authorName, shown)
    }
    const { reference } = await publishedCase(harness, { privacy: 'named', under16: true, contact })
    t.equal((await seenBy(reference)).body.authorName, null)
  })

  await t.test('each role sees of its own case what the table says', async (t) => {
    const { reference } = await createCase(harness, canaryDraft)
    const handler = (await seenBy(reference, keys.case_handler)).body
    t.match(handler, {
      view: 'staff',
      original: { text: canaryDraft.text },
      contact: { ...canaryDraft.contact, preferred: 'email' },
    })
    t.same(handler.allowedStatuses, (await seenBy(reference, keys.provider)).body.allowedStatuses)
    t.match((await seenBy(reference, keys.provider)).body, { view: 'staff', contact: canaryDraft.contact })
    const commissioner = await seenBy(reference, keys.commissioner)
    t.match(commissioner.body, {
      view: 'staff',
      contact: null,
      allowedStatuses: [],
      original: { text: canaryDraft.text },
    })
    const own = await seenBy(reference, keys.integrator)
    t.match(own.body, { view: 'own', publication: 'awaiting_moderation' })
    holdsNone(t, own.text, "the integrator's own view")
    t.equal((await seenBy(reference, keys.second_tier)).body.view, 'stub', 'it was not referred')
    await set(reference, `publication = 'awaiting_second_tier'`)
    const second = await seenBy(reference, keys.second_tier)
    t.match(second.body, { view: 'staff', contact: null })
    holdsNone(t, second.text, 'the second tier', ['text', 'title'])
    refused(t, await seenBy(reference, keys.supplier), 404, 'not_found')
  })

  await t.test('a provider sees the cases of its sites', async (t) => {
    const { reference } = await createCase(harness, { organisation: 'T0101' })
    t.equal((await seenBy(reference, keys.provider)).body.view, 'staff')
    t.equal((await seenBy(reference, keys.commissioner)).body.view, 'staff')
    const elsewhere = await createCase(harness, { organisation: 'T02' })
    t.equal((await seenBy(elsewhere.reference, keys.provider)).body.view, 'stub')
  })

  await t.test(
    'no public page, log line, event or kept answer holds a word of what is private',
    async (t) => {
      const { reference, version } = await createCase(harness, { ...canaryDraft, privacy: 'named' })
      const headers = (key: string, v: number) => ({
        ...staff(v, canaries.actingUser),
        'idempotency-key': key,
      })
      const decided = await call({
        method: 'POST',
        url: `/v1/cases/${reference}/decisions`,
        key: keys.case_handler,
        headers: headers('canary-1', version),
        body: {
          action: 'publish',
          reason: 'edited_personal_data',
          commissioned: 'locally',
          moderatedText: 'Fit to read. (Invented.)',
        },
      })
      const answered = await call({
        method: 'POST',
        url: `/v1/cases/${reference}/responses`,
        key: keys.provider,
        headers: headers('canary-2', decided.body.version),
        body: { text: 'A public answer. (Invented.)', status: 'in_progress' },
      })
      t.equal(answered.status, 201, answered.text)
      await call({
        method: 'POST',
        url: '/v1/cases',
        key: keys.integrator,
        headers: { 'idempotency-key': 'canary-3' },
        body: { organisation: 'T01', kind: 'concern', acceptsTerms: true, ...canaryDraft },
      })

      const pages = [
        '/v1/cases?limit=100',
        `/v1/cases/${reference}`,
        `/v1/cases/${reference}/responses`,
        '/v1/geo-feed?limit=1000',
      ]
      for (const url of pages)
        for (const key of [undefined, ...Object.values(others).filter((one) => one !== undefined)]) {
          const { text, status } = await call({ url, ...(key && { key }) })
          t.equal(status, 200)
          // This one reporter wants the name to be public.
          holdsNone(t, text, url, ['name'])
          t.notMatch(text, /edited_personal_data/)
        }
      holdsNone(t, harness.logged(), 'the log')
      const raw = async (table: string): Promise<string> =>
        JSON.stringify((await db.pool.query(`select x::text as row from ${table} x`)).rows)
      holdsNone(t, await raw('events'), 'the change log', ['actingUser'])
      holdsNone(t, await raw('idempotency_records'), 'what is kept for repeats')
      // The name of a case that is published as named is public; everything else is sealed.
      holdsNone(t, await raw('cases'), 'the cases', ['name'])
      t.match(await raw('events'), new RegExp(canaries.actingUser), 'the change log says who acted')
    },
  )
})

async function decide(
  { call, keys }: Harness,
  reference: string,
  version: number,
  action: string,
  moderatedText?: string,
) {
  const { body, status, text } = await call({
    method: 'POST',
    url: `/v1/cases/${reference}/decisions`,
    key: keys.case_handler,
    headers: staff(version),
    body: {
      action,
      reason: 'fit_to_publish',
      commissioned: 'locally',
      ...(moderatedText !== undefined && { moderatedText }),
    },
  })
  if (status !== 201) throw new Error(text)
  return body
}

async function respond({ call, keys }: Harness, reference: string, version: number, text: string) {
  const answer = await call({
    method: 'POST',
    url: `/v1/cases/${reference}/responses`,
    key: keys.provider,
    headers: staff(version),
    body: { text },
  })
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.body.case
}
