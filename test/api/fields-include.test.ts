import t, { type Test } from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, type Harness, publishedCase, staff, startHarness } from './harness.ts'

const FIELDS_TYPE = 'application/vnd.care-connect.fields+json; charset=utf-8'

t.test('fields and include of the list of cases', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const { answered } = await someCases(harness)
  await indexCases(db)
  const list = (query: string, key?: string): Promise<Answer> =>
    call({ url: `/v1/cases?${query}`, ...(key && { key }) })
  const PROVIDER = ['view=mine', keys.provider] as const
  const INTEGRATOR = ['view=mine', keys.integrator] as const
  const PUBLIC = ['view=public', undefined] as const

  await t.test('each field alone is as the whole case has it', async (t) => {
    for (const [query, key] of [PUBLIC, PROVIDER, INTEGRATOR]) {
      const whole = (await list(query, key)).body
      for (const field of Object.keys(whole.items[0])) {
        const { status, headers, body } = await list(`${query}&fields=${field}`, key)
        t.equal(status, 200, field)
        t.equal(headers['content-type'], FIELDS_TYPE)
        t.same(
          body.items,
          whole.items.map((item: Record<string, unknown>) => ({ [field]: item[field] })),
          `${query} ${field}`,
        )
      }
    }
  })

  await t.test('several fields come in the order asked for, page after page', async (t) => {
    for (const [query, key] of [PUBLIC, PROVIDER]) {
      const whole = (await list(query, key)).body.items
      const first = await list(`${query}&fields=status,reference,organisation&limit=2`, key)
      t.same(Object.keys(first.body.items[0]), ['status', 'reference', 'organisation'])
      t.match(
        String(first.headers.link),
        /fields=status%2Creference%2Corganisation|fields=status,reference,organisation/,
      )
      const rest = await list(
        `${query}&fields=status,reference,organisation&limit=100&after=${first.body.next}`,
        key,
      )
      t.same(
        [...first.body.items, ...rest.body.items],
        whole.map(({ status, reference, organisation }: Record<string, unknown>) => ({
          status,
          reference,
          organisation,
        })),
      )
    }
  })

  await t.test('a field that there is not is refused, and what there is is said', async (t) => {
    for (const [query, key] of [PUBLIC, PROVIDER, INTEGRATOR])
      for (const field of ['colour', 'constructor', 'toString', 'Title', 'original2']) {
        const answer = await list(`${query}&fields=reference,${field}`, key)
        refused(t, answer, 400, 'validation_failed', ['query /fields unknown_field'])
        t.match(answer.body.errors[0].detail, /there is .*reference, url/)
      }
    refused(t, await list('fields=contact'), 400, 'validation_failed', ['query /fields unknown_field'])
    refused(t, await list('view=mine&fields=contact', keys.integrator), 400, 'validation_failed')
    refused(t, await list('fields='), 400, 'validation_failed', ['query /fields/0 wrong_format'])
    refused(t, await list('fields=a,a'), 400, 'validation_failed')
    refused(t, await list("fields=a'b"), 400, 'validation_failed', ['query /fields/0 wrong_format'])
  })

  await t.test('with q the snippet comes with the whole case, and where it is named', async (t) => {
    const [whole] = (await list('q=slippers')).body.items
    t.match(whole.snippet, /⟦slippers⟧/)
    t.same((await list('q=slippers&fields=reference')).body.items, [{ reference: answered }])
    t.same((await list('q=slippers&fields=snippet,reference')).body.items, [
      { snippet: whole.snippet, reference: answered },
    ])
    t.same((await list('q=slippers&fields=snippet')).body.items, [{ snippet: whole.snippet }])
    t.ok((await list('fields=snippet')).body.items.every((item: object) => Object.keys(item).length === 0))
    refused(t, await list('view=mine&fields=snippet', keys.provider), 400, 'validation_failed')
  })

  await t.test('what staff read of some fields is noted as a read of the case', async (t) => {
    await list('view=mine&fields=status&limit=2', keys.provider)
    const { rows } = await db.pool.query('select operation, cases from accesses order by id desc limit 1')
    t.equal(rows[0].operation, 'listCases')
    t.equal(rows[0].cases.length, 2)
  })

  await t.test('include sends along what the cases refer to, each once', async (t) => {
    for (const [query, key] of [PUBLIC, PROVIDER, INTEGRATOR]) {
      const { body, headers } = await list(`${query}&include=organisations,categories,sources`, key)
      t.equal(headers['content-type'], 'application/json; charset=utf-8')
      t.same(body.items, (await list(query, key)).body.items)
      holdsWhatIsReferred(t, body)
      for (const one of body.included.organisations)
        t.same(one, (await call({ url: `/v1/organisations/${one.code}` })).body)
      const categories = (await call({ url: '/v1/categories' })).body.items
      t.same(
        body.included.categories,
        categories.filter(({ code }: { code: string }) =>
          body.items.some(({ category }: { category: string }) => category === code),
        ),
      )
    }
    const { body } = await list('include=sources')
    t.same(body.included, {
      sources: [
        {
          name: 'pushed',
          title: 'Example Source',
          link: 'https://stories.example.org',
          attribution: 'By Example. (Invented.)',
          licence: null,
        },
      ],
    })
  })

  await t.test('only what was asked for comes, of this page alone', async (t) => {
    for (const [query, key] of [PUBLIC, PROVIDER]) {
      const { body } = await list(`${query}&include=categories`, key)
      t.same(Object.keys(body.included), ['categories'])
      t.equal((await list(query, key)).body.included, undefined)
      for (let after = '', n = 0; n < 10; n++) {
        const page = await list(`${query}&include=organisations,sources&limit=1${after}`, key)
        holdsWhatIsReferred(t, page.body)
        if (page.body.next === null) break
        after = `&after=${page.body.next}`
      }
    }
    const nothing = await list('include=organisations,categories,sources&category=parking')
    t.same(nothing.body, {
      items: [],
      next: null,
      included: { organisations: [], categories: [], sources: [] },
    })
  })

  await t.test('include goes with fields, even without those that refer', async (t) => {
    for (const [query, key] of [PUBLIC, PROVIDER]) {
      const whole = await list(`${query}&include=organisations,categories`, key)
      const some = await list(`${query}&fields=reference&include=organisations,categories`, key)
      t.equal(some.headers['content-type'], FIELDS_TYPE)
      t.same(some.body.included, whole.body.included)
      t.same(Object.keys(some.body.items[0]), ['reference'])
    }
  })

  await t.test('what cannot be included is refused', async (t) => {
    refused(t, await list('include=responses'), 400, 'validation_failed', ['query /include/0 unknown_value'])
    refused(t, await list('include='), 400, 'validation_failed', ['query /include/0 unknown_value'])
    refused(t, await list('include=sources,sources'), 400, 'validation_failed')
  })

  await t.test('the same page answered again says so, with fields and include too', async (t) => {
    for (const query of ['fields=title', 'include=sources', 'fields=title&include=sources']) {
      const { headers } = await list(query)
      const again = await call({
        url: `/v1/cases?${query}`,
        headers: { 'if-none-match': String(headers.etag) },
      })
      t.equal(again.status, 304, query)
    }
  })

  await t.test('features with some properties', async (t) => {
    const whole = (await call({ url: '/v1/geo-feed' })).body.features
    for (const field of Object.keys(whole[0].properties)) {
      const { status, headers, body } = await call({ url: `/v1/geo-feed?fields=${field}` })
      t.equal(status, 200)
      t.equal(headers['content-type'], FIELDS_TYPE)
      t.same(
        body.features,
        whole.map((feature: { properties: Record<string, unknown> }) => ({
          ...feature,
          properties: { [field]: feature.properties[field] },
        })),
      )
    }
    t.equal((await call({ url: '/v1/geo-feed?q=slippers' })).body.features.length, 1)
    refused(t, await call({ url: '/v1/geo-feed?fields=snippet' }), 400, 'validation_failed')
  })
})

