import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, type Harness, PUBLIC_URL, startHarness } from './harness.ts'

t.test('the mapping of a source, and deriving its cases again', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const acting = { 'acting-user': 'admin-1' }
  const read = (key = keys.administrator, name = 'pushed'): Promise<Answer> =>
    call({ url: `/v1/sources/${name}/mapping`, key })
  const map = (entries: unknown, headers: Record<string, string> = {}, name = 'pushed'): Promise<Answer> =>
    call({
      method: 'PATCH',
      url: `/v1/sources/${name}/mapping`,
      key: keys.administrator,
      headers: { ...acting, ...headers },
      body: { entries },
    })
  const asked = (body: unknown, headers: Record<string, string> = {}, name = 'pushed'): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/sources/${name}/normalisations`,
      key: keys.administrator,
      headers: { ...acting, ...headers },
      body,
    })
  const lunch = { kind: 'tag', term: 'Lunch', category: 'food' }
  const ofVersion = (version: number): Record<string, string> => ({ 'if-match': `"${version}"` })

  await t.test(
    'what a source sends that means nothing is listed, and mapped with the version read',
    async (t) => {
      await push(harness, { externalId: 'one', tags: ['Lunch', 'Wi-Fi'] })
      const first = await read()
      t.same(first.body, {
        version: 1,
        normalisedVersion: 1,
        entries: [],
        unmapped: [
          { kind: 'tag', term: 'lunch', cases: 1 },
          { kind: 'tag', term: 'wi-fi', cases: 1 },
        ],
      })
      const second = await map([lunch], { 'if-match': String(first.headers.etag) })
      t.equal(second.status, 200, second.text)
      t.same(second.body, {
        version: 2,
        normalisedVersion: 1,
        entries: [{ kind: 'tag', term: 'lunch', category: 'food' }],
        unmapped: [{ kind: 'tag', term: 'wi-fi', cases: 1 }],
      })
      t.match(second.headers.etag, /^"2-/)
      const again = await read()
      t.same(again.body, second.body)
      const same = await call({
        url: '/v1/sources/pushed/mapping',
        key: keys.administrator,
        headers: { 'if-none-match': String(again.headers.etag) },
      })
      t.equal(same.status, 304)
      const source = (await call({ url: '/v1/sources/pushed', key: keys.administrator })).body
      t.match(source, { mappingVersion: 2, normalisedVersion: 1 })
      t.equal(await categoryOf(harness, await push(harness, { externalId: 'two', tags: ['LUNCH'] })), 'food')
    },
  )

  await t.test('a change needs the version of the mapping, and not an old one', async (t) => {
    refused(t, await map([lunch]), 428, 'version_required')
    const stale = await map([lunch], ofVersion(1))
    refused(t, stale, 412, 'version_stale')
    t.equal(stale.body.currentVersion, 2)
  })

  await t.test('what cannot be a mapping is refused at its field', async (t) => {
    const wrong: [unknown, string[]][] = [
      [[], ['body /entries too_few']],
      [[{ ...lunch, category: 'drinks' }], ['body /entries/0/category unknown_category']],
      [[lunch, { ...lunch, term: ' lunch ' }], ['body /entries/1/term repeated']],
      [[{ ...lunch, term: '  ' }], ['body /entries/0/term empty']],
      [[{ ...lunch, kind: 'smell' }], ['body /entries/0/kind unknown_value']],
      [[{ ...lunch, term: 'a\u0000' }], ['body /entries/0/term wrong_format']],
      [[{ ...lunch, term: 'x'.repeat(501) }], ['body /entries/0/term too_long']],
      [[{ ...lunch, colour: 'red' }], ['body /entries/0/colour unknown_field']],
      [[{ kind: 'tag', term: 'lunch' }], ['body /entries/0/category missing']],
    ]
    for (const [entries, fields] of wrong)
      refused(t, await map(entries, ofVersion(2)), 400, 'validation_failed', fields)
    t.match((await read()).body, { version: 2 })
  })

  await t.test('a normalisation is a run that a worker takes up, once for one key', async (t) => {
    const one = await asked({ dryRun: true }, { 'idempotency-key': 'normalise-1' })
    t.equal(one.status, 202, one.text)
    t.match(one.body, { source: 'pushed', kind: 'normalise', state: 'waiting', dryRun: true, outcome: null })
    t.equal(one.headers.location, `${PUBLIC_URL}/v1/sources/pushed/runs/${one.body.reference}`)
    const two = await asked({ dryRun: true }, { 'idempotency-key': 'normalise-1' })
    t.equal(two.body.reference, one.body.reference)
    refused(t, await asked({}, { 'idempotency-key': 'normalise-1' }), 422, 'idempotency_key_reused')
    t.match((await asked({})).body, { kind: 'normalise', dryRun: false })
    refused(t, await asked({ dryRun: 'yes' }), 400, 'validation_failed', ['body /dryRun wrong_type'])
    refused(t, await asked({ sure: true }), 400, 'validation_failed', ['body /sure unknown_field'])
  })

  await t.test('who may', async (t) => {
    t.equal((await read(keys.feed_provider)).status, 200, 'a feedback provider reads its own')
    refused(t, await read(keys.feed_provider, 'elsewhere'), 403, 'not_your_source')
    refused(t, await read(keys.administrator, 'nothing'), 404, 'not_found')
    refused(t, await map([lunch], ofVersion(1), 'nothing'), 404, 'not_found')
    refused(t, await asked({}, {}, 'nothing'), 404, 'not_found')
    const own = { key: keys.feed_provider, headers: { ...acting, ...ofVersion(2) } }
    for (const [method, path, body] of [
      ['PATCH', 'mapping', { entries: [lunch] }],
      ['POST', 'normalisations', {}],
    ] as const) {
      const url = `/v1/sources/pushed/${path}`
      refused(t, await call({ method, url, body, ...own }), 403, 'scope_missing')
      refused(t, await call({ method, url, body, headers: own.headers }), 401, 'key_missing')
    }
    refused(t, await call({ url: '/v1/sources/pushed/mapping' }), 401, 'key_missing')
  })
})

async function push({ call, keys }: Harness, own: object): Promise<string> {
  const item = { type: 'story', organisation: 'T01', text: 'They were kind. (Invented.)', ...own }
  const answer = await call({
    method: 'POST',
    url: '/v1/sources/pushed/items',
    key: keys.feed_provider,
    body: { items: [item] },
  })
  return answer.body.items[0].reference
}

async function categoryOf({ call, keys }: Harness, reference: string): Promise<string> {
  return (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body.category
}
