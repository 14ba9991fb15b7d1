import t from 'tap'
import { createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('what has changed between two requests', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness

  await t.test(
    'a repeated answer shows nothing of a case that has gone to another organisation',
    async (t) => {
      const { reference, version } = await publishedCase(harness)
      const answer = {
        method: 'POST' as const,
        url: `/v1/cases/${reference}/responses`,
        key: keys.provider,
        headers: { ...staff(version), 'idempotency-key': 'gone' },
        body: { text: 'We are looking into it. (Invented.)' },
      }
      t.equal((await call(answer)).status, 201)
      await db.pool.query(
        `update cases set organisation_id = (select id from organisations where code = 'T02') where reference = $1`,
        [reference],
      )
      const repeated = await call(answer)
      t.equal(repeated.status, 403)
      t.notMatch(repeated.text, /T02|Invented Person|invented@example/)
    },
  )

  await t.test('a case that its source has changed is not published with the words of before', async (t) => {
    const { reference, version } = await publishedCase(harness)
    await db.pool.query(`update cases set publication = 'awaiting_moderation' where reference = $1`, [
      reference,
    ])
    const decide = (body: object) =>
      call({
        method: 'POST',
        url: `/v1/cases/${reference}/decisions`,
        key: keys.case_handler,
        headers: staff(version),
        body: { action: 'publish', reason: 'fit_to_publish', ...body },
      })
    const { status, body } = await decide({})
    t.equal(status, 400)
    t.match(body.errors, [{ pointer: '/moderatedText', code: 'moderated_text_missing' }])
    t.equal((await decide({ moderatedText: 'What it says now. (Invented.)' })).status, 201)
  })

  await t.test('answers that waited are published with their case, and only then', async (t) => {
    const push = await call({
      method: 'POST',
      url: '/v1/sources/pushed/items',
      key: keys.feed_provider,
      headers: { 'idempotency-key': 'odd' },
      body: {
        items: [
          { type: 'story', externalId: 'waits', organisation: 'T01', text: 'It was cold. (Invented.)' },
          { type: 'reply', externalId: 'reply', inReplyTo: 'waits', text: 'It is warm now. (Invented.)' },
          { type: 'story', externalId: 'odd\u0000id', organisation: 'T01', text: 'Odd. (Invented.)' },
        ],
      },
    })
    t.equal(push.status, 200, push.text)
    t.same(
      push.body.items.map(({ outcome }: { outcome: string }) => outcome),
      ['created', 'created', 'quarantined'],
    )
    const { reference } = push.body.items[0]
    const seen = await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })
    t.match(seen.body.responses, [
      { text: 'It is warm now. (Invented.)', publication: 'awaiting_moderation' },
    ])
    t.same((await call({ url: `/v1/cases/${reference}/responses` })).body.items, [])
    const decided = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(seen.body.version),
      body: { action: 'publish', reason: 'fit_to_publish', moderatedText: 'It was cold. (Invented.)' },
    })
    t.equal(decided.status, 201, decided.text)
    t.match((await call({ url: `/v1/cases/${reference}` })).body.responses, [
      { text: 'It is warm now. (Invented.)' },
    ])
  })

  await t.test('a question stays with the central team', async (t) => {
    const { reference } = await createCase(harness, { kind: 'question' })
    t.equal((await call({ url: `/v1/cases/${reference}`, key: keys.provider })).body.view, 'stub')
    const list = await call({ url: '/v1/cases?view=mine&kind=question', key: keys.provider })
    t.same(list.body.items, [])
    t.equal((await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body.view, 'staff')
  })
})
