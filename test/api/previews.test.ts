import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { canaries, canaryDraft, fieldsOf, holdsNone, refused } from './answers.ts'
import {
  type Answer,
  createCase,
  draft,
  type Harness,
  publishedCase,
  staff,
  startHarness,
} from './harness.ts'

type Span = { field: 'title' | 'text'; kind: string; from: number; to: number; confidence: string }

const TITLE = 'To nurse Fakely (Invented.)'
const TEXT = 'My NHS number is 999 012 3454, born 3 May 1961. Ring 07700 900123 or mail a@example.org.'
const FOUND = [
  'title name Fakely',
  'text nhs_number 999 012 3454',
  'text date_of_birth 3 May 1961',
  'text phone 07700 900123',
  'text email a@example.org',
]

t.test('previews', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const preview = (
    body: unknown,
    key: string | undefined = keys.form,
    headers: Record<string, string> = {},
  ): Promise<Answer> =>
    call({ method: 'POST', url: '/v1/previews', ...(key !== '' && { key }), body, headers })

  await t.test('shows title, text and name as the public would read them, by privacy and age', async (t) => {
    const contact = { name: 'Invented Person' }
    for (const [changes, authorName] of [
      [{ privacy: 'named', contact }, 'Invented Person'],
      [{ privacy: 'named' }, null],
      [{ privacy: 'named', contact, under16: true }, null],
      [{ privacy: 'anonymous', contact }, null],
    ] as const) {
      const { status, body } = await preview({ title: 'Slow', text: ' It was slow. (Invented.)', ...changes })
      t.equal(status, 200)
      t.same(body.public, { title: 'Slow', text: ' It was slow. (Invented.)', authorName })
    }
    for (const privacy of [{}, { privacy: 'private' }, { privacy: 'private', contact }])
      t.equal((await preview({ text: 'It was slow. (Invented.)', ...privacy })).body.public, null)
  })

  await t.test('is what the public reads when a moderator changes nothing', async (t) => {
    const body = draft({ title: 'Slow (Invented.)', privacy: 'named' })
    const shown = (await preview(body, keys.integrator)).body.public
    const { reference, version } = await createCase(harness, body)
    await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: {
        action: 'publish',
        reason: 'fit_to_publish',
        commissioned: 'locally',
        moderatedTitle: 'Slow (Invented.)',
        edits: [],
      },
    })
    const { title, text, authorName } = (await call({ url: `/v1/cases/${reference}` })).body
    t.same(shown, { title, text, authorName })
  })

  await t.test(
    'names all that looks like personal data, in title and text, also of what stays private',
    async (t) => {
      for (const privacy of ['private', 'anonymous', 'named']) {
        const { body } = await preview({ title: TITLE, text: TEXT, privacy })
        t.same(foundIn(body.personalData, { title: TITLE, text: TEXT }), FOUND)
      }
      t.same((await preview({ text: 'It was slow. (Invented.)' })).body.personalData, [])
    },
  )

  await t.test('warns of what the intake would refuse, once kind and organisation are there', async (t) => {
    for (const body of [{ text: 'x' }, { text: 'x', kind: 'concern' }, { text: 'x', organisation: 'T01' }])
      t.equal((await preview(body)).body.warnings, null)
    t.same((await preview(draft())).body.warnings, [])
    for (const wrong of [
      { organisation: 'NOBODY' },
      { category: 'unheard_of' },
      { contact: undefined, acceptsTerms: false },
      { visitMonth: '1999-01' },
      { website: 'http://robot.example' },
    ]) {
      const warned = (await preview(draft(wrong))).body.warnings
      t.ok(warned.length > 0, JSON.stringify(wrong))
      t.ok(warned.every((one: { in: string }) => one.in === 'body'))
      if ('website' in wrong) continue
      const answer = await call({ method: 'POST', url: '/v1/cases', key: keys.form, body: draft(wrong) })
      t.equal(answer.status, 400)
      t.same(fieldsOf({ ...answer, body: { errors: warned } }), fieldsOf(answer), 'the very same')
    }
    const handled = await preview(draft({ channel: 'phone' }), keys.case_handler, {
      'acting-user': 'person-1',
    })
    t.same(handled.body.warnings, [], 'what a case handler decides comes with the case alone')
  })

  await t.test('a body that is none is refused', async (t) => {
    refused(t, await preview({}), 400, 'validation_failed', ['body /text missing'])
    for (const text of ['', '   ', 'x'.repeat(2001)])
      refused(t, await preview({ text }), 400, 'validation_failed')
    refused(
      t,
      await preview({ text: 'x', moderation: { commissioned: 'locally' } }),
      400,
      'validation_failed',
      ['body /moderation unknown_field'],
    )
    refused(t, await preview({ text: 'x', privacy: 'secret' }), 400, 'validation_failed')
    refused(t, await preview({ text: 'x' }, keys.case_handler), 400, 'validation_failed', [
      'header /Acting-User missing',
    ])
  })

  await t.test('is for those who create cases, a publishable key from its own page', async (t) => {
    refused(t, await preview({ text: 'x' }, ''), 401, 'key_missing')
    for (const key of [keys.provider, keys.supplier, keys.second_tier])
      refused(t, await preview({ text: 'x' }, key, { 'acting-user': 'person-1' }), 403, 'scope_missing')
    refused(
      t,
      await preview({ text: 'x' }, keys.form, { origin: 'https://other.example' }),
      403,
      'origin_not_allowed',
    )
  })

  await t.test('stores nothing and logs nothing of it', async (t) => {
    const before = await rowCounts(harness)
    const names = { privacy: 'named', organisation: 'T01', kind: 'concern', acceptsTerms: true }
    for (const key of [keys.form, keys.integrator]) {
      const { status, text } = await preview({ ...canaryDraft, ...names }, key)
      t.equal(status, 200)
      t.ok(text.includes(canaries.name))
      t.equal((await preview({ ...canaryDraft, text: 12 }, key)).status, 400)
    }
    t.same(await rowCounts(harness), before)
    holdsNone(t, harness.logged(), 'the log')
    t.match(harness.logged(), /"operation":"createPreview","status":200/)
  })
})