type Case = {
  organisation: { code: string }
  source: { name: string } | null
  responses?: { organisation: { code: string } | null; source: { name: string } | null }[]
}

// Reads the page on its own, without the code under test.
function holdsWhatIsReferred(
  t: Test,
  { items, included }: { items: Case[]; included: Record<string, { code?: string; name: string }[]> },
): void {
  const referring = items.flatMap((one) => [one, ...(one.responses ?? [])])
  const once = (names: (string | undefined)[]) =>
    [...new Set(names.filter((name) => name !== undefined))].sort()
  t.same(
    included.organisations?.map(({ code }) => code),
    once(referring.map(({ organisation }) => organisation?.code)),
  )
  t.same(
    included.sources?.map(({ name }) => name),
    once(referring.map(({ source }) => source?.name)),
  )
}

/** Cases at several places, one answered by another organisation, one from a source. (Invented.) */
async function someCases(harness: Harness): Promise<{ answered: string }> {
  const { call, db, keys } = harness
  await db.pool.query(
    `update sources set site_url = 'https://stories.example.org', attribution = 'By Example. (Invented.)' where name = 'pushed'`,
  )
  const one = await publishedCase(harness)
  await publishedCase(harness, { organisation: 'T0101', category: 'staff', kind: 'feedback' })
  await publishedCase(harness, { organisation: 'T02' })
  const other = await publishedCase(harness, { organisation: 'T0101', kind: 'feedback' })
  await createCase(harness)
  const { status, text } = await call({
    method: 'POST',
    url: `/v1/cases/${one.reference}/responses`,
    key: keys.case_handler,
    headers: staff(one.version),
    body: { text: 'The slippers were found. (Invented.)' },
  })
  if (status !== 201) throw new Error(text)
  await db.pool.query(
    `update responses set organisation_id = (select id from organisations where code = 'T09')
     where case_id = (select id from cases where reference = $1)`,
    [one.reference],
  )
  await db.pool.query(
    `update cases set channel = 'feed', source_id = (select id from sources where name = 'pushed') where reference = $1`,
    [other.reference],
  )
  return { answered: one.reference }
}
