import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, createCase, handledDraft, staff, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'
import { tableIn } from './tables.ts'

const URL = '/v1/statistics/demand'
type Row = {
  from: string
  to: string
  channel: string
  client: string | null
  cases: number
  closed: number
  answeredCentrally: number
  shareCentrally: number | null
}

t.test('demand over time', async (t) => {
  const clock = { now: new Date('2026-11-26T12:00:00.000Z') }
  const harness = await startHarness(t, { now: () => clock.now })
  const { call, db, keys } = harness
  const ask = (query = '', key = keys.case_handler): Promise<Answer> => call({ url: `${URL}${query}`, key })
  const demand = async (query = '', key = keys.case_handler): Promise<Row[]> =>
    (await ask(query, key)).body.items
  const periods = async (query = '', key = keys.case_handler) =>
    (await demand(query, key)).map(({ from, to, cases }) => [from, to, cases])
  const total = (rows: Row[]) => rows.reduce((sum, { cases }) => sum + cases, 0)

  const made = (reportedAt: string, changes: Partial<MadeCase> = {}): MadeCase => ({
    organisation: 'T01',
    kind: 'concern',
    category: 'delays',
    status: 'open',
    publication: 'published',
    privacy: 'anonymous',
    language: null,
    title: null,
    text: 'It was slow. (Invented.)',
    response: null,
    reportedAt: new Date(reportedAt),
    ...changes,
  })
  const make = (...cases: MadeCase[]) => makeCases(db, cases)
  const set = (references: readonly string[], change: string) =>
    db.pool.query(`update cases set ${change} where reference = any($1::text[])`, [references])
  const clientNamed = (name: string) => `(select id from api_clients where name = '${name}')`
  const empty = () => db.pool.query('delete from cases')

  await t.test('a period is of London, from Monday to Sunday or a day or a month', async (t) => {
    await make(
      // Sunday night, and Monday by the clocks of London in summer.
      made('2026-06-28T22:59:59Z'),
      made('2026-06-28T23:00:00Z'),
      made('2026-07-05T22:59:59Z'),
      made('2026-11-22T23:59:59Z'),
      made('2026-11-23T00:00:00Z'),
    )
    const all = 'from=2026-06-01&to=2026-11-26'
    t.same(await periods(`?${all}`), [
      ['2026-06-22', '2026-06-28', 1],
      ['2026-06-29', '2026-07-05', 2],
      ['2026-11-16', '2026-11-22', 1],
      ['2026-11-23', '2026-11-26', 1],
    ])
    t.same(await periods(`?${all}&by=month`), [
      ['2026-06-01', '2026-06-30', 2],
      ['2026-07-01', '2026-07-31', 1],
      ['2026-11-01', '2026-11-26', 2],
    ])
    t.same(await periods(`?${all}&by=day`), [
      ['2026-06-28', '2026-06-28', 1],
      ['2026-06-29', '2026-06-29', 1],
      ['2026-07-05', '2026-07-05', 1],
      ['2026-11-22', '2026-11-22', 1],
      ['2026-11-23', '2026-11-23', 1],
    ])
  })

  await t.test('the first and the last period are cut to the days that are asked for', async (t) => {
    t.same(await periods('?from=2026-06-29&to=2026-07-04'), [['2026-06-29', '2026-07-04', 1]])
    t.same(await periods('?from=2026-06-28&to=2026-06-29&by=month'), [['2026-06-28', '2026-06-29', 2]])
    t.same(await periods('?from=2026-11-23&to=9999-12-31'), [['2026-11-23', '2026-11-26', 1]])
    t.same(await periods('?from=2027-01-01'), [], 'nothing is told in the future')
  })

  await t.test('when nothing is said it is the last 13 periods', async (t) => {
    await empty()
    await make(made('2026-08-30T12:00:00Z'), made('2026-08-31T12:00:00Z'), made('2026-11-26T11:00:00Z'))
    t.same(await periods(), [
      ['2026-08-31', '2026-09-06', 1],
      ['2026-11-23', '2026-11-26', 1],
    ])
    t.equal(total(await demand('?by=month')), 3)
    t.equal(total(await demand('?by=day')), 1)
    t.same(await periods('?to=2026-09-06&by=day'), [
      ['2026-08-30', '2026-08-30', 1],
      ['2026-08-31', '2026-08-31', 1],
    ])
  })

  await t.test('days in the wrong order and too many periods are refused', async (t) => {
    const bad: Array<[string, string]> = [
      ['from=2026-11-26&to=2026-11-25', 'query /to days_turned_round'],
      ['from=2027-02-01&to=2027-01-01', 'query /to days_turned_round'],
      ['from=2025-10-22&by=day', 'query /from too_many_periods'],
      ['from=0000-01-01&by=month', 'query /from too_many_periods'],
      ['from=2026-02-30', 'query /from wrong_format'],
      ['to=yesterday', 'query /to wrong_format'],
      ['by=year', 'query /by unknown_value'],
      ['organisation=NONE', 'query /organisation unknown_organisation'],
      ['kind=story', 'query /kind/0 unknown_value'],
      ['after=rubbish', 'query /after unknown_cursor'],
      [`after=${cursor(['2026-13-45', 'web', ''])}`, 'query /after unknown_cursor'],
      [`after=${cursor(['yesterday', 'web', ''])}`, 'query /after unknown_cursor'],
    ]
    for (const [query, field] of bad) refused(t, await ask(`?${query}`), 400, 'validation_failed', [field])
    t.equal((await ask('?from=2025-10-23&by=day')).status, 200, '400 are not too many')
    t.same(await demand('?to=0000-01-01'), [])
  })

  await t.test('by channel and by client, page by page and as a table', async (t) => {
    await empty()
    const day = '2026-11-25T10:00:00Z'
    const [web, phone, other, feed, early] = (await Promise.all(
      [day, day, day, day, '2026-11-17T10:00:00Z'].map(async (at) => (await make(made(at)))[0]),
    )) as [string, string, string, string, string]
    await db.pool.query(`update api_clients set name = '=case handler' where name = 'case handler'`)
    await set([web, early], `client_id = ${clientNamed('form')}`)
    await set([other], `client_id = ${clientNamed('integrator')}`)
    await set([phone], `channel = 'phone', client_id = ${clientNamed('=case handler')}`)
    await set([feed], `channel = 'feed', source_id = (select id from sources where name = 'pushed')`)
    const wanted = [
      ['2026-11-16', 'web', 'form'],
      ['2026-11-23', 'feed', null],
      ['2026-11-23', 'phone', '=case handler'],
      ['2026-11-23', 'web', 'form'],
      ['2026-11-23', 'web', 'integrator'],
    ]
    const short = (rows: Row[]) => rows.map(({ from, channel, client }) => [from, channel, client])
    t.same(short(await demand()), wanted)
    const paged: Row[] = []
    let after = ''
    do {
      const { body, headers } = await ask(`?limit=2${after}`)
      paged.push(...body.items)
      after = body.next === null ? '' : `&after=${body.next}`
      t.equal(headers.link !== undefined, after !== '')
    } while (after !== '')
    t.same(short(paged), wanted)
    t.same(paged, await demand())
    const { rows } = tableIn(t, await ask('?format=csv'))
    t.same(
      rows.map(({ from, channel, client }) => [from, channel, client || null]),
      wanted.map(([from, channel, client]) => [
        from,
        channel,
        client === '=case handler' ? `'${client}` : client,
      ]),
    )
    await db.pool.query(`update api_clients set name = 'case handler' where name = '=case handler'`)
  })

  await t.test('a kind, and an organisation with what belongs to it or was taken over', async (t) => {
    await empty()
    const at = '2026-11-25T10:00:00Z'
    await make(
      made(at),
      made(at, { organisation: 'T0101', kind: 'feedback' }),
      made(at, { organisation: 'T02' }),
      made(at, { organisation: 'T09', kind: 'feedback' }),
    )
    t.equal(total(await demand()), 4)
    t.equal(total(await demand('?kind=feedback')), 2)
    t.equal(total(await demand('?kind=feedback&kind=concern')), 4)
    t.equal(total(await demand('?organisation=T01')), 2)
    t.equal(total(await demand('?organisation=old1')), 2, 'also by a former code')
    t.equal(total(await demand('?organisation=T0101')), 1)
    await db.pool.query(
      `update organisations set succeeded_by_id = (select id from organisations where code = 'T01') where code = 'T09'`,
    )
    t.equal(total(await demand('?organisation=T01')), 3)
    t.equal(total(await demand()), 4, 'and nothing is counted twice')
    await db.pool.query('update organisations set succeeded_by_id = null')
  })

  await t.test('everybody gets the figures of what is theirs, and nothing that is tried out', async (t) => {
    await empty()
    const at = '2026-11-25T10:00:00Z'
    await make(made(at), made(at, { organisation: 'T0101' }), made(at, { organisation: 'T02' }))
    const [held] = await make(made(at, { kind: 'question' }))
    const tried = await make(made(at, { publication: 'kept_private' }), made(at, { organisation: 'T02' }))
    await set(tried, `test = true, publication = 'kept_private'`)
    for (const role of ['case_handler', 'second_tier', 'administrator'] as const)
      t.equal(total(await demand('', keys[role])), 4, role)
    t.equal(total(await demand('', keys.provider)), 2, 'a question is with the central team')
    t.equal(total(await demand('', keys.commissioner)), 2)
    t.equal(total(await demand('', keys.other_provider)), 1)
    t.same(await demand('', keys.other_commissioner), [])
    t.same(await demand('?organisation=T02', keys.provider), [])
    await set([held as string], 'passed_on = true')
    t.equal(total(await demand('', keys.provider)), 3)
    const { id } = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T01' } })
    const trying = await harness.addClient({
      name: 'try',
      role: 'provider',
      test: true,
      organisationIds: [id],
    })
    t.equal(total(await demand('', trying)), 1)
    for (const role of ['integrator', 'supplier', 'feed_provider'] as const)
      refused(t, await ask('', keys[role]), 403, 'scope_missing')
    refused(t, await call({ url: URL }), 401, 'key_missing')
  })

  await t.test(
    'a case is answered centrally when the central team alone has answered or closed it',
    async (t) => {
      await empty()
      clock.now = new Date()
      const send = async (
        path: string,
        method: 'POST' | 'PATCH',
        version: number,
        body: object,
        key: string,
      ) => {
        const answer = await call({ method, url: path, key, headers: staff(version), body })
        if (answer.status >= 300) throw new Error(answer.text)
        return answer
      }
      const text = 'Sorry for that. (Invented.)'
      const answer = async (
        key: string,
        more: object = {},
        given?: { reference: string; version: number },
      ) => {
        const { reference, version } = given ?? (await createCase(harness))
        await send(`/v1/cases/${reference}/responses`, 'POST', version, { text, ...more }, key)
        return { reference, version: version + 1 }
      }
      const close = async (key: string, status = 'resolved') => {
        const { reference, version } = await createCase(harness)
        await send(`/v1/cases/${reference}`, 'PATCH', version, { status }, key)
      }
      const seen = async () => {
        const [row, ...more] = await demand()
        t.same(more, [])
        return [row?.cases, row?.closed, row?.answeredCentrally, row?.shareCentrally]
      }
      await createCase(harness)
      t.same(await seen(), [1, 0, 0, null], 'nobody has done anything yet')
      const both = await answer(keys.case_handler)
      t.same(await seen(), [2, 0, 1, 1])
      await answer(keys.provider)
      t.same(await seen(), [3, 0, 1, 0.5])
      await close(keys.case_handler)
      t.same(await seen(), [4, 1, 2, 0.6667], 'closed without an answer')
      await close(keys.provider, 'unable_to_contact')
      t.same(await seen(), [5, 2, 2, 0.5])
      await close(keys.provider, 'in_progress')
      t.same(await seen(), [6, 2, 2, 0.5], 'to begin with it is no end')
      await answer(keys.provider, { status: 'resolved' }, both)
      t.same(await seen(), [6, 3, 1, 0.25], 'a provider has answered it too')
      const { reference, receipt } = await createCase(harness)
      const withdrawal = { what: 'case' }
      const url = `/v1/cases/${reference}/withdrawals`
      const withdrawn = await call({
        method: 'POST',
        url,
        headers: { 'case-receipt': receipt },
        body: withdrawal,
      })
      t.equal(withdrawn.status, 201)
      t.same(await seen(), [7, 4, 1, 0.25], 'whoever takes it back has answered nothing')
    },
  )

  await t.test('what a source brought has ended without anybody', async (t) => {
    await empty()
    clock.now = new Date('2026-11-26T12:00:00.000Z')
    const at = '2026-11-25T10:00:00Z'
    const references = await make(
      made(at, { kind: 'feedback', status: 'no_action_needed' }),
      made(at, { kind: 'feedback', status: 'no_action_needed', response: 'Thank you. (Invented.)' }),
    )
    const source = `(select id from sources where name = 'pushed')`
    await set(references, `channel = 'feed', source_id = ${source}`)
    await db.pool.query(`update responses set organisation_id = null, source_id = ${source}`)
    t.match(await demand(), [
      { channel: 'feed', client: null, cases: 2, closed: 2, answeredCentrally: 0, shareCentrally: 0 },
    ])
  })

  await t.test('what a case handler took by telephone counts by that channel', async (t) => {
    await empty()
    clock.now = new Date()
    const body = handledDraft()
    const headers = { 'acting-user': 'person-1' }
    t.equal(
      (await call({ method: 'POST', url: '/v1/cases', key: keys.case_handler, headers, body })).status,
      201,
    )
    t.match(await demand(), [{ channel: 'phone', client: 'case handler', cases: 1 }])
  })
})

function cursor(values: readonly string[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}