t.test('previews count as intake does', async (t) => {
  const { call, keys } = await startHarness(t, { intakePerMinute: 2 })
  const preview = (key: string): Promise<Answer> =>
    call({ method: 'POST', url: '/v1/previews', key, body: { text: 'x' } })
  for (const status of [200, 200, 429]) t.equal((await preview(keys.form)).status, status)
  t.equal((await preview(keys.integrator)).status, 200, 'a secret key has its own count')
})

t.test('on the case the same spans wait for who moderates, and for nobody else', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const words = { title: TITLE, text: TEXT }
  const { reference, version } = await createCase(harness, words)
  const url = `/v1/cases/${reference}`
  const seenBy = async (key: string): Promise<Answer['body']> => (await call({ url, key })).body

  const { original, personalData } = await seenBy(keys.case_handler)
  t.same(foundIn(personalData, original), FOUND)
  t.same(
    (await call({ method: 'POST', url: '/v1/previews', key: keys.form, body: words })).body.personalData,
    personalData,
  )
  const queue = await call({ url: '/v1/queue', key: keys.case_handler })
  t.same(queue.body.items[0].case.personalData, personalData)
  const listed = await call({ url: '/v1/cases?view=mine&fields=personalData', key: keys.case_handler })
  t.same(listed.body.items, [{ personalData }])
  const table = await call({
    url: '/v1/cases?view=mine&fields=personalData&format=csv',
    key: keys.case_handler,
  })
  t.ok(table.text.includes(JSON.stringify(personalData).replaceAll('"', '""')))

  for (const key of [keys.provider, keys.commissioner]) {
    const seen = await seenBy(key)
    t.equal(seen.original.text, TEXT)
    t.equal(seen.personalData, null)
  }
  for (const key of [keys.integrator, keys.supplier]) t.notOk('personalData' in (await seenBy(key)))

  const refer = { action: 'refer', reason: 'second_opinion', commissioned: 'locally' }
  const referred = await call({
    ...{ method: 'POST', url: `${url}/decisions`, key: keys.case_handler, headers: staff(version) },
    body: refer,
  })
  t.equal(referred.status, 201, referred.text)
  t.same((await seenBy(keys.second_tier)).personalData, personalData)

  const published = await publishedCase(harness, words)
  t.notOk('personalData' in (await call({ url: `/v1/cases/${published.reference}` })).body)
})

function foundIn(spans: readonly Span[], words: { title: string; text: string }): string[] {
  return spans.map(({ field, kind, from, to }) => `${field} ${kind} ${words[field].slice(from, to)}`)
}

async function rowCounts({ db }: Harness): Promise<Record<string, number>> {
  const tables = await rows<{ name: string }>(
    db.pool,
    `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`,
  )
  const counts = await Promise.all(
    tables.map(({ name }) => rows<{ count: number }>(db.pool, `select count(*)::int from ${name}`)),
  )
  return Object.fromEntries(tables.map(({ name }, n) => [name, counts[n]?.[0]?.count ?? -1]))
}
