import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { fieldsOf, references, refused } from './answers.ts'
import { type Answer, createCase, PUBLIC_URL, publishedCase, staff, startHarness } from './harness.ts'

const { operations } = readContract()

t.test('the list of cases', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const list = (query = '', key?: string): Promise<Answer> =>
    call({ url: `/v1/cases${query}`, ...(key && { key }) })
  const of = async (query: string, key?: string): Promise<string[]> => references(await list(query, key))

  // One case of each sort; what is not said is a concern about delays at T01.
  const plain = (await publishedCase(harness)).reference
  const question = (await publishedCase(harness, { kind: 'question' })).reference
  const staffed = (await publishedCase(harness, { category: 'staff', kind: 'feedback' })).reference
  const site = (await publishedCase(harness, { organisation: 'T0101' })).reference
  const elsewhere = (await publishedCase(harness, { organisation: 'T02' })).reference
  const resolved = await publishedCase(harness)
  await call({
    method: 'POST',
    url: `/v1/cases/${resolved.reference}/responses`,
    key: keys.provider,
    headers: staff(resolved.version),
    body: { text: 'Done. (Invented.)', status: 'resolved' },
  })
  const waiting = (await createCase(harness)).reference
  const all = [resolved.reference, elsewhere, site, staffed, question, plain]

  await t.test('newest first, published only', async (t) => {
    t.same(await of(''), all)
    t.same(await of('', keys.supplier), all)
    t.notOk((await of('?view=public', keys.case_handler)).includes(waiting))
  })

  await t.test('each filter alone', async (t) => {
    t.same(await of('?kind=question'), [question])
    t.same(await of('?kind=question&kind=feedback'), [staffed, question])
    t.same(await of('?category=staff'), [staffed])
    t.same(await of('?category=parking'), [])
    t.same(await of('?status=resolved'), [resolved.reference])
    t.same(await of('?status=open&status=in_progress'), all.slice(1))
    t.same(await of('?organisation=T02'), [elsewhere])
    t.same(await of('?source=pushed'), [])
    t.same(await of('?reportedTo=2001-01-01T00:00:00Z'), [])
    t.same(await of('?reportedFrom=2001-01-01T00:00:00Z'), all)
    t.same(await of('?reportedFrom=2901-01-01T00:00:00%2B02:00'), [])
  })

  await t.test('a time from is included, a time to is not', async (t) => {
    const { reportedAt } = (await call({ url: `/v1/cases/${site}` })).body
    t.ok((await of(`?reportedFrom=${reportedAt}`)).includes(site))
    t.notOk((await of(`?reportedTo=${reportedAt}`)).includes(site))
  })

  await t.test('an organisation means what belongs to it, in any form of its code', async (t) => {
    const wanted = all.filter((one) => one !== elsewhere)
    for (const code of ['T01', 't01', 'OLD1', 'T%2001'])
      t.same(await of(`?organisation=${code}`), wanted, code)
    t.same(await of('?organisation=T0101'), [site])
    t.same(await of('?organisation=T0101&organisation=T02'), [elsewhere, site])
    refused(t, await list('?organisation=NONE1'), 400, 'validation_failed', [
      'query /organisation unknown_organisation',
    ])
  })

  await t.test('filters together are all meant', async (t) => {
    t.same(await of('?organisation=T01&kind=concern&status=open'), [site, plain])
    t.same(await of('?organisation=T02&kind=question'), [])
    t.same(
      await of(
        '?category=delays&category=staff&kind=feedback&organisation=T01&status=open&reportedFrom=2001-01-01T00:00:00Z',
      ),
      [staffed],
    )
  })

  await t.test('a filter that cannot be is refused at its name', async (t) => {
    const bad: Record<string, string[]> = {
      '?kind=complaint': ['query /kind/0 unknown_value'],
      '?kind=': ['query /kind/0 unknown_value'],
      '?status=closed': ['query /status/0 unknown_value'],
      '?category=No': ['query /category/0 wrong_format'],
      '?organisation=%00': ['query /organisation/0 wrong_format'],
      '?source=A': ['query /source/0 too_short', 'query /source/0 wrong_format'],
      '?reportedFrom=yesterday': ['query /reportedFrom wrong_format'],
      '?reportedFrom=2026-02-30T00:00:00Z': ['query /reportedFrom wrong_format'],
      '?reportedFrom=2026-01-01': ['query /reportedFrom wrong_format'],
      '?limit=0': ['query /limit too_small'],
      '?limit=101': ['query /limit too_large'],
      '?limit=ten': ['query /limit wrong_type'],
      '?limit=1.5': ['query /limit wrong_type'],
      '?limit=': ['query /limit wrong_type'],
      '?limit=5&limit=6': ['query /limit wrong_type'],
      '?limit=Infinity': ['query /limit too_large'],
      '?limit=-Infinity': ['query /limit too_small'],
      '?limit=NaN': ['query /limit wrong_type'],
      '?view=all': ['query /view unknown_value'],
      '?after=%25': ['query /after wrong_format'],
      '?after=abc': ['query /after unknown_cursor'],
      '?colour=blue': ['query /colour unknown_field'],
      '?Kind=question': ['query /Kind unknown_field'],
      '?publication=published': ['query /publication needs_own_view'],
      '?view=mine': ['query /view needs_key'],
    }
    for (const [query, fields] of Object.entries(bad))
      refused(t, await list(query), 400, 'validation_failed', fields)
  })

  await t.test('a time at the edge of what there is, is a time or refused, never our fault', async (t) => {
    for (const time of [
      '0000-01-01T00:00:00Z',
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999999999Z',
      '2026-01-01T00:00:00%2B23:59',
      '2026-12-31T23:59:60Z',
      '2026-01-01T00:00:00-12:00',
      '2026-01-01T00:00:00%2B05',
      '2026-01-01t00:00:00z',
    ])
      for (const name of ['reportedFrom', 'reportedTo']) {
        const { status } = await list(`?${name}=${time}`)
        t.ok(status === 200 || status === 400, `${time}: ${status}`)
      }
    t.same(await of('?reportedFrom=0000-01-01T00:00:00Z'), all)
    t.same(await of('?reportedFrom=2001-01-01T00:00:00%2B23:59'), all)
  })

  await t.test('no operation takes a query parameter that it does not know', async (t) => {
    const values: Record<string, string> = {
      reference: plain,
      code: 'T01',
      source: 'pushed',
      kind: 'concern',
    }
    // Whoever has the scope that it needs, in words of the contract.
    const keyOf: Record<string, string> = {
      'cases:read': keys.case_handler,
      'cases:moderate': keys.case_handler,
      'cases:respond': keys.provider,
      'cases:escalate': keys.commissioner,
    }
    for (const { id, method, path, security } of operations) {
      if (method !== 'get') continue
      const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '1')
      const open = security.some((choice) => Object.keys(choice).length === 0)
      const scope = security.flatMap((choice) => choice.secretKey ?? [])[0] ?? ''
      const key = keyOf[scope] ?? keys.administrator
      const answer = await call({ url: `${url}?colour=blue`, ...(!open && { key }) })
      refused(t, answer, 400, 'validation_failed')
      t.ok(fieldsOf(answer).includes('query /colour unknown_field'), id)
    }
  })

  await t.test('pages follow each other by cursor, and the Link says the next', async (t) => {
    const found: string[] = []
    let url: string | undefined = '/v1/cases?limit=2&organisation=T01'
    let pages = 0
    while (url !== undefined) {
      const page: Answer = await call({ url })
      found.push(...references(page))
      pages++
      const link = /^<(.+)>; rel="next"$/.exec(String(page.headers.link ?? ''))?.[1]
      t.equal(link === undefined, page.body.next === null)
      if (link === undefined) break
      t.ok(link.startsWith(`${PUBLIC_URL}/v1/cases?`))
      t.equal(new URL(link).searchParams.get('after'), page.body.next)
      t.equal(new URL(link).searchParams.get('organisation'), 'T01')
      url = link.slice(PUBLIC_URL.length)
    }
    t.same(
      found,
      all.filter((one) => one !== elsewhere),
    )
    t.equal(pages, 3)
    const exact = await list(`?limit=${all.length}`)
    t.equal(exact.body.next, null, 'a page that ends with the last has no next')
  })

  await t.test(
    'rows that come while somebody pages are neither doubled nor do they hide others',
    async (t) => {
      const before = await of('?limit=100')
      const found: string[] = []
      let after = ''
      for (;;) {
        const page = await list(`?limit=2${after}`)
        found.push(...references(page))
        if (page.body.next === null) break
        after = `&after=${page.body.next}`
        await publishedCase(harness)
      }
      t.same(found, before)
      t.equal(new Set(found).size, found.length)
    },
  )

  await t.test('view=mine is what the key relates to', async (t) => {
    const mine = async (key: string, query = ''): Promise<string[]> => of(`?view=mine&limit=100${query}`, key)
    const everything = await db.prisma.case.findMany({
      select: { reference: true, kind: true, organisation: { select: { code: true } } },
    })
    const at = (codes: string[]): string[] =>
      everything
        .filter(({ kind, organisation }) => kind !== 'question' && codes.includes(organisation.code))
        .map(({ reference }) => reference)
    t.same((await mine(keys.case_handler)).sort(), everything.map(({ reference }) => reference).sort())
    t.same((await mine(keys.provider)).sort(), at(['T01', 'T0101']).sort())
    t.same((await mine(keys.commissioner)).sort(), at(['T01', 'T0101']).sort())
    t.same((await mine(keys.integrator)).sort(), everything.map(({ reference }) => reference).sort())
    const another = await harness.addClient({ name: 'another integrator', role: 'integrator' })
    t.same(await mine(another), [])
    t.same(await mine(keys.second_tier), [])
    await db.pool.query(`update cases set publication = 'awaiting_second_tier' where reference = $1`, [
      waiting,
    ])
    t.same(await mine(keys.second_tier), [waiting])
    await db.pool.query(`update cases set publication = 'awaiting_moderation' where reference = $1`, [
      waiting,
    ])
    for (const key of [keys.supplier, keys.administrator, keys.feed_provider])
      refused(t, await list('?view=mine', key), 400, 'validation_failed', ['query /view no_own_cases'])
    refused(t, await list('?view=mine', keys.form), 403, 'scope_missing')
  })

  await t.test('view=mine pages and filters like the public list, by publication too', async (t) => {
    t.same(await of('?view=mine&publication=awaiting_moderation', keys.provider), [waiting])
    t.same(await of('?view=mine&publication=awaiting_moderation&kind=question', keys.provider), [])
    t.same(await of('?view=mine&status=resolved&organisation=T01', keys.case_handler), [resolved.reference])
    t.same(await of('?view=mine&organisation=T02', keys.provider), [])
    t.same(await of('?view=mine&publication=published&publication=removed&category=staff', keys.integrator), [
      staffed,
    ])
    const whole = await of('?view=mine&limit=100', keys.provider)
    const one = await list('?view=mine&limit=3', keys.provider)
    const two = await list(`?view=mine&limit=100&after=${one.body.next}`, keys.provider)
    t.same([...references(one), ...references(two)], whole)
    t.match(one.headers.link, /view=mine/)
    refused(t, await list('?view=mine&publication=secret', keys.provider), 400, 'validation_failed', [
      'query /publication/0 unknown_value',
    ])
  })

  await t.test('each case in view=mine is as its own page shows it', async (t) => {
    for (const key of [keys.provider, keys.commissioner, keys.integrator, keys.case_handler]) {
      const { body } = await list('?view=mine&limit=5', key)
      for (const item of body.items)
        t.same((await call({ url: `/v1/cases/${item.reference}`, key })).body, item)
    }
  })

  await t.test('each case in the public list is as its own page shows it', async (t) => {
    for (const item of (await list('?limit=100')).body.items)
      t.same((await call({ url: `/v1/cases/${item.reference}` })).body, item)
  })

  await t.test('nothing changed is 304 without a body, for each way to say it', async (t) => {
    for (const url of [
      '/v1/cases',
      `/v1/cases/${plain}`,
      '/v1/categories',
      '/v1/organisations',
      '/v1/organisations/T01',
      '/v1/geo-feed',
    ]) {
      const { headers } = await call({ url })
      const etag = headers.etag as string
      t.match(etag, /^"[\w-]+"$/, url)
      t.match(headers['cache-control'], /public, no-cache/)
      for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const again = await call({ url, headers: { 'if-none-match': tag } })
        t.equal(again.status, 304, `${url} ${tag}`)
        t.equal(again.text, '')
        t.equal(again.headers.etag, etag)
      }
      t.equal((await call({ url, headers: { 'if-none-match': '"x"' } })).status, 200)
    }
    const mine = await list('?view=mine', keys.provider)
    t.match(mine.headers['cache-control'], /private/)
    t.match(mine.headers.vary, /authorization/i)
  })
})
