import t from 'tap'
import { fieldsOf, refused } from './answers.ts'
import { type Answer, draft, handledDraft, ORIGIN, PUBLIC_URL, startHarness } from './harness.ts'

t.test('intake', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const submit = (
    body: unknown,
    key = keys.integrator,
    headers: Record<string, string> = {},
  ): Promise<Answer> => call({ method: 'POST', url: '/v1/cases', key, body, headers })
  const staffCase = async (answer: Answer): Promise<Answer['body']> =>
    (await call({ url: `/v1/cases/${answer.body.reference}`, key: keys.case_handler })).body
  const stored = async (): Promise<number> => db.prisma.case.count()

  await t.test(
    'S01: a valid case gets a reference, is open, awaits moderation, and the log says so',
    async (t) => {
      const answer = await submit(draft())
      t.equal(answer.status, 201)
      t.match(answer.body, {
        status: 'open',
        publication: 'awaiting_moderation',
        kind: 'concern',
        version: 1,
        organisation: { code: 'T01', name: 'Example Trust One' },
        advice: null,
        notice: /999.*111/,
      })
      t.equal(answer.headers.location, `${PUBLIC_URL}/v1/cases/${answer.body.reference}`)
      t.equal(answer.body.url, answer.headers.location)
      const { priority, brand, channel } = await staffCase(answer)
      t.same({ priority, brand, channel }, { priority: 'normal', brand: 'myhealthlondon', channel: 'web' })
      const events = await db.prisma.event.findMany({ where: { caseReference: answer.body.reference } })
      t.same(
        events.map(({ type }) => type),
        ['case.created'],
      )
    },
  )

  await t.test('S02: a concern needs an e-mail or a phone; either is enough', async (t) => {
    refused(t, await submit(draft({ contact: { name: 'Invented' } })), 400, 'validation_failed', [
      'body /contact contact_missing',
    ])
    refused(t, await submit(draft({ contact: undefined })), 400, 'validation_failed', [
      'body /contact contact_missing',
      'body /contact/name name_missing',
    ])
    for (const way of [{ email: 'a@example.org' }, { phone: '020 7946 0000' }])
      t.equal((await submit(draft({ contact: { name: 'Invented', ...way } }))).status, 201)
  })

  await t.test('S03: the preferred contact must be there', async (t) => {
    const contact = { name: 'Invented', email: 'a@example.org', preferred: 'phone' }
    refused(t, await submit(draft({ contact })), 400, 'validation_failed', [
      'body /contact/phone preferred_contact_missing',
    ])
    const reverse = { name: 'Invented', phone: '1234', preferred: 'email' }
    refused(t, await submit(draft({ contact: reverse })), 400, 'validation_failed', [
      'body /contact/email preferred_contact_missing',
    ])
  })

  await t.test('S04: a phone number is a phone number', async (t) => {
    for (const phone of ['not a number', '020-7946', '+', '   ', '12a'])
      refused(
        t,
        await submit(draft({ contact: { name: 'Invented', phone } })),
        400,
        'validation_failed',
        phone === '+'
          ? ['body /contact/phone too_short', 'body /contact/phone wrong_format']
          : ['body /contact/phone wrong_format'],
      )
    t.equal((await submit(draft({ contact: { name: 'Invented', phone: '+44 20 7946 0000' } }))).status, 201)
  })

  await t.test('S05: an under-16 is never named', async (t) => {
    for (const key of [keys.integrator, keys.form])
      t.equal((await submit(draft({ under16: true, privacy: 'named' }), key)).body.privacy, 'anonymous')
    const byPhone = await submit(handledDraft({ under16: true, privacy: 'named' }), keys.case_handler, {
      'acting-user': 'handler-1',
    })
    t.equal(byPhone.body.privacy, 'anonymous')
    t.match(await staffCase(byPhone), { under16: true, privacyChosen: 'anonymous' })
  })

  await t.test('S06: a private case is private, and who says nothing is private', async (t) => {
    for (const privacy of ['private', undefined]) {
      const answer = await submit(draft({ privacy }))
      t.match(await staffCase(answer), { privacy: 'private', privacyChosen: 'private' })
    }
  })

  await t.test('S07: happening now and category treatment makes it high priority', async (t) => {
    const answer = await submit(draft({ happeningNow: true, category: 'treatment' }))
    t.match(await staffCase(answer), { priority: 'high', happeningNow: true })
  })

  await t.test('S08: happening now and category parking stays normal', async (t) => {
    const answer = await submit(draft({ happeningNow: true, category: 'parking' }))
    t.equal(answer.status, 201)
    t.match(await staffCase(answer), { priority: 'normal', happeningNow: true })
  })

  await t.test(
    'S09: an unknown, an inactive and a commissioning organisation are refused alike',
    async (t) => {
      const answers = []
      for (const organisation of ['NONE1', 'T09', 'T0901', 'XCM01']) {
        const answer = await submit(draft({ organisation }))
        refused(t, answer, 400, 'validation_failed', ['body /organisation unknown_organisation'])
        answers.push(answer.body.errors[0].detail.replace(organisation, ''))
      }
      t.equal(new Set(answers).size, 1, 'in the same words')
    },
  )

  await t.test('S10: a status or a publication of the sender is refused', async (t) => {
    const before = await stored()
    refused(
      t,
      await submit(draft({ status: 'resolved', publication: 'published', priority: 'high' })),
      400,
      'validation_failed',
      ['body /priority unknown_field', 'body /publication unknown_field', 'body /status unknown_field'],
    )
    t.equal(await stored(), before)
  })

  await t.test('S13: without a key that works nothing is stored, and nothing is read', async (t) => {
    const before = await stored()
    const answer = await call({ method: 'POST', url: '/v1/cases', body: draft() })
    refused(t, answer, 401, 'key_missing')
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer ', 'Bearer a b', 'cc_sk_x', '\u00e9'])
      refused(
        t,
        await call({ method: 'POST', url: '/v1/cases', body: { bad: true }, headers: { authorization } }),
        401,
        'key_invalid',
      )
    t.equal(await stored(), before)
  })

  await t.test('S14: a filled honeypot or unaccepted terms store nothing', async (t) => {
    const before = await stored()
    for (const key of [keys.form, keys.integrator]) {
      refused(t, await submit(draft({ website: 'https://spam.example' }), key), 400, 'submission_refused')
      for (const acceptsTerms of [false, undefined])
        refused(t, await submit(draft({ acceptsTerms }), key), 400, 'validation_failed', [
          'body /acceptsTerms terms_not_accepted',
        ])
    }
    t.equal(await stored(), before)
    t.equal((await submit(draft({ website: '' }))).status, 201)
  })

  await t.test('S17: a reference is found however it is typed; what is none gives 404', async (t) => {
    const { reference } = (await submit(draft())).body
    for (const typed of [
      reference,
      reference.toLowerCase(),
      reference.replaceAll('-', ''),
      reference.replaceAll('-', '%20'),
    ])
      t.equal((await call({ url: `/v1/cases/${typed}` })).body.reference, reference)
    for (const typed of [
      'p123',
      'a123',
      'P',
      'PABC',
      '0000-0000-0000-1',
      '0000-0000-0000-0',
      '%00',
      '%F0%9F%98%80',
    ])
      refused(t, await call({ url: `/v1/cases/${typed}` }), 404, 'not_found')
  })

  await t.test(
    'a concern by text, e-mail or social post is taken as feedback and answered with advice',
    async (t) => {
      for (const channel of ['sms', 'email', 'social']) {
        const answer = await submit(handledDraft({ channel, contact: undefined }), keys.case_handler, {
          'acting-user': 'handler-1',
        })
        t.equal(answer.status, 201, answer.text)
        t.match(answer.body, { kind: 'feedback', status: 'open', advice: /web form or telephone/ })
        t.match(await staffCase(answer), { channel, wantsResponse: false })
      }
    },
  )

  await t.test("a case handler's key says by which person", async (t) => {
    refused(t, await submit(handledDraft(), keys.case_handler), 400, 'validation_failed', [
      'header /Acting-User missing',
    ])
    refused(
      t,
      await submit(handledDraft(), keys.case_handler, { 'acting-user': '  ' }),
      400,
      'validation_failed',
    )
    t.equal((await submit(draft(), keys.integrator)).status, 201, 'an integrator has none')
  })

  await t.test('a channel that the key is not for is refused', async (t) => {
    for (const channel of ['phone', 'sms', 'email', 'social'])
      refused(t, await submit(draft({ channel, kind: 'feedback' }), keys.form), 400, 'validation_failed', [
        'body /channel channel_not_allowed',
      ])
    refused(t, await submit(draft({ channel: 'feed' })), 400, 'validation_failed', [
      'body /channel unknown_value',
    ])
  })

  await t.test('limits hold at their edges', async (t) => {
    const contact = { name: 'Invented', email: 'a@example.org' }
    // 254 characters: a local part of 64, then labels of up to 63.
    const email = (length: number): string => {
      const domain = `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(length - 64 - 1 - 128 - 4)}.org`
      return `${'a'.repeat(64)}@${domain}`
    }
    const fits: Array<[Record<string, unknown>, string?]> = [
      [{ text: 'x'.repeat(2000) }],
      [{ text: '😀'.repeat(2000) }],
      [{ text: 'x' }],
      [{ title: 'x'.repeat(255) }],
      [{ contact: { ...contact, name: 'x'.repeat(200) } }],
      [{ contact: { ...contact, phone: '1'.repeat(50) } }],
      [{ contact: { ...contact, phone: '123' } }],
      [{ contact: { name: 'Invented', email: email(254) } }],
    ]
    for (const [changes] of fits) {
      const answer = await submit(draft(changes))
      t.equal(answer.status, 201, answer.text)
    }
    const over: Array<[Record<string, unknown>, string]> = [
      [{ text: 'x'.repeat(2001) }, 'body /text too_long'],
      [{ text: '😀'.repeat(2001) }, 'body /text too_long'],
      [{ text: ' \n\t' }, 'body /text wrong_format'],
      [{ title: 'x'.repeat(256) }, 'body /title too_long'],
      [{ title: '' }, 'body /title too_short'],
      [{ contact: { ...contact, name: 'x'.repeat(201) } }, 'body /contact/name too_long'],
      [{ contact: { ...contact, name: '  ' } }, 'body /contact/name wrong_format'],
      [{ contact: { ...contact, phone: '1'.repeat(51) } }, 'body /contact/phone too_long'],
      [{ contact: { ...contact, phone: '12' } }, 'body /contact/phone too_short'],
      [{ contact: { name: 'Invented', email: email(255) } }, 'body /contact/email too_long'],
      [{ contact: { name: 'Invented', email: 'nobody' } }, 'body /contact/email wrong_format'],
    ]
    for (const [changes, field] of over)
      refused(t, await submit(draft(changes)), 400, 'validation_failed', [field])
    refused(t, await submit(draft({ text: '' })), 400, 'validation_failed')
  })

  await t.test('what is missing, unknown or of another type is named, and nothing is coerced', async (t) => {
    const bad: Array<[unknown, string[]]> = [
      [{}, ['body /kind missing', 'body /organisation missing', 'body /text missing']],
      [draft({ text: 12 }), ['body /text wrong_type']],
      [draft({ text: null }), ['body /text wrong_type']],
      [draft({ text: ['a'] }), ['body /text wrong_type']],
      [draft({ happeningNow: 'true' }), ['body /happeningNow wrong_type']],
      [draft({ happeningNow: 1 }), ['body /happeningNow wrong_type']],
      [draft({ acceptsTerms: 'yes' }), ['body /acceptsTerms wrong_type']],
      [draft({ contact: null }), ['body /contact wrong_type']],
      [draft({ contact: 'a@example.org' }), ['body /contact wrong_type']],
      [
        draft({ contact: { nickname: 'x', name: 'y', email: 'a@example.org' } }),
        ['body /contact/nickname unknown_field'],
      ],
      [draft({ 'a/b~c': 1 }), ['body /a~1b~0c unknown_field']],
      [draft({ kind: 'complaint' }), ['body /kind unknown_value']],
      [draft({ privacy: 'public' }), ['body /privacy unknown_value']],
      [draft({ channel: 'telepathy' }), ['body /channel unknown_value']],
      [draft({ category: 'weather' }), ['body /category unknown_category']],
      [draft({ category: 'Delays' }), ['body /category wrong_format']],
      [draft({ organisation: '' }), ['body /organisation too_short', 'body /organisation wrong_format']],
      [draft({ visitMonth: '2026-13' }), ['body /visitMonth wrong_format']],
      [[draft()], ['body  wrong_type']],
      ['text', ['body  wrong_type']],
    ]
    for (const [body, fields] of bad) {
      const payload = typeof body === 'string' ? JSON.stringify(body) : body
      const answer = await submit(payload, keys.integrator, { 'content-type': 'application/json' })
      refused(t, answer, 400, 'validation_failed', fields)
    }
  })

  await t.test('several broken rules are told at once', async (t) => {
    refused(
      t,
      await submit(
        draft({ organisation: 'NONE1', category: 'weather', acceptsTerms: false, visitMonth: '2001-01' }),
      ),
      400,
      'validation_failed',
      [
        'body /acceptsTerms terms_not_accepted',
        'body /category unknown_category',
        'body /organisation unknown_organisation',
        'body /visitMonth visit_month_out_of_range',
      ],
    )
  })

  await t.test('a body with a thousand bad fields is answered shortly', async (t) => {
    const body = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`field${n}`, n]))
    const answer = await submit(body)
    t.equal(answer.status, 400)
    t.ok(fieldsOf(answer).length <= 100)
  })

  await t.test('what the store cannot hold is refused everywhere', async (t) => {
    for (const bad of ['a\u0000b', 'a\ud800b', '\udfff'])
      for (const [field, changes] of Object.entries({
        '/text': { text: bad },
        '/title': { title: bad },
        '/contact/name': { contact: { name: bad, email: 'a@example.org' } },
        '/service': { service: bad },
        '/website': { website: bad },
      }))
        refused(t, await submit(draft(changes)), 400, 'validation_failed', [`body ${field} wrong_format`])
  })

  await t.test('a long text that is not valid is refused as quickly as a short one', async (t) => {
    const started = performance.now()
    refused(t, await submit(draft({ text: `${'a'.repeat(900_000)}\u0000` })), 400, 'validation_failed')
    t.ok(performance.now() - started < 2_000)
  })

  await t.test('an organisation is found by its code in any form', async (t) => {
    for (const [organisation, code] of [
      ['t01', 'T01'],
      ['T 01', 'T01'],
      ['OLD1', 'T01'],
      ['old1', 'T01'],
      ['t0101', 'T0101'],
    ])
      t.equal((await submit(draft({ organisation }))).body.organisation.code, code)
  })

  await t.test("a service is one of the organisation's own", async (t) => {
    const answer = await submit(draft({ organisation: 'T0101', service: 'SRV1' }))
    t.same((await staffCase(answer)).service, { code: 'SRV1', name: 'Example Ward' })
    refused(t, await submit(draft({ organisation: 'T01', service: 'SRV1' })), 400, 'validation_failed', [
      'body /service unknown_service',
    ])
  })

  await t.test('a visit is at most 24 months ago', async (t) => {
    const now = new Date()
    const month = (back: number): string =>
      new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7)
    for (const back of [0, 24]) t.equal((await submit(draft({ visitMonth: month(back) }))).status, 201)
    for (const back of [-1, 25])
      refused(t, await submit(draft({ visitMonth: month(back) })), 400, 'validation_failed', [
        'body /visitMonth visit_month_out_of_range',
      ])
  })

  await t.test('a publishable key works from its own origin only', async (t) => {
    t.equal((await submit(draft(), keys.form)).status, 201)
    for (const origin of ['https://other.example', 'null', `${ORIGIN}:8443`, 'http://www.example.org']) {
      const answer = await submit(draft(), keys.form, { origin })
      refused(t, answer, 403, 'origin_not_allowed')
      t.equal(answer.headers['access-control-allow-origin'], undefined)
    }
    const without = await harness.app.inject({
      method: 'POST',
      url: '/v1/cases',
      headers: { authorization: `Bearer ${keys.form}` },
      payload: draft(),
    })
    t.equal(without.statusCode, 403)
    t.equal(without.json().code, 'origin_not_allowed')
  })

  await t.test('a browser may ask first whether it may send', async (t) => {
    const answer = await harness.app.inject({
      method: 'OPTIONS',
      url: '/v1/cases',
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      },
    })
    t.equal(answer.statusCode, 204)
    t.equal(answer.headers['access-control-allow-origin'], '*')
    t.match(answer.headers['access-control-allow-methods'], /POST/)
    t.match(answer.headers['access-control-allow-headers'], /Idempotency-Key/i)
    const sent = await submit(draft(), keys.form)
    t.equal(sent.headers['access-control-allow-origin'], '*')
    t.match(sent.headers['access-control-expose-headers'], /Location/)
  })

  await t.test('who writes for somebody else says so', async (t) => {
    t.match(await staffCase(await submit(draft({ onBehalf: true }))), { onBehalf: true })
  })

  await t.test('a staff tool reads what was written, word for word', async (t) => {
    const text = '<script>alert("x")</script> & "quotes"\n\nand a second paragraph 😀'
    const answer = await submit(draft({ text, title: '<b>Title</b>' }))
    t.same((await staffCase(answer)).original, { title: '<b>Title</b>', text })
  })
})
