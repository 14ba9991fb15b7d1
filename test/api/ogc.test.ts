import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { fieldsOf, refused } from './answers.ts'
import { type Answer, createCase, PUBLIC_URL, publishedCase, startHarness } from './harness.ts'
import { makeMap, onMap } from './map-cases.ts'

type Link = { rel: string; href: string; type: string }

const OGC = `${PUBLIC_URL}/ogc`
const CASES = '/ogc/collections/cases/items'
const ORGANISATIONS = '/ogc/collections/organisations/items'

t.test('OGC API - Features', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness

  await t.test('where there is nothing yet, the extent of the cases is not known', async (t) => {
    const { body } = await call({ url: '/ogc/collections/cases' })
    t.same(body.extent, {})
    t.match((await call({ url: CASES })).body, { features: [], numberMatched: 0, numberReturned: 0 })
  })

  const made = await makeMap(db, 240)
  const shown = onMap(made)
  await indexCases(db)

  /** All features from an address on, page by page. */
  const walk = async (first: string) => {
    const pages: Answer[] = []
    for (let url: string | undefined = first; url !== undefined; ) {
      const page: Answer = await call({ url })
      if (page.status !== 200) throw new Error(page.text)
      pages.push(page)
      const next = linkOf(page, 'next')
      const [, header] = /^<(.+)>; rel="next"$/.exec(String(page.headers.link ?? '')) ?? []
      t.equal(header, next, 'the Link header says the same')
      url = next?.slice(PUBLIC_URL.length)
    }
    return { pages, features: pages.flatMap(({ body }) => body.features) }
  }
  const count = async (query: string): Promise<number> =>
    (await walk(`${CASES}?limit=1000&${query}`)).features.length

  await t.test('the landing page leads to everything', async (t) => {
    const landing = await call({ url: '/ogc' })
    t.match(landing.headers['content-type'], 'application/json')
    const links: Link[] = landing.body.links
    t.same(
      links.map(({ rel, href, type }) => [rel, href, type]),
      [
        ['self', OGC, 'application/json'],
        ['service-desc', `${OGC}/api`, 'application/json'],
        ['service-doc', `${PUBLIC_URL}/docs`, 'text/html'],
        ['conformance', `${OGC}/conformance`, 'application/json'],
        ['data', `${OGC}/collections`, 'application/json'],
      ],
    )
    for (const { href, type, rel } of links) {
      const { statusCode, headers } = await harness.app.inject({ url: href.slice(PUBLIC_URL.length) })
      t.ok(statusCode < 400, `${rel} is there`)
      if (statusCode === 200) t.match(headers['content-type'], type)
    }
    const slashed = await harness.app.inject({ url: '/ogc/' })
    t.same(slashed.json(), landing.body, 'also as the path / under the server of the API definition')
    t.equal((await harness.app.inject({ url: '/ogc/?f=html' })).statusCode, 400)
    t.equal((await harness.app.inject({ url: '/ogc//' })).statusCode, 404)
    t.same((await call({ url: '/ogc/conformance' })).body.conformsTo.slice(0, 2), [
      'http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core',
      'http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson',
    ])
  })

  await t.test('the API definition is whole, has only what is under /ogc, and every filter', async (t) => {
    const { body, text } = await call({ url: '/ogc/api' })
    t.match(body, { openapi: /^3\.1/, servers: [{ url: OGC }] })
    t.same(Object.keys(body.paths), [
      '/',
      '/api',
      '/conformance',
      '/collections',
      '/collections/{collection}',
      '/collections/cases/items',
      '/collections/cases/items/{feature}',
      '/collections/organisations/items',
      '/collections/organisations/items/{feature}',
    ])
    const refs = [...text.matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)].map(
      ([, kind, name]) => `${kind}/${name}`,
    )
    const there = Object.entries(body.components)
      .filter(([kind]) => kind !== 'securitySchemes')
      .flatMap(([kind, components]) => Object.keys(components as object).map((name) => `${kind}/${name}`))
    t.ok(refs.length > 0 && refs.every((ref) => there.includes(ref)), 'it has what it refers to')
    t.notOk(
      there.some((name) => /PublicCase|NewCase|StaffCase/.test(name)),
      'and nothing of the rest',
    )
    t.same(Object.keys(body.components.securitySchemes), ['secretKey'])
    t.match(body.components.parameters.limit, { name: 'limit', schema: { maximum: 1000, default: 100 } })

    const resolved = (path: string) =>
      body.paths[path].get.parameters.map(
        ({ $ref }: { $ref: string }) => body.components.parameters[$ref.split('/')[3] ?? ''],
      )
    const filters = (path: string): string[] =>
      resolved(path)
        .filter((one: { in: string }) => one.in === 'query')
        .map((one: { name: string; style: string; explode: boolean; schema: { type?: string } }) => {
          t.match(one, { style: 'form', explode: false, schema: { type: String } }, one.name)
          return one.name
        })
    t.same(filters('/collections/cases/items'), [
      ...[
        'bbox',
        'datetime',
        'organisation',
        'organisationCode',
        'region',
        'kind',
        'category',
        'status',
        'source',
      ],
      ...['language', 'q', 'after', 'limit'],
    ])
    t.same(filters('/collections/organisations/items'), [
      'bbox',
      'datetime',
      'region',
      'kind',
      'after',
      'limit',
    ])
  })

  await t.test('the collections say where and when', async (t) => {
    const { body } = await call({ url: '/ogc/collections' })
    t.same(
      body.collections.map(({ id }: { id: string }) => id),
      ['cases', 'organisations'],
    )
    for (const collection of body.collections) {
      t.same((await call({ url: `/ogc/collections/${collection.id}` })).body, collection)
      const items = collection.links.find(({ rel }: Link) => rel === 'items')
      t.match(items, { href: `${OGC}/collections/${collection.id}/items`, type: 'application/geo+json' })
    }
    const [cases, organisations] = body.collections
    t.same(cases.extent.spatial.bbox, [[-180, -90, 180, 90]], 'from pole to pole')
    const times = shown.map(({ reportedAt }) => reportedAt.toISOString()).sort()
    t.same(cases.extent.temporal.interval, [[times[0], times.at(-1)]])
    t.same(organisations.extent, {
      spatial: { bbox: [[-180, -90, 180, 89.9]], crs: 'http://www.opengis.net/def/crs/OGC/1.3/CRS84' },
    })
    refused(t, await call({ url: '/ogc/collections/weather' }), 404, 'not_found')
  })

  await t.test(
    'all pages together are all cases, whatever their size, and numberMatched says how many',
    async (t) => {
      const listed = (await call({ url: '/v1/geo-feed?limit=1000' })).body.features
      t.equal(listed.length, shown.length)
      for (const limit of [7, 100, 1000]) {
        const { pages, features } = await walk(`${CASES}?limit=${limit}`)
        t.strictSame(features, listed, `${limit} at a time`)
        for (const { body, headers } of pages) {
          t.match(headers['content-type'], 'application/geo+json')
          t.equal(body.numberMatched, shown.length)
          t.equal(body.numberReturned, body.features.length)
          t.ok(Date.parse(body.timeStamp))
        }
      }
      const [first] = (await walk(`${CASES}?limit=7&kind=concern&status=open`)).pages
      t.equal(linkOf(first, 'self'), `${PUBLIC_URL}${CASES}?limit=7&kind=concern&status=open`)
      t.equal(linkOf(first, 'collection'), `${OGC}/collections/cases`)
    },
  )

  await t.test(
    'a limit above the greatest is taken as the greatest, and one that is none is refused',
    async (t) => {
      for (const limit of ['1001', '100000000000000000000'])
        t.equal((await call({ url: `${CASES}?limit=${limit}` })).body.numberReturned, shown.length)
      t.equal((await call({ url: CASES })).body.numberReturned, 100)
      for (const limit of ['0', '-1', '1.5', 'all', ''])
        refused(t, await call({ url: `${CASES}?limit=${limit}` }), 400, 'validation_failed')
    },
  )

  await t.test('every filter counts what it selects', async (t) => {
    const queries: [string, (one: (typeof shown)[number]) => boolean][] = [
      ['kind=question', ({ kind }) => kind === 'question'],
      [
        'category=food&status=resolved',
        ({ category, status }) => category === 'food' && status === 'resolved',
      ],
      ['language=cy', ({ language }) => language === 'cy'],
      ['organisationCode=LEEDS', ({ organisation }) => organisation === 'LEEDS'],
      [
        'organisation=LEEDS&kind=concern',
        ({ organisation, kind }) => organisation === 'LEEDS' && kind === 'concern',
      ],
      ['bbox=-1,51,1,52', ({ organisation }) => ['GREENWICH', 'LONDON', 'LAMBETH'].includes(organisation)],
      [
        'bbox=-1,51,0,1,52,100',
        ({ organisation }) => ['GREENWICH', 'LONDON', 'LAMBETH'].includes(organisation),
      ],
      ['bbox=179,-20,-179,-10', ({ organisation }) => ['FIJI', 'TAVEUNI', 'LINE'].includes(organisation)],
      ['bbox=179,-20,0,-179,-10,0', ({ organisation }) => ['FIJI', 'TAVEUNI', 'LINE'].includes(organisation)],
      ['bbox=-500,-120,500,120', () => true],
      ['q=hours', ({ text }) => text.includes('hours')],
      [
        'q=hours&bbox=-1,51,1,52&kind=concern',
        ({ text, organisation, kind }) =>
          text.includes('hours') &&
          ['GREENWICH', 'LONDON', 'LAMBETH'].includes(organisation) &&
          kind === 'concern',
      ],
      ['organisationCode=NOWHERE', () => false],
      ['organisationCode=NONE', () => false],
      ['region=Atlantis', () => false],
      ['category=weather', () => false],
    ]
    for (const [query, selects] of queries) {
      const wanted = shown.filter(selects).length
      const { pages, features } = await walk(`${CASES}?limit=9&${query}`)
      t.equal(features.length, wanted, query)
      t.equal(new Set(features.map(({ id }) => id)).size, wanted)
      const matched = pages[0]?.body.numberMatched
      t.ok(matched === undefined || matched === wanted, `${query}: numberMatched is ${matched}`)
    }
    const matchedOf = async (query: string) =>
      (await call({ url: `${CASES}?limit=1&${query}` })).body.numberMatched
    t.equal(await matchedOf('organisation=LEEDS'), await count('organisation=LEEDS'))
    t.equal(await matchedOf('bbox=-100,0,100,60'), undefined, 'of a box it is left out')
    t.equal(await matchedOf('datetime=2026-01-02/..'), undefined)
  })

  await t.test('an organisation is meant with what belongs to it, its code means it alone', async (t) => {
    await publishedCase(harness, { organisation: 'T01' })
    await publishedCase(harness, { organisation: 'T0101' })
    await indexCases(db)
    t.equal(await count('organisation=T01'), 2)
    t.equal(await count('organisationCode=T01'), 1)
    t.equal(await count('organisationCode=t 01'), 1)
    t.equal(await count('organisationCode=OLD1'), 1, 'also by a former code')
    t.equal(await count('organisation=T01&organisationCode=T0101'), 1)
    t.equal(await count('organisation=T02&organisationCode=T0101'), 0)
    t.equal(await count('region=London'), 2)
    const unknown = await call({ url: `${CASES}?organisation=NONE` })
    refused(t, unknown, 400, 'validation_failed', ['query /organisation unknown_organisation'])
  })

  await t.test('a time and an interval, with both ends in it', async (t) => {
    const at = (n: number) => shown[n]?.reportedAt as Date
    const [early, late] = [at(20), at(60)]
    const between = (from: Date | null, to: Date | null) =>
      shown.filter(
        ({ reportedAt }) => (from === null || reportedAt >= from) && (to === null || reportedAt <= to),
      ).length
    const iso = (date: Date) => date.toISOString()
    // The two that were published above are of today.
    const later = (await count(`datetime=${iso(shown.at(-1)?.reportedAt as Date)}/..`)) - 1
    t.equal(later, 2)
    const intervals: [string, number][] = [
      [iso(early), 1],
      [iso(early).replace('.000Z', 'Z'), 1],
      [iso(early).replace('.000Z', '.0004Z'), 0],
      [iso(early).replace('T', 't').replace('.000Z', 'z'), 1],
      [`${iso(early)}/${iso(late)}`, between(early, late)],
      [`${iso(early)}/${iso(early)}`, 1],
      [`${iso(early)}/..`, between(early, null) + later],
      [`${iso(early)}/`, between(early, null) + later],
      [`../${iso(late)}`, between(null, late)],
      [`/${iso(late)}`, between(null, late)],
      ['../..', shown.length + later],
      ['2026-01-02', between(new Date('2026-01-02'), new Date('2026-01-02T23:59:59.999Z'))],
      ['2026-01-02T', between(new Date('2026-01-02'), new Date('2026-01-02T23:59:59.999Z'))],
      ['2026-01-02/2026-01-03', between(new Date('2026-01-02'), new Date('2026-01-03T23:59:59.999Z'))],
      [
        '2026-01-02T01:00:00%2B01:00/2026-01-02T01:00:00-01:00',
        between(new Date('2026-01-02T00:00Z'), new Date('2026-01-02T02:00Z')),
      ],
      ['1900-01-01T00:00:00Z/1999-12-31T23:59:59Z', 0],
    ]
    for (const [interval, wanted] of intervals) t.equal(await count(`datetime=${interval}`), wanted, interval)
    const bad = [
      ...[
        '2026',
        '2026-02-30',
        '2026-13-01',
        '2026-01-02T24:00:00Z',
        '2026-01-02T10:00:00',
        '2026-01-02T10:00Z',
        '..',
      ],
      ...[
        '2026-01-03/2026-01-01',
        '2026-01-01/2026-01-02/2026-01-03',
        '2026-01-02T10:00:00%2B24:00',
        '2026-02-30T00:00:00Z',
      ],
    ]
    for (const interval of bad)
      for (const url of [CASES, ORGANISATIONS])
        refused(t, await call({ url: `${url}?datetime=${interval}` }), 400, 'validation_failed', [
          'query /datetime not_an_interval',
        ])
    for (const interval of ['', 'yesterday'])
      refused(t, await call({ url: `${CASES}?datetime=${interval}` }), 400, 'validation_failed')
  })

  await t.test('what is no filter, and what is no box, is refused', async (t) => {
    for (const url of [CASES, ORGANISATIONS]) {
      for (const query of [
        'colour=blue',
        'bbox-crs=x',
        'reportedFrom=2026-01-01T00:00:00Z',
        'after=abc',
        'kind=poem',
      ])
        refused(t, await call({ url: `${url}?${query}` }), 400, 'validation_failed')
      for (const bbox of ['1,2,3', '1,2,3,4,5', '1,2,3,4,5,6,7', 'a,2,3,4', '1,2,3,NaN', '']) {
        const answer = await call({ url: `${url}?bbox=${bbox}` })
        refused(t, answer, 400, 'validation_failed')
        t.match(fieldsOf(answer)[0], /^query \/bbox/, bbox)
      }
      refused(t, await call({ url: `${url}?bbox=0,52,1,51` }), 400, 'validation_failed', [
        'query /bbox not_a_box',
      ])
      refused(t, await call({ url: `${url}?bbox=0,52,0,1,51,0` }), 400, 'validation_failed', [
        'query /bbox not_a_box',
      ])
    }
    for (const url of ['/ogc', '/ogc/api', '/ogc/conformance', '/ogc/collections', '/ogc/collections/cases'])
      refused(t, await call({ url: `${url}?f=html` }), 400, 'validation_failed', ['query /f unknown_field'])
  })

  await t.test('one case by its reference, also where it has no place', async (t) => {
    const { reference } = await publishedCase(harness, { organisation: 'T01' })
    const { body, headers } = await call({ url: `${CASES}/${reference}` })
    t.match(headers['content-type'], 'application/geo+json')
    t.match(body, {
      type: 'Feature',
      id: reference,
      geometry: { type: 'Point', coordinates: [-0.12, 51.5] },
      properties: { reference, organisationCode: 'T01', url: `${PUBLIC_URL}/v1/cases/${reference}` },
    })
    t.same(
      body.links.map(({ rel, href }: Link) => [rel, href]),
      [
        ['self', `${PUBLIC_URL}${CASES}/${reference}`],
        ['collection', `${OGC}/collections/cases`],
        ['alternate', `${PUBLIC_URL}/v1/cases/${reference}`],
      ],
    )
    const listed = (await walk(`${CASES}?organisation=T01`)).features.find(({ id }) => id === reference)
    const { links: _, ...feature } = body
    t.strictSame(feature, listed, 'as it stands in the list')
    t.same(
      (await call({ url: `${CASES}/${reference.toLowerCase().replaceAll('-', '')}` })).body.id,
      reference,
    )

    const nowhere = await publishedCase(harness, { organisation: 'NOWHERE' })
    t.match((await call({ url: `${CASES}/${nowhere.reference}` })).body, {
      id: nowhere.reference,
      geometry: null,
    })
  })

  await t.test('a case that the public does not read is like an unknown one, for every key', async (t) => {
    const { reference } = await createCase(harness, { organisation: 'T01' })
    const answers = await Promise.all([
      call({ url: `${CASES}/${reference}` }),
      call({ url: `${CASES}/${reference}`, key: keys.case_handler }),
      call({ url: `${CASES}/K7QD-M2XW-9TRB-H` }),
      call({ url: `${CASES}/nothing` }),
    ])
    for (const answer of answers) refused(t, answer, 404, 'not_found')
    t.equal(new Set(answers.map(({ body }) => body.detail)).size, 1)
    t.notOk((await walk(`${CASES}?limit=1000`)).features.some(({ id }) => id === reference))
  })

  await t.test('organisations with their figures', async (t) => {
    const { pages, features } = await walk(`${ORGANISATIONS}?limit=4`)
    t.ok(pages.every(({ body }) => body.numberMatched === features.length))
    t.strictSame(features, (await call({ url: '/v1/organisation-feed?limit=1000' })).body.features)
    t.same(
      (await walk(`${ORGANISATIONS}?kind=site`)).features.map(({ id }) => id),
      ['T0101'],
    )
    t.same(
      (await walk(`${ORGANISATIONS}?bbox=-2,51,2,52&region=London`)).features.map(({ id }) => id).sort(),
      ['T01', 'T0101'],
    )
    t.equal((await call({ url: `${ORGANISATIONS}?datetime=2026-01-01` })).body.numberMatched, features.length)
    const one = (await call({ url: `${ORGANISATIONS}/t 01` })).body
    t.match(one, {
      type: 'Feature',
      id: 'T01',
      geometry: { coordinates: [-0.12, 51.5] },
      properties: { code: 'T01' },
    })
    t.equal(linkOf({ body: one }, 'alternate'), `${PUBLIC_URL}/v1/organisations/T01`)
    t.equal((await call({ url: `${ORGANISATIONS}/OLD1` })).body.id, 'T01', 'also by a former code')
    for (const code of ['NONE', 'NOWHERE', 'T09'])
      refused(t, await call({ url: `${ORGANISATIONS}/${code}` }), 404, 'not_found')
  })

  await t.test('what somebody has is not sent again', async (t) => {
    for (const url of ['/ogc', '/ogc/api', '/ogc/conformance', '/ogc/collections']) {
      const { headers } = await call({ url })
      const again = await call({ url, headers: { 'if-none-match': String(headers.etag) } })
      t.equal(again.status, 304, url)
    }
  })
})

function linkOf(answer: { body: { links: Link[] } } | undefined, rel: string): string | undefined {
  return answer?.body.links.find((link) => link.rel === rel)?.href
}
