import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, createCase, draft, handledDraft, staff, startHarness } from './harness.ts'

t.test('a repeat is safe', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const submit = (key: string, body: unknown, client = keys.integrator): Promise<Answer> =>
    call({ method: 'POST', url: '/v1/cases', key: client, headers: { 'idempotency-key': key }, body })
  const strip = ({ status, body, headers }: Answer) => ({
    status,
    body,
    location: headers.location,
    etag: headers.etag,
  })

  await t.test('the same five times at once is one case and five identical answers', async (t) => {
    const before = await db.prisma.case.count()
    const answers = await Promise.all(Array.from({ length: 5 }, () => submit('five', draft())))
    t.equal(answers[0]?.status, 201)
    for (const answer of answers) t.same(strip(answer), strip(answers[0] as Answer))
    t.equal(await db.prisma.case.count(), before + 1)
    t.same(strip(await submit('five', draft())), strip(answers[0] as Answer), 'and a sixth time later')
  })

  await t.test('the same key with another body is 422', async (t) => {
    await submit('reused', draft())
    refused(
      t,
      await submit('reused', draft({ text: 'Something else. (Invented.)' })),
      422,
      'idempotency_key_reused',
    )
  })

  await t.test('one key is one key over all operations of a client', async (t) => {
    const sms = handledDraft()
    const headers = { ...staff(1), 'idempotency-key': 'over-all' }
    const created = await call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.case_handler,
      headers,
      body: sms,
    })
    t.equal(created.status, 201, created.text)
    const url = `/v1/cases/${created.body.reference}/responses`
    const answered = await call({ method: 'POST', url, key: keys.case_handler, headers, body: { text: 'x' } })
    refused(t, answered, 422, 'idempotency_key_reused')
  })

  await t.test("another client's key is another key", async (t) => {
    const one = await submit('shared', draft())
    const two = await submit('shared', draft(), keys.form)
    t.equal(two.status, 201)
    t.not(one.body.reference, two.body.reference)
  })

  await t.test('a refused request leaves its key free', async (t) => {
    refused(t, await submit('again', draft({ category: 'weather' })), 400, 'validation_failed')
    t.equal((await submit('again', draft())).status, 201)
  })

  await t.test('a key is a visible text of at most 255 characters', async (t) => {
    for (const [key, code] of [
      ['', 'too_short'],
      ['a b', 'wrong_format'],
      ['x'.repeat(256), 'too_long'],
    ] as const) {
      const answer = await submit(key, draft())
      refused(t, answer, 400, 'validation_failed')
      t.match(
        answer.body.errors,
        [{ in: 'header', pointer: '/Idempotency-Key', code }].slice(0, key === '' ? 0 : 1),
      )
    }
    t.equal((await submit('x'.repeat(255), draft())).status, 201)
  })

  await t.test(
    'a decision is made once, however often and in whatever form its reference is sent',
    async (t) => {
      const { reference, version } = await createCase(harness)
      const decide = (typed: string, moderatedText: string): Promise<Answer> =>
        call({
          method: 'POST',
          url: `/v1/cases/${typed}/decisions`,
          key: keys.case_handler,
          headers: { ...staff(version), 'idempotency-key': 'decision' },
          body: { action: 'publish', reason: 'fit_to_publish', commissioned: 'locally', moderatedText },
        })
      const first = await decide(reference, 'Fit. (Invented.)')
      t.equal(first.status, 201, first.text)
      t.same(strip(await decide(reference, 'Fit. (Invented.)')), strip(first))
      t.same(strip(await decide(reference.toLowerCase(), 'Fit. (Invented.)')), strip(first))
      refused(t, await decide(reference, 'Other. (Invented.)'), 422, 'idempotency_key_reused')
      t.equal(await db.prisma.event.count({ where: { caseReference: reference, type: 'case.published' } }), 1)
    },
  )

  await t.test('an answer is stored once', async (t) => {
    const { reference, version } = await createCase(harness)
    const respond = (text: string): Promise<Answer> =>
      call({
        method: 'POST',
        url: `/v1/cases/${reference}/responses`,
        key: keys.provider,
        headers: { ...staff(version), 'idempotency-key': 'answer' },
        body: { text },
      })
    const answers = await Promise.all(Array.from({ length: 3 }, () => respond('Sorry. (Invented.)')))
    for (const answer of answers) {
      t.equal(answer.status, 201, answer.text)
      t.same(strip(answer), strip(answers[0] as Answer))
    }
    refused(t, await respond('Something else. (Invented.)'), 422, 'idempotency_key_reused')
    t.equal(
      (await call({ url: `/v1/cases/${reference}/responses`, key: keys.provider })).body.items.length,
      1,
    )
  })
})
