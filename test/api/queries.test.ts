import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { references, refused } from './answers.ts'
import { type Answer, createCase, type Harness, publishedCase, startHarness } from './harness.ts'

const UNKNOWN = 'K7QD-M2XW-9TRB-H'
const by = { 'acting-user': 'person-1' }

function save(
  { call, keys }: Harness,
  body: Record<string, unknown>,
  { key = keys.supplier, headers = {} }: { key?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return call({ method: 'POST', url: '/v1/queries', key, headers: { ...by, ...headers }, body })
}

async function saved(harness: Harness, body: Record<string, unknown>, key?: string): Promise<string> {
  const {
    status,
    text,
    body: made,
  } = await save(harness, { name: `q ${Math.random()}`, ...body }, key ? { key } : {})
  if (status !== 201) throw new Error(`the query was not saved: ${text}`)
  return made.id
}

t.test('saved queries', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness

  await t.test('a query is saved, read by anybody, changed and deleted', async (t) => {
    const filter = { organisation: ['T01'], kind: ['concern'], bbox: [-1, 51, 1, 52] }
    const made = await save(harness, { name: 'Concerns (invented)', filter })
    t.equal(made.status, 201, made.text)
    const { id } = made.body
    t.match(made.body, { name: 'Concerns (invented)', view: 'public', filter, version: 1 })
    t.equal(made.headers.location, `https://api.test.example/v1/queries/${id}`)
    t.same(Object.keys(made.body.links), ['cases', 'events', 'stream', 'atom', 'rss', 'jsonFeed', 'geoFeed'])
    t.equal(made.body.links.geoFeed, `https://api.test.example/v1/geo-feed?query=${id}`)

    const url = `/v1/queries/${id}`
    const read = await call({ url })
    t.same(read.body, made.body)
    t.equal((await call({ url, headers: { 'if-none-match': String(read.headers.etag) } })).status, 304)

    const change = (headers: Record<string, string>, body: object, key = keys.supplier) =>
      call({ method: 'PATCH', url, key, headers, body })
    refused(t, await change({}, { name: 'Other' }), 428, 'version_required')
    refused(t, await change({ 'if-match': '"7"' }, { name: 'Other' }), 412, 'version_stale')
    const changed = await change(
      { 'if-match': String(read.headers.etag) },
      { filter: { kind: ['question'] } },
    )
    t.match(changed.body, { name: 'Concerns (invented)', filter: { kind: ['question'] }, version: 2 })
    t.notOk('bbox' in changed.body.filter, 'the filter is replaced as a whole')
    refused(t, await change({ 'if-match': '"2"' }, { name: 'Other' }, keys.feed_provider), 404, 'not_found')

    const remove = (key?: string) => call({ method: 'DELETE', url, ...(key && { key }) })
    refused(t, await remove(), 401, 'key_missing')
    refused(t, await remove(keys.feed_provider), 404, 'not_found')
    t.equal((await remove(keys.supplier)).status, 204)
    refused(t, await remove(keys.supplier), 404, 'not_found')
    refused(t, await call({ url }), 404, 'not_found')
    const types = await harness.db.pool.query<{ type: string; fields: string[] }>(
      `select type, fields from events where type like 'query.%' and about_client_id is not null order by id`,
    )
    t.same(
      types.rows.map(({ type, fields }) => [type, ...fields].join(' ')),
      ['query.created', 'query.changed filter', 'query.removed'],
    )
  })

  await t.test('a repeat gets the same query, also when it is gone', async (t) => {
    const headers = { 'idempotency-key': 'query-1' }
    const first = await save(harness, { name: 'Once (invented)', filter: {} }, { headers })
    const again = await save(harness, { name: 'Once (invented)', filter: {} }, { headers })
    t.same(again.body, first.body)
    refused(t, await save(harness, { name: 'Twice', filter: {} }, { headers }), 422, 'idempotency_key_reused')
    await call({ method: 'DELETE', url: `/v1/queries/${first.body.id}`, key: keys.supplier })
    t.same((await save(harness, { name: 'Once (invented)', filter: {} }, { headers })).body, first.body)
  })

  await t.test('a name is there once for each client', async (t) => {
    const body = { name: 'Twice (invented)', filter: {} }
    t.equal((await save(harness, body)).status, 201)
    refused(t, await save(harness, body), 409, 'name_taken')
    t.equal((await save(harness, body, { key: keys.feed_provider })).status, 201)
    const id = await saved(harness, { filter: {} })
    const headers = { 'if-match': '"1"' }
    const renamed = {
      method: 'PATCH',
      url: `/v1/queries/${id}`,
      key: keys.supplier,
      headers,
      body: { name: body.name },
    } as const
    refused(t, await call(renamed), 409, 'name_taken')
  })

  await t.test('one of view=mine is its own client’s alone', async (t) => {
    const id = await saved(harness, { view: 'mine', filter: { overdue: true } }, keys.provider)
    const url = `/v1/queries/${id}`
    const own = await call({ url, key: keys.provider })
    t.same(Object.keys(own.body.links), ['cases', 'events'])
    t.match(own.body.links.cases, /view=mine&query=/)
    refused(t, await call({ url }), 404, 'not_found')
    refused(t, await call({ url, key: keys.other_provider }), 404, 'not_found')
    refused(t, await call({ url: `/v1/queries/${UNKNOWN}` }), 404, 'not_found')
    for (const key of [undefined, keys.other_provider])
      refused(
        t,
        await call({ url: `/v1/cases?query=${id}`, ...(key && { key }) }),
        400,
        'validation_failed',
        ['query /query unknown_query'],
      )
    refused(t, await call({ url: `/v1/cases?query=${id}`, key: keys.provider }), 400, 'validation_failed', [
      'query /query needs_own_view',
    ])
  })

  await t.test('what cannot be selected by is refused as it is saved', async (t) => {
    const cases: [Record<string, unknown>, string, string?][] = [
      [{ filter: { organisation: ['T99'] } }, '/filter/organisation unknown_organisation'],
      [{ filter: { bbox: [0, 52, 1, 51] } }, '/filter/bbox not_a_box'],
      [{ filter: { near: [0, 95] } }, '/filter/near not_a_place'],
      [{ filter: { radius: 100 } }, '/filter/radius needs_near'],
      [{ filter: { polygon: [0, 51, 0, 51, 0, 51] } }, '/filter/polygon not_a_polygon'],
      [{ filter: { q: 'the' } }, '/filter/q no_words'],
      [{ filter: { colour: 'red' } }, '/filter/colour unknown_field'],
      [{ filter: { overdue: true } }, '/filter/overdue needs_own_view'],
      [{ view: 'mine', filter: { overdue: true } }, '/filter/overdue needs_staff_key', keys.integrator],
      [{ view: 'mine', filter: {} }, '/view no_own_cases', keys.supplier],
    ]
    for (const [body, problem, key] of cases) {
      const answer = await save(harness, { name: 'Bad (invented)', ...body }, key ? { key } : {})
      refused(t, answer, 400, 'validation_failed', [`body ${problem}`])
    }
    refused(
      t,
      await call({ method: 'POST', url: '/v1/queries', body: { name: 'a', filter: {} } }),
      401,
      'key_missing',
    )
    refused(t, await save(harness, { name: 'a', filter: {} }, { key: keys.form }), 403, 'scope_missing')
  })

  await t.test('the list has one’s own, in pages and as a table, and 200 at most', async (t) => {
    const key = await harness.addClient({ name: 'saves many', role: 'supplier' })
    await harness.db.pool.query(
      `insert into saved_queries (reference, client_id, name, view, filter)
       select 'X' || n, c.id, 'q' || n, 'public', '{"kind":["concern"]}' from api_clients c, generate_series(1, 199) n
       where c.name = 'saves many'`,
    )
    t.equal((await save(harness, { name: 'the 200th', filter: {} }, { key })).status, 201)
    refused(t, await save(harness, { name: 'one more', filter: {} }, { key }), 409, 'too_many_queries')
    const first = await call({ url: '/v1/queries?limit=100', key })
    t.equal(first.body.items.length, 100)
    const second = await call({ url: `/v1/queries?limit=100&after=${first.body.next}`, key })
    t.equal(second.body.items.at(-1).name, 'the 200th')
    t.equal(second.body.next, null)
    const table = await call({ url: '/v1/queries?format=csv', key })
    t.match(table.text, /filter\.kind.*links\.cases/)
    t.equal(table.text.trim().split('\r\n').length, 201)
    refused(t, await call({ url: '/v1/queries' }), 401, 'key_missing')
  })

  await t.test('it stays while something goes by it, and goes with what has ended', async (t) => {
    const id = await saved(harness, { filter: {} })
    await harness.db.pool.query(
      `insert into digests (reference, client_id, query_id, address_sealed, address_index, every, state, position, next_at)
       select 'D1', client_id, id, 'x', '\\x00', 'day', 'active', 0, now() from saved_queries where reference = $1`,
      [id],
    )
    const remove = () => call({ method: 'DELETE', url: `/v1/queries/${id}`, key: keys.supplier })
    refused(t, await remove(), 409, 'query_in_use')
    await harness.db.pool.query(`update digests set state = 'ended' where reference = 'D1'`)
    t.equal((await remove()).status, 204)
  })

  await t.test('a query is read together with what is given beside it', async (t) => {
    const at = async (organisation: string, kind: string) =>
      (await publishedCase(harness, { organisation, kind })).reference
    const [one, two, question] = [
      await at('T01', 'concern'),
      await at('T02', 'concern'),
      await at('T01', 'question'),
    ]
    await indexCases(harness.db)
    const id = await saved(harness, { filter: { kind: ['concern'], near: [-0.12, 51.5], radius: 5000 } })
    const list = (query: string) => call({ url: `/v1/cases?query=${id}${query}` })
    t.same(references(await list('')), [one])
    t.same(references(await list('&organisation=T02')), [])
    t.same(references(await list('&reportedFrom=2020-01-01T00:00:00Z')), [one])
    const both = (parameter: string, name: string) => async () =>
      refused(t, await list(parameter), 400, 'validation_failed', [`query /${name} also_in_query`])
    await both('&kind=concern', 'kind')()
    await both('&near=0,51', 'near')()
    await both('&postcode=SE1', 'postcode')()
    await both('&radius=10', 'radius')()
    refused(t, await call({ url: `/v1/cases?query=${UNKNOWN}` }), 400, 'validation_failed', [
      'query /query unknown_query',
    ])

    const area = `query=${id}`
    for (const url of [
      `/v1/clusters?zoom=5&${area}`,
      `/v1/tiles/0/0/0.mvt?${area}`,
      `/v1/tiles.json?${area}`,
      `/v1/geo-feed/changes?${area}`,
    ])
      refused(t, await call({ url }), 400, 'validation_failed', ['query /query not_selected_by'])
    const kind = await saved(harness, { filter: { kind: ['concern'] } })
    const [template] = (await call({ url: `/v1/tiles.json?query=${kind}` })).body.tiles
    t.match(template, new RegExp(`\\{y\\}\\.mvt\\?query=${kind}$`))
    t.equal((await call({ url: `/v1/tiles/0/0/0.mvt?query=${kind}` })).status, 200)

    const changed = { method: 'PATCH', url: `/v1/queries/${kind}`, key: keys.supplier } as const
    const before = await version(harness)
    await call({ ...changed, headers: { 'if-match': '"1"' }, body: { filter: { kind: ['question'] } } })
    t.same(
      references(await call({ url: `/v1/cases?query=${kind}` })),
      [question],
      'by the new filter from then on',
    )
    t.not(await version(harness), before, 'nothing older is taken for unchanged')
    t.ok(two)
  })

  await t.test('one of view=mine selects among one’s own', async (t) => {
    const late = await createCase(harness, { organisation: 'T02', text: 'Nobody came. (Invented.)' })
    await harness.db.pool.query(`update cases set due_at = now() - interval '1 day' where reference = $1`, [
      late.reference,
    ])
    const key = keys.other_provider
    const id = await saved(harness, { view: 'mine', filter: { overdue: true } }, key)
    t.same(references(await call({ url: `/v1/cases?view=mine&query=${id}`, key })), [late.reference])
    refused(
      t,
      await call({ url: `/v1/cases?view=mine&overdue=true&query=${id}`, key }),
      400,
      'validation_failed',
      ['query /overdue also_in_query'],
    )
    const shared = await saved(harness, {
      filter: { organisation: ['T02'], status: ['open', 'in_progress'] },
    })
    t.ok(references(await call({ url: `/v1/cases?view=mine&query=${shared}`, key })).includes(late.reference))
  })
})

async function version({ db }: Harness): Promise<number> {
  const { rows } = await db.pool.query<{ changes: number }>('select changes from log_state')
  return Number(rows[0]?.changes)
}
