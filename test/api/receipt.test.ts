import t from 'tap'
import { newReference } from '../../domain/references.ts'
import { canaryDraft, refused } from './answers.ts'
import { type Answer, createCase, draft, ORIGIN, publishedCase, staff, startHarness } from './harness.ts'
import { eventsOf, moveTo, reporterOf, staffView } from './reporter.ts'

t.test('the receipt', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const withReceipt = (reference: string, receipt: string, path = ''): Promise<Answer> =>
    call({ url: `/v1/cases/${reference}${path}`, headers: { 'case-receipt': receipt } })
  const renew = (
    reference: string,
    version: number,
    { key = keys.case_handler, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/receipts`,
      key,
      headers: { ...staff(version), ...headers },
    })

  await t.test('whoever has it reads their own words and what became of the case', async (t) => {
    const mine = await createCase(harness, canaryDraft)
    await moveTo(harness, mine, 'in_progress')
    const { body, headers, status } = await reporterOf(harness, mine).read()
    t.equal(status, 200)
    t.match(body, {
      view: 'reporter',
      reference: mine.reference,
      status: 'in_progress',
      publication: 'awaiting_moderation',
      original: { title: canaryDraft.title, text: canaryDraft.text },
      messages: [],
      outcome: null,
      allowedActions: ['add', 'withdraw_publication', 'withdraw_case'],
    })
    t.equal(body.responses.length, 1)
    t.match(headers.etag, /^"2-/)
    t.equal(headers['cache-control'], 'private, no-cache')
    t.match(headers.vary, /case-receipt/)
    for (const secret of [mine.receipt, canaryDraft.contact.email, canaryDraft.contact.phone])
      t.notOk(JSON.stringify(body).includes(secret))
    const same = await call({
      url: `/v1/cases/${mine.reference}`,
      headers: { 'case-receipt': mine.receipt, 'if-none-match': headers.etag as string },
    })
    t.equal(same.status, 304)
  })

  await t.test('the answers are read with it before the case is public', async (t) => {
    const mine = await createCase(harness)
    await moveTo(harness, mine, 'in_progress')
    t.equal((await call({ url: `/v1/cases/${mine.reference}/responses` })).body.items.length, 0)
    const { body } = await reporterOf(harness, mine).read('/responses')
    t.equal(body.items.length, 1)
  })

  await t.test('it opens a case that was rejected, which nobody else finds', async (t) => {
    const mine = await createCase(harness)
    await db.pool.query(`update cases set publication = 'rejected' where reference = $1`, [mine.reference])
    t.equal((await call({ url: `/v1/cases/${mine.reference}` })).status, 404)
    t.match((await reporterOf(harness, mine).read()).body, { view: 'reporter', publication: 'rejected' })
  })

  await t.test(
    'it needs no key, works from any origin, and says who asks when a key comes along',
    async (t) => {
      const mine = await createCase(harness)
      const answer = await call({
        url: `/v1/cases/${mine.reference}`,
        headers: { 'case-receipt': mine.receipt, origin: 'https://elsewhere.example.org' },
      })
      t.match(answer.body, { view: 'reporter' })
      t.equal(answer.headers['access-control-allow-origin'], '*')
      const both = { 'case-receipt': mine.receipt, origin: ORIGIN }
      for (const key of [keys.case_handler, keys.form, 'cc_sk_nothing'])
        t.match((await call({ url: `/v1/cases/${mine.reference}`, key, headers: both })).body, {
          view: 'reporter',
        })
      const preflight = await call({
        method: 'OPTIONS',
        url: `/v1/cases/${mine.reference}`,
        headers: { origin: ORIGIN, 'access-control-request-method': 'GET' },
      })
      t.match(preflight.headers['access-control-allow-headers'], /Case-Receipt/)
    },
  )

  await t.test('a wrong receipt and an unknown case answer alike, for every operation', async (t) => {
    const mine = await publishedCase(harness)
    const another = await publishedCase(harness)
    const renewed = await createCase(harness)
    t.equal((await renew(renewed.reference, renewed.version)).status, 201)
    const wrong: Array<[string, string, string]> = [
      ['wrong', mine.reference, `${mine.receipt.startsWith('A') ? 'B' : 'A'}${mine.receipt.slice(1)}`],
      ['malformed', mine.reference, 'nothing'],
      ['empty', mine.reference, ''],
      ['longer', mine.reference, `${mine.receipt}A`],
      ['of another case', mine.reference, another.receipt],
      ['of an old generation', renewed.reference, renewed.receipt],
      ['for an unknown case', newReference(), mine.receipt],
      ['for no reference at all', 'nothing', mine.receipt],
    ]
    const operations = {
      additions: { text: 'More. (Invented.)' },
      withdrawals: { what: 'case' },
      reopenings: { reason: 'other', text: 'Again. (Invented.)' },
      outcomes: { resolved: true },
    }
    const bodies = new Set<string>()
    for (const [name, reference, receipt] of wrong) {
      const { read, post } = reporterOf(harness, { reference, receipt })
      const answers = [
        await read(),
        await read('/responses'),
        ...(await Promise.all(Object.entries(operations).map(([what, body]) => post(what, body)))),
        ...(await Promise.all(
          Object.entries(operations).map(([what, body]) => post(what, body, { 'idempotency-key': 'k' })),
        )),
      ]
      for (const answer of answers) {
        t.equal(answer.status, 404, name)
        t.equal(answer.headers['cache-control'], 'no-store')
        bodies.add(answer.text.replace(answer.body.requestId, ''))
      }
    }
    t.equal(bodies.size, 1, [...bodies].join('\n'))
    const { rows } = await db.pool.query(`select 1 from idempotency_records where key = 'k'`)
    t.equal(rows.length, 0, 'a stranger leaves no key with the case')
    t.equal((await staffView(harness, mine)).version, mine.version)
  })

  await t.test('without a receipt it is 401, a key is none, and nothing of the body is read', async (t) => {
    const mine = await createCase(harness)
    for (const what of ['additions', 'withdrawals', 'reopenings', 'outcomes'])
      for (const key of [undefined, keys.case_handler, keys.integrator, keys.form, 'cc_sk_nothing']) {
        const url = `/v1/cases/${mine.reference}/${what}`
        const answer = await call({ method: 'POST', url, body: { unknown: 1 }, ...(key && { key }) })
        refused(t, answer, 401, 'key_missing')
        t.match(answer.body.detail, /Case-Receipt/)
      }
  })

  await t.test('a receipt opens nothing of the staff', async (t) => {
    const mine = await createCase(harness)
    for (const what of ['responses', 'decisions', 'messages', 'receipts', 'notes'])
      refused(t, await reporterOf(harness, mine).post(what, { text: 'a' }), 401, 'key_missing')
    const { rows } = await db.pool.query('select count(*)::int as n from messages')
    t.equal(rows[0].n, 0)
  })

  await t.test('a renewed receipt works, and the old one stops at once', async (t) => {
    const mine = await createCase(harness)
    const { body, headers, status } = await renew(mine.reference, mine.version, {
      'acting-user': 'handler-7',
    })
    t.equal(status, 201)
    t.match(body, { reference: mine.reference, version: 2 })
    t.match(headers.etag, /^"2-/)
    t.not(body.receipt, mine.receipt)
    refused(t, await withReceipt(mine.reference, mine.receipt), 404, 'not_found')
    t.equal((await withReceipt(mine.reference, body.receipt)).status, 200)
    t.match(await eventsOf(harness, mine), [
      { type: 'case.receipt_renewed', actingUser: 'handler-7', fields: ['receipt'], caseVersion: 2 },
    ])
    t.notOk(harness.logged().includes(body.receipt))
  })

  await t.test('a repeat shows the same receipt, until there is a newer one', async (t) => {
    const mine = await createCase(harness)
    const repeat = { 'idempotency-key': 'renewal' }
    const first = await renew(mine.reference, mine.version, repeat)
    const again = await renew(mine.reference, mine.version, repeat)
    t.same([again.status, again.body], [201, first.body])
    const { body } = await renew(mine.reference, first.body.version)
    const late = await renew(mine.reference, mine.version, repeat)
    refused(t, late, 412, 'version_stale')
    t.equal(late.body.currentVersion, body.version)
    t.notOk(late.text.includes(body.receipt))
    const { rows } = await db.pool.query(`select result::text from idempotency_records where key = 'renewal'`)
    t.notOk(rows[0].result.includes(first.body.receipt))
  })

  await t.test('a repeat of the intake shows the receipt of then, never a newer one', async (t) => {
    const intake = {
      method: 'POST' as const,
      url: '/v1/cases',
      key: keys.form,
      headers: { 'idempotency-key': 'intake' },
      body: draft(),
    }
    const first = await call(intake)
    const { body } = await renew(first.body.reference, first.body.version)
    const again = await call(intake)
    t.equal(again.body.receipt, first.body.receipt)
    t.notOk(again.text.includes(body.receipt))
  })

  await t.test('what was sent with the old receipt is not repeated for it', async (t) => {
    const mine = await createCase(harness)
    const key = { 'idempotency-key': 'addition' }
    const addition = { text: 'More. (Invented.)' }
    const first = await reporterOf(harness, mine).post('additions', addition, key)
    const { body } = await renew(mine.reference, first.body.version)
    refused(t, await reporterOf(harness, mine).post('additions', addition, key), 404, 'not_found')
    const again = await reporterOf(harness, body).post('additions', addition, key)
    t.equal(again.status, 201)
    t.equal(again.body.messages.length, 1, 'the keys are the case’s, not the receipt’s')
  })

  await t.test('only a case handler renews, with the version they read', async (t) => {
    const mine = await createCase(harness)
    const { reference } = mine
    refused(t, await call({ method: 'POST', url: `/v1/cases/${reference}/receipts` }), 401, 'key_missing')
    refused(t, await renew(reference, 1, { key: keys.provider }), 403, 'scope_missing')
    refused(t, await renew(reference, 1, { key: keys.second_tier }), 404, 'not_found')
    refused(t, await renew(newReference(), 1), 404, 'not_found')
    refused(t, await renew(reference, 7), 412, 'version_stale')
    const bare = { method: 'POST' as const, url: `/v1/cases/${reference}/receipts`, key: keys.case_handler }
    refused(t, await call({ ...bare, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...bare, headers: { 'if-match': '"1"' } }), 400, 'validation_failed', [
      'header /Acting-User missing',
    ])
    t.equal((await reporterOf(harness, mine).read()).status, 200, 'the receipt still works')
  })
})

t.test('receipts cannot be tried at speed, whoever asks and whatever case they name', async (t) => {
  const harness = await startHarness(t, { requestsPerMinute: 6 })
  const mine = await createCase(harness)
  const statuses = []
  for (let n = 0; n < 9; n++) {
    const guess = { reference: n % 2 ? mine.reference : newReference(), receipt: 'x'.repeat(43) }
    const { status } =
      n < 4
        ? await reporterOf(harness, guess).read()
        : await reporterOf(harness, guess).post('additions', { text: 'a' })
    statuses.push(status)
  }
  t.same(statuses, [404, 404, 404, 404, 404, 404, 429, 429, 429])
})
