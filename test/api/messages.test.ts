import t from 'tap'
import { newReference } from '../../domain/references.ts'
import { noteAll } from '../noted.ts'
import { holdsNone, refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'
import { eventsOf, moveTo, reporterOf, staffView, toldOf } from './reporter.ts'

t.test('messages between staff and reporter', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const ask = (
    { reference, version }: { reference: string; version: number },
    body: unknown,
    { key = keys.provider, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/messages`,
      key,
      headers: { ...staff(version), ...headers },
      body,
    })
  const question = { text: 'When were you on the ward? (Invented.)' }
  const more = { text: 'It was on the second floor. (Invented.)' }

  await t.test('a provider asks, the reporter is told so and answers, and both read it', async (t) => {
    const mine = await createCase(harness)
    const asked = await ask(mine, question, { 'acting-user': 'pals-3' })
    t.equal(asked.status, 201, asked.text)
    t.match(asked.headers.etag, /^"2-/)
    t.match(asked.body.messages, [{ author: 'provider', answers: null, ...question }])
    const { message } = asked.body.messages[0]
    t.ok((await toldOf(harness, mine)).includes('question_for_reporter'))

    const { read, post } = reporterOf(harness, mine)
    t.same((await read()).body.messages, asked.body.messages)
    const answered = await post('additions', {
      text: 'In March. (Invented.)',
      answers: message.toLowerCase(),
    })
    t.equal(answered.status, 201, answered.text)
    t.match(answered.headers.etag, /^"3-/)
    t.match(answered.body, { view: 'reporter', version: 3 })
    t.match(answered.body.messages[1], {
      author: 'reporter',
      answers: message,
      text: 'In March. (Invented.)',
    })
    t.same((await staffView(harness, mine)).messages, answered.body.messages)
    t.match(await eventsOf(harness, mine), [
      { type: 'message.created', actingUser: 'pals-3', fields: ['messages'], caseVersion: 2 },
      { type: 'message.created', actingUser: null, clientId: null, fields: ['messages'], caseVersion: 3 },
    ])
  })

  await t.test('what speaks of danger makes the case urgent, and says where to turn', async (t) => {
    const mine = await createCase(harness)
    const { post, read } = reporterOf(harness, mine)
    const calm = await post('additions', more)
    t.equal(calm.body.guidance, null)
    t.notOk((await staffView(harness, mine)).urgent)

    const said = await post('additions', { text: 'I want to kill myself. (Invented.)' })
    t.equal(said.status, 201, said.text)
    t.match(said.body.guidance, /999/)
    t.equal((await read()).body.guidance, null, 'it answers what was just said')
    const seen = await staffView(harness, mine)
    t.ok(seen.urgent)
    t.ok(Date.parse(seen.dueAt) - Date.now() <= 4 * 3_600_000, 'by the clock of urgent cases')
    t.ok((await toldOf(harness, mine)).includes('urgent_for_on_call'))
    t.match((await eventsOf(harness, mine)).slice(-2), [
      { type: 'case.changed', reason: 'danger_signs', fields: ['urgent'] },
      { type: 'message.created' },
    ])
  })

  await t.test(
    'the central team asks under its own name, and a question may be answered twice',
    async (t) => {
      const mine = await createCase(harness)
      const { body } = await ask(mine, question, { key: keys.case_handler })
      const [{ author, message }] = body.messages
      t.equal(author, 'central')
      const { post } = reporterOf(harness, mine)
      for (const text of ['In March. (Invented.)', 'No, in April. (Invented.)'])
        t.equal((await post('additions', { text, answers: message })).status, 201)
      const { messages } = await staffView(harness, mine)
      t.same(
        messages.map(({ answers }: { answers: string | null }) => answers),
        [null, message, message],
      )
    },
  )

  await t.test('each message is told by itself', async (t) => {
    const mine = await createCase(harness)
    const { version } = (await ask(mine, question)).body
    await ask({ ...mine, version }, question)
    const told = await toldOf(harness, mine)
    t.equal(told.filter((kind) => kind === 'question_for_reporter').length, 2)
  })

  await t.test(
    'what is added moves the version and nothing else, also when the case is closed',
    async (t) => {
      const mine = await createCase(harness)
      const before = await moveTo(harness, mine, 'resolved')
      const { body } = await reporterOf(harness, mine).post('additions', more)
      const after = await staffView(harness, mine)
      t.equal(body.version, before.version + 1)
      t.same(
        { ...after, version: 0, updatedAt: '', messages: [] },
        { ...before, version: 0, updatedAt: '', messages: [] },
      )
    },
  )

  await t.test('staff who read before the reporter added something must read again', async (t) => {
    const mine = await createCase(harness)
    await reporterOf(harness, mine).post('additions', more)
    const stale = await ask(mine, question)
    refused(t, stale, 412, 'version_stale')
    t.equal(stale.body.currentVersion, 2)
  })

  await t.test('only a message of the staff about this very case can be answered', async (t) => {
    const mine = await createCase(harness)
    const other = await createCase(harness)
    const elsewhere = (await ask(other, question)).body.messages[0].message
    const { post } = reporterOf(harness, mine)
    const own = (await post('additions', more)).body.messages[0].message
    for (const answers of [elsewhere, own, newReference(), 'nothing'])
      refused(t, await post('additions', { ...more, answers }), 400, 'validation_failed', [
        'body /answers unknown_message',
      ])
    t.equal((await staffView(harness, mine)).messages.length, 1)
  })

  await t.test('a message without a text is none', async (t) => {
    const mine = await createCase(harness)
    const { post } = reporterOf(harness, mine)
    for (const [body, fields] of [
      [{}, ['body /text missing']],
      [{ text: ' ' }, ['body /text wrong_format']],
      [{ text: 'x'.repeat(2001) }, ['body /text too_long']],
      [{ ...more, author: 'central' }, ['body /author unknown_field']],
    ] as Array<[object, string[]]>) {
      refused(t, await post('additions', body), 400, 'validation_failed', fields)
      refused(t, await ask(mine, body), 400, 'validation_failed', fields)
    }
    t.match(await staffView(harness, mine), { version: 1, messages: [] })
  })

  await t.test('a repeat with its key adds once, and the key with another text is refused', async (t) => {
    const mine = await createCase(harness)
    const { post } = reporterOf(harness, mine)
    const key = { 'idempotency-key': 'once' }
    const answers = await Promise.all(Array.from({ length: 5 }, () => post('additions', more, key)))
    t.same(
      answers.map(({ status }) => status),
      Array(5).fill(201),
    )
    t.equal(new Set(answers.map(({ text }) => text)).size, 1)
    refused(t, await post('additions', { text: 'Other. (Invented.)' }, key), 422, 'idempotency_key_reused')
    refused(t, await post('withdrawals', { what: 'case' }, key), 422, 'idempotency_key_reused')
    const { version } = await staffView(harness, mine)
    for (let n = 0; n < 2; n++) t.equal((await ask({ ...mine, version }, question, key)).status, 201)
    t.equal((await staffView(harness, mine)).messages.length, 2)
  })

  await t.test('two reporters’ keys are nothing to each other', async (t) => {
    const key = { 'idempotency-key': 'same-for-both' }
    for (const text of ['One. (Invented.)', 'Two. (Invented.)']) {
      const mine = await createCase(harness)
      const { body } = await reporterOf(harness, mine).post('additions', { text }, key)
      t.same(
        body.messages.map((message: { text: string }) => message.text),
        [text],
      )
    }
  })

  await t.test('nothing is added to a withdrawn case, and nobody asks about it', async (t) => {
    const mine = await createCase(harness)
    const { post } = reporterOf(harness, mine)
    const { version } = (await post('withdrawals', { what: 'case' })).body
    const refusal = await post('additions', more)
    refused(t, refusal, 409, 'move_not_allowed')
    t.same(refusal.body.allowed, [])
    refused(t, await ask({ ...mine, version }, question, { key: keys.case_handler }), 409, 'move_not_allowed')
  })

  await t.test('nobody is asked about a case that came from a source', async (t) => {
    const item = {
      type: 'story',
      externalId: 'item-1',
      organisation: 'T01',
      title: 'Kind staff',
      text: 'Everyone explained things. (Invented.)',
      publishedAt: new Date().toISOString(),
    }
    await call({
      method: 'POST',
      url: '/v1/sources/pushed/items',
      key: keys.feed_provider,
      body: { items: [item] },
    })
    const { reference, version } = await db.prisma.case.findFirstOrThrow({ where: { channel: 'feed' } })
    refused(t, await ask({ reference, version }, question), 409, 'move_not_allowed')
  })

  await t.test('who does not work on the case does not write to its reporter', async (t) => {
    const mine = await publishedCase(harness)
    for (const [key, status, code] of [
      [keys.other_provider, 403, 'not_your_case'],
      [keys.commissioner, 403, 'scope_missing'],
      [keys.integrator, 403, 'scope_missing'],
    ] as const)
      refused(t, await ask(mine, question, { key }), status, code)
    const url = `/v1/cases/${mine.reference}/messages`
    refused(t, await call({ method: 'POST', url, body: question }), 401, 'key_missing')
    refused(t, await ask({ ...mine, reference: newReference() }, question), 404, 'not_found')
    await db.pool.query(`update cases set publication = 'removed' where reference = $1`, [mine.reference])
    refused(t, await ask(mine, question, { key: keys.other_provider }), 404, 'not_found')
    const bare = { method: 'POST' as const, url, key: keys.provider, body: question }
    refused(t, await call({ ...bare, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...bare, headers: { 'if-match': '"1"' } }), 400, 'validation_failed', [
      'header /Acting-User missing',
    ])
  })

  await t.test('nobody but reporter and staff reads them, and no text lies open', async (t) => {
    const secret = 'CANARYTEXT telephone 02079461357 (invented)'
    const mine = await publishedCase(harness)
    const { version } = await staffView(harness, mine)
    await ask({ ...mine, version }, { text: secret })
    await reporterOf(harness, mine).post('additions', { text: secret })
    for (const key of [undefined, keys.integrator, keys.commissioner, keys.supplier, keys.other_provider])
      for (const path of ['', '/responses']) {
        const { text } = await call({ url: `/v1/cases/${mine.reference}${path}`, ...(key && { key }) })
        holdsNone(t, text, `${path} for ${key?.slice(0, 8)}`)
      }
    await noteAll(db)
    for (const table of ['messages', 'events', 'notifications', 'idempotency_records']) {
      const { rows } = await db.pool.query(`select r::text as row from ${table} r`)
      holdsNone(t, JSON.stringify(rows), table)
    }
    holdsNone(t, harness.logged(), 'the log')
  })
})
