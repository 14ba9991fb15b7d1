import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { refused } from './answers.ts'
import { createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('the change log, page by page', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const events = (query = '', key?: string) =>
    call({ url: `/v1/events${query}`, ...(key !== undefined && { key }) })
  const placed = async (query: string, key?: string) => {
    await indexCases(db)
    return events(query, key)
  }
  const here = async (): Promise<string> => (await placed('?after=end')).body.next
  const change = async ({ reference, version }: { reference: string; version: number }, body: object) => {
    const answer = await call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body,
    })
    if (answer.status !== 200) throw new Error(answer.text)
    return { reference, version: answer.body.version as number }
  }

  await t.test('an empty log, and where it ends', async (t) => {
    t.match((await events()).body, { items: [], more: false })
    const { body, headers } = await events('?after=end')
    t.match(body, { items: [], next: /^\d+$/, more: false })
    t.equal(headers.link, undefined)
  })

  await t.test('what the public hears, with the address of the case while it is there', async (t) => {
    const start = await here()
    const one = await publishedCase(harness)
    const first = await placed(`?after=${start}`)
    t.match(first.body.items, [
      {
        type: 'case.published',
        case: one.reference,
        url: `https://api.test.example/v1/cases/${one.reference}`,
        organisation: 'T01',
        source: null,
        fields: [],
        reason: null,
        gone: false,
      },
    ])
    t.equal((await call({ url: `/v1/cases/${one.reference}` })).status, 200)
    const changed = await change(one, { status: 'in_progress' })
    await call({
      method: 'POST',
      url: `/v1/cases/${one.reference}/decisions`,
      key: keys.case_handler,
      headers: staff(changed.version),
      body: { action: 'remove', reason: 'vexatious' },
    })
    const then = await placed(`?after=${first.body.next}`)
    t.match(then.body.items, [
      { type: 'case.removed', case: one.reference, url: null, organisation: 'T01', fields: [], gone: true },
    ])
    t.notMatch(then.text, 'vexatious')
  })

  await t.test('in pages, each line once, and a Link only while there is more', async (t) => {
    const start = await here()
    const made: string[] = []
    for (let n = 0; n < 5; n++) made.push((await publishedCase(harness)).reference)
    await indexCases(db)
    const heard: string[] = []
    for (let after = start, more = true; more; ) {
      const { body, headers } = await events(`?after=${after}&limit=2`)
      heard.push(...body.items.map((line: { case: string }) => line.case))
      after = body.next
      more = body.more
      t.equal(headers.link !== undefined, more)
      if (more) t.match(headers.link, `after=${after}`)
    }
    t.same(heard, made)
  })

  await t.test('by filters and types; what leaves the selection is gone', async (t) => {
    const start = await here()
    const one = await publishedCase(harness, { organisation: 'T0101' })
    await publishedCase(harness, { organisation: 'T02' })
    const query = `?after=${start}&organisation=T01&status=open`
    const first = await placed(query)
    t.match(first.body.items, [{ case: one.reference, type: 'case.published', gone: false }])
    t.equal(first.body.items.length, 1)
    await change(one, { status: 'resolved' })
    const then = (await placed(`?after=${first.body.next}&organisation=T01&status=open`)).body
    t.match(then.items, [
      { case: one.reference, type: 'case.changed', fields: ['status'], gone: true, url: null },
    ])
    const types = (await placed(`?after=${start}&type=case.changed`)).body
    t.same(
      types.items.map((line: { type: string; gone: boolean }) => [line.type, line.gone]),
      [['case.changed', false]],
    )
  })

  await t.test('what a key relates to, with view=mine', async (t) => {
    const start = await here()
    const { reference } = await createCase(harness)
    await createCase(harness, { organisation: 'T02' })
    const provider = await placed(`?after=${start}&view=mine`, keys.provider)
    t.match(provider.body.items, [
      { type: 'case.created', case: reference, organisation: 'T01', gone: false },
    ])
    t.equal(provider.body.items.length, 1)
    t.equal((await events(`?after=${start}&view=mine`, keys.case_handler)).body.items.length, 2)
    t.same((await events(`?after=${start}`)).body.items, [], 'nothing of it is public')
  })

  await t.test('keys that no case relates to hear of what they themselves are told', async (t) => {
    const start = await here()
    const other = await harness.addClient({ name: 'another supplier', role: 'supplier' })
    const { id } = await db.prisma.apiClient.findFirstOrThrow({ where: { name: 'supplier' } })
    const made = await call({
      method: 'POST',
      url: `/v1/clients/${id}/keys`,
      key: keys.administrator,
      headers: { 'acting-user': 'person-1' },
      body: {},
    })
    t.equal(made.status, 201, made.text)
    const types = async (key: string) =>
      (await placed(`?after=${start}&view=mine`, key)).body.items.map((line: { type: string }) => line.type)
    t.same(await types(keys.supplier), ['key.created'])
    t.same(await types(other), [])
    t.same(await types(keys.feed_provider), [])
    t.same(await types(keys.administrator), ['key.created'])
  })

  await t.test('what is asked wrongly is refused', async (t) => {
    const wrong: Array<[query: string, field: string, key?: string]> = [
      ['?after=-1', 'query /after wrong_format'],
      ['?after=now', 'query /after wrong_format'],
      ['?after=999999', 'query /after unknown_cursor'],
      ['?after=9999999999999999', 'query /after unknown_cursor'],
      ['?limit=0', 'query /limit too_small'],
      ['?limit=1001', 'query /limit too_large'],
      ['?view=mine', 'query /view needs_key'],
      ['?type=note.created', 'query /type needs_own_view'],
      ['?type=nothing', 'query /type/0 not_one_of'],
      ['?organisation=NOBODY', 'query /organisation unknown_organisation'],
      ['?publication=published', 'query /publication unknown_parameter'],
    ]
    for (const [query, field] of wrong) {
      const answer = await events(query)
      refused(t, answer, 400, 'validation_failed')
      t.match(JSON.stringify(answer.body.errors), field.split(' ')[1] as string, `${query} ${answer.text}`)
    }
    refused(t, await events('', 'cc_sk_000000000000_x'), 401, 'key_invalid')
    refused(t, await events('', keys.form), 403, 'scope_missing')
  })
})
