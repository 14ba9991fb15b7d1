import t from 'tap'
import type { OwnCaseFilter } from '../../domain/case-filter.ts'
import { indexCases, indexPlaced } from '../../domain/case-index.ts'
import { placeEvents } from '../../domain/change-log.ts'
import { findClient } from '../../domain/clients.ts'
import { type LogLine, type LogReader, readLine, readLog } from '../../domain/log-lines.ts'
import { createCase, type Harness, type Keys, publishedCase, staff, startHarness } from '../api/harness.ts'
import { type MadeCase, makeCases } from '../api/made-cases.ts'

type Wanted = { filter?: OwnCaseFilter; types?: string[]; after?: number; limit?: number; window?: number }

const CASE: MadeCase = {
  organisation: 'T01',
  kind: 'concern',
  category: 'delays',
  status: 'open',
  publication: 'published',
  privacy: 'anonymous',
  language: null,
  title: null,
  text: 'They waited for hours. (Invented.)',
  response: null,
  reportedAt: new Date('2026-11-01T09:00:00Z'),
}

function logOf(harness: Harness) {
  const { call, db, keys } = harness
  const page = (reader: LogReader, { filter = {}, after = 0, limit = 10_000, ...wanted }: Wanted = {}) =>
    readLog(db, reader, { filter, after, limit, now: new Date(), ...wanted })
  const end = async () => (await page({ view: 'public' }, { after: 10 ** 9 })).end
  const readerOf = async (key: string): Promise<LogReader> => {
    const client = await findClient(db, key)
    if (client === null) throw new Error('no such key')
    return { view: 'mine', client }
  }
  const versionOf = async (reference: string): Promise<number> =>
    (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body.version
  const act = async (
    reference: string,
    path: string,
    body: object,
    { key = keys.case_handler, method = 'POST' as 'POST' | 'PATCH', headers = {} } = {},
  ) => {
    const url = `/v1/cases/${reference}${path === '' ? '' : `/${path}`}`
    const answer = await call({
      method,
      url,
      key,
      body,
      headers: { ...staff(await versionOf(reference)), ...headers },
    })
    if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`)
    return answer.body
  }
  const byReporter = async (reference: string, receipt: string, path: string, body: object) => {
    const url = `/v1/cases/${reference}/${path}`
    const answer = await call({ method: 'POST', url, body, headers: { 'case-receipt': receipt } })
    if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`)
  }
  /** What the public hears of some work, once it is placed. */
  const heardOf = async (work: () => Promise<unknown>, wanted: Wanted = {}): Promise<LogLine[]> => {
    await placeEvents(db)
    const after = await end()
    await work()
    await placeEvents(db)
    return (await page({ view: 'public' }, { after, ...wanted })).lines
  }
  return { ...harness, page, end, readerOf, act, byReporter, heardOf }
}

const publish = {
  action: 'publish',
  reason: 'fit_to_publish',
  commissioned: 'locally',
  moderatedText: 'They waited for hours. (Invented.)',
}
const told = (lines: readonly LogLine[]) => lines.map(({ type, fields }) => [type, ...fields].join(' '))

t.test('what the public hears', async (t) => {
  const { call, db, keys, act, byReporter, heardOf, page, ...harness } = logOf(await startHarness(t))
  const made = (changes = {}) => publishedCase({ call, db, keys, ...harness }, changes)

  await t.test('of a case that comes and leaves in every way', async (t) => {
    const unheard = await createCase({ call, db, keys, ...harness })
    t.same(told(await heardOf(async () => undefined)), [])
    t.same(told(await heardOf(() => act(unheard.reference, 'decisions', publish))), ['case.published'])

    const leaves: Array<
      [how: string, leave: (one: { reference: string; receipt: string }) => Promise<unknown>]
    > = [
      ['removed', ({ reference }) => act(reference, 'decisions', { action: 'remove', reason: 'vexatious' })],
      [
        'kept private',
        ({ reference }) =>
          act(reference, 'decisions', {
            ...publish,
            action: 'keep_private',
            reason: 'identifies_somebody',
            moderatedText: undefined,
          }),
      ],
      [
        'withdrawn',
        ({ reference, receipt }) => byReporter(reference, receipt, 'withdrawals', { what: 'case' }),
      ],
      [
        'its consent withdrawn',
        ({ reference, receipt }) => byReporter(reference, receipt, 'withdrawals', { what: 'publication' }),
      ],
      [
        'hidden',
        ({ reference }) =>
          call({ method: 'POST', url: `/v1/cases/${reference}/reports`, body: { reason: 'personal_data' } }),
      ],
    ]
    for (const [how, leave] of leaves) {
      const one = await made()
      const lines = await heardOf(() => leave(one))
      t.match(
        lines,
        [{ type: 'case.removed', reference: one.reference, fields: [], reason: null, gone: true }],
        how,
      )
      t.equal(lines.length, 1, how)
    }
  })

  await t.test('of one that is hidden and shown again', async (t) => {
    const { reference } = await made()
    await heardOf(() =>
      call({ method: 'POST', url: `/v1/cases/${reference}/reports`, body: { reason: 'personal_data' } }),
    )
    t.same(told(await heardOf(() => act(reference, 'decisions', publish))), ['case.published'])
  })

  await t.test('of one that its source takes back', async (t) => {
    const push = async (items: object[]) => {
      const answer = await call({
        method: 'POST',
        url: '/v1/sources/pushed/items',
        key: keys.feed_provider,
        body: { items },
      })
      if (answer.status !== 200) throw new Error(answer.text)
      return answer.body.items[0].reference as string
    }
    const story = { type: 'story', externalId: 'a', organisation: 'T01', text: 'Kind. (Invented.)' }
    const reference = await push([story])
    t.match(
      await heardOf(() => act(reference, 'decisions', { ...publish, moderatedText: 'Kind. (Invented.)' })),
      [{ type: 'case.published', source: 'pushed' }],
    )
    t.same(told(await heardOf(() => push([{ type: 'deletion', externalId: 'a' }]))), ['case.removed'])
  })

  await t.test('of changes: the fields that it sees, and nothing of what is internal', async (t) => {
    const { reference } = await made({ privacy: 'named' })
    const patch = (body: object) => heardOf(() => act(reference, '', body, { method: 'PATCH' }))
    t.same(told(await patch({ status: 'in_progress' })), ['case.changed status'])
    t.same(told(await patch({ assignee: 'somebody' })), [])
    t.same(told(await patch({ breach: true })), [])
    t.same(told(await patch({ priority: 'high' })), [])
    t.same(told(await patch({ category: 'cleanliness', assignee: null })), ['case.changed category'])
    for (const [path, body] of [
      ['notes', { text: 'A note. (Invented.)' }],
      ['messages', { text: 'When was it? (Invented.)' }],
      ['claims', {}],
      ['receipts', {}],
    ] as const)
      t.same(told(await heardOf(() => act(reference, path, body))), [], path)
    t.same(told(await heardOf(() => act(reference, 'decisions', { ...publish, privacy: 'anonymous' }))), [
      'case.changed authorName',
      'case.changed authorName',
    ])
    t.same(
      told(
        await heardOf(() =>
          act(reference, 'decisions', { ...publish, moderatedText: 'They waited. (Invented.)' }),
        ),
      ),
      ['case.changed text'],
    )
  })

  await t.test('of answers, published with their making or later, edited and removed', async (t) => {
    const { reference } = await made()
    const answer = async (body: object) =>
      (await act(reference, 'responses', { text: 'Sorry. (Invented.)', ...body }, { key: keys.provider }))
        .response ?? undefined
    let lines = await heardOf(() => answer({ status: 'resolved' }))
    t.same(told(lines).sort(), ['case.changed status', 'response.published responses'])
    const { items } = (await call({ url: `/v1/cases/${reference}/responses` })).body
    const decide = (body: object) => act(reference, `responses/${items[0].reference}/decisions`, body)
    lines = await heardOf(() =>
      decide({ action: 'publish', reason: 'fit_to_publish', text: 'Very sorry. (Invented.)' }),
    )
    t.same(told(lines), ['response.changed responses'])
    lines = await heardOf(() => decide({ action: 'remove', reason: 'vexatious' }))
    t.same(told(lines), ['response.removed responses'])
    await call({
      method: 'PATCH',
      url: '/v1/organisations/T01/settings',
      key: keys.administrator,
      headers: {
        'acting-user': 'person-1',
        'if-match': (await call({ url: '/v1/organisations/T01/settings', key: keys.administrator })).headers
          .etag as string,
      },
      body: { responseModeration: 'before' },
    })
    t.same(told(await heardOf(() => answer({}))), [], 'nobody has moderated it')
    t.same((await page({ view: 'public' }, { types: ['response.removed'] })).lines.length, 1)
  })

  await t.test('of a case that moves: where it went, to both', async (t) => {
    const { reference } = await made({ organisation: 'T01' })
    const lines = await heardOf(() => act(reference, 'referrals', { organisation: 'T02' }))
    t.same(told(lines), ['case.changed organisation'])
    t.match(lines, [{ organisation: 'T02' }])
    const after = (lines[0]?.position as number) - 1
    const of = async (organisation: string) =>
      (await page({ view: 'public' }, { after, filter: { organisation: [organisation] } })).lines.map(
        ({ gone }) => gone,
      )
    t.same([await of('T01'), await of('T02')], [[true], [false]])
  })

  await t.test('of several events in one step once that it came, or nothing if it went', async (t) => {
    let reference = ''
    const both = await heardOf(async () => {
      ;({ reference } = await made())
      await act(reference, '', { status: 'in_progress' }, { method: 'PATCH' })
    })
    t.match(both, [{ type: 'case.published', reference }])
    t.equal(both.length, 1)
    const gone = await heardOf(async () => {
      ;({ reference } = await made())
      await act(reference, 'decisions', { action: 'remove', reason: 'vexatious' })
    })
    t.same(gone, [], 'it was never there')
  })

  await t.test('of an erased case that it is gone', async (t) => {
    const [reference] = await makeCases(db, [CASE])
    await placeEvents(db)
    const lines = await heardOf(() =>
      db.pool.query(
        `with gone as (delete from cases where reference = $1 returning id, reference)
         insert into events (type, case_id, case_reference) select 'case.removed', id, reference from gone`,
        [reference],
      ),
    )
    t.match(lines, [{ type: 'case.removed', reference, organisation: 'T01', gone: true }])
  })
})

t.test('what is selected', async (t) => {
  const { db, page, end, readerOf, keys, act, ...harness } = logOf(await startHarness(t))
  const publicLog = { view: 'public' } as const
  const kinds = ['concern', 'feedback'] as const
  const references = await makeCases(
    db,
    Array.from({ length: 40 }, (_, n) => ({
      ...CASE,
      organisation: ['T01', 'T0101', 'T02'][n % 3] as string,
      kind: kinds[n % 2] as 'concern',
      category: n % 5 === 0 ? 'cleanliness' : 'delays',
      status: n % 4 === 0 ? 'resolved' : 'open',
      text: n % 7 === 0 ? 'There was no ramp. (Invented.)' : CASE.text,
      reportedAt: new Date(CASE.reportedAt.getTime() + n * 60_000),
    })),
  )
  await indexCases(db)

  await t.test(
    'the same as the list selects, by every filter, in windows and pages of any size',
    async (t) => {
      const filters: Array<[query: string, filter: OwnCaseFilter]> = [
        ['', {}],
        ['organisation=T01', { organisation: ['T01'] }],
        ['organisation=T0101', { organisation: ['T0101'] }],
        ['region=North', { region: ['North'] }],
        ['kind=feedback', { kind: ['feedback'] }],
        ['category=cleanliness', { category: ['cleanliness'] }],
        ['status=open&kind=concern', { status: ['open'], kind: ['concern'] }],
        ['bbox=-1,51,1,52', { bbox: [-1, 51, 1, 52] }],
        ['near=-1.61,54.97&radius=10', { near: [-1.61, 54.97], radius: 10 }],
        ['q=ramp', { q: 'ramp' }],
        ['reportedFrom=2026-11-01T09:20:00Z', { reportedFrom: '2026-11-01T09:20:00Z' }],
        ['source=pushed', { source: ['pushed'] }],
      ]
      for (const [query, filter] of filters) {
        const { body } = await harness.call({ url: `/v1/cases?limit=100&${query}` })
        const listed = body.items.map((item: { reference: string }) => item.reference).sort()
        for (const [limit, window] of [
          [1_000, 5_000],
          [3, 7],
          [1, 1],
        ] as const) {
          const heard: string[] = []
          for (let after = 0, more = true; more; ) {
            const found = await page(publicLog, { filter, after, limit, window })
            t.ok(found.lines.length <= limit && (found.next > after || !found.more))
            heard.push(...found.lines.map(({ reference }) => reference as string))
            ;({ next: after, more } = found)
          }
          t.same(heard.sort(), listed, `${query} in windows of ${window}`)
        }
      }
      t.equal(references.length, 40)
    },
  )

  await t.test('what leaves the selection is told as gone, once', async (t) => {
    const one = await publishedCase({ ...harness, db, keys })
    await indexCases(db)
    const start = await end()
    await act(one.reference, '', { status: 'in_progress' }, { method: 'PATCH' })
    await act(one.reference, '', { status: 'resolved' }, { method: 'PATCH' })
    await indexCases(db)
    await act(one.reference, '', { category: 'cleanliness' }, { method: 'PATCH' })
    await indexCases(db)
    const of = async (filter: OwnCaseFilter) =>
      (await page(publicLog, { after: start, filter })).lines.map(({ gone }) => gone)
    t.same(await of({}), [false, false, false])
    t.same(await of({ status: ['open'] }), [true])
    t.same(await of({ status: ['resolved'] }), [false, false, false])
    t.same(await of({ category: ['delays'] }), [false, false, true])
    t.same(await of({ status: ['open'], category: ['cleanliness'] }), [])
  })

  await t.test('words are not missed when the index is behind: the log ends where it does', async (t) => {
    const start = await end()
    await makeCases(db, [{ ...CASE, text: 'Another ramp was missing. (Invented.)' }])
    await placeEvents(db)
    const before = await page(publicLog, { after: start, filter: { q: 'ramp' } })
    t.match(before, { lines: [], next: start, more: false, end: start + 1 })
    t.equal((await page(publicLog, { after: start })).next, start + 1)
    await indexPlaced(db)
    const then = await page(publicLog, { after: before.next, filter: { q: 'ramp' } })
    t.equal(then.lines.length, 1)
    t.equal(then.next, start + 1)
  })

  await t.test('one line by its position, if it is the reader’s', async (t) => {
    const { lines } = await page(publicLog, { limit: 1 })
    const position = lines[0]?.position as number
    t.same(await readLine(db, publicLog, position, new Date()), lines[0])
    t.equal(await readLine(db, publicLog, (await end()) + 1, new Date()), undefined)
    t.equal(await readLine(db, await readerOf(keys.supplier), position, new Date()), undefined)
  })

  await t.test('a page of everything is read off the key', async (t) => {
    const { rows } = await db.pool.query<{ 'QUERY PLAN': string }>(
      `explain select * from public_events l where l.position > 5 and l.position <= (select placed from log_state) order by l.position limit 101`,
    )
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    t.match(plan, 'Index Scan using public_events_pkey')
    t.notMatch(plan, /Sort|Seq Scan on public_events/)
  })
})

t.test('what each key hears of', async (t) => {
  const { call, db, keys, page, readerOf, act, end, ...harness } = logOf(await startHarness(t))
  const whole = { call, db, keys, ...harness }
  const cases = {
    public: await publishedCase(whole),
    site: await createCase(whole, { organisation: 'T0101' }),
    elsewhere: await createCase(whole, { organisation: 'T02' }),
    question: await createCase(whole, { kind: 'question' }),
    passedOn: await createCase(whole, { kind: 'question' }),
    referred: await createCase(whole),
    secondTier: await createCase(whole),
    decidedThere: await createCase(whole),
  }
  await act(cases.passedOn.reference, '', { passedOn: true }, { method: 'PATCH' })
  await act(cases.referred.reference, 'referrals', { organisation: 'T02' })
  const refer = { action: 'refer', reason: 'second_opinion', commissioned: 'locally' }
  for (const { reference } of [cases.secondTier, cases.decidedThere]) await act(reference, 'decisions', refer)
  await placeEvents(db)
  const start = await end()
  const related = async (key: string, wanted: Wanted = {}) => {
    const { lines } = await page(await readerOf(key), wanted)
    return new Set(lines.filter(({ gone }) => !gone).map(({ reference }) => reference))
  }

  await t.test('of the cases that it reads in full, and of no others', async (t) => {
    const roles = Object.keys(keys).filter((role) => role !== 'form') as (keyof Keys)[]
    for (const role of roles) {
      const heard = await related(keys[role])
      for (const [name, { reference }] of Object.entries(cases)) {
        const { status, body } = await call({ url: `/v1/cases/${reference}`, key: keys[role] })
        const inFull = status === 200 && ['staff', 'own'].includes(body.view)
        t.equal(heard.has(reference), inFull, `${role} ${name}`)
      }
    }
  })

  await t.test('of one that has left it that it is gone, and nothing more', async (t) => {
    const { reference } = cases.site
    await act(reference, '', { organisation: 'T02' }, { method: 'PATCH' })
    await act(reference, 'notes', { text: 'Not for them. (Invented.)' })
    await act(cases.passedOn.reference, '', { passedOn: false }, { method: 'PATCH' })
    await act(cases.question.reference, '', { organisation: 'T02' }, { method: 'PATCH' })
    await placeEvents(db)
    const gone = async (key: string) =>
      (await page(await readerOf(key), { after: start })).lines.filter((line) => line.gone)
    const commissioner = await gone(keys.commissioner)
    t.match(commissioner, [
      { type: 'case.changed', reference, organisation: null, fields: [], reason: null },
      {
        type: 'case.changed',
        reference: cases.passedOn.reference,
        organisation: null,
        fields: [],
        reason: null,
      },
    ])
    t.equal(commissioner.length, 2)
    const provider = (await gone(keys.provider)).map((line) => line.reference)
    t.notOk(provider.includes(cases.question.reference), 'it never knew of it')
    t.ok(provider.includes(cases.passedOn.reference))
  })

  await t.test('of a referral that the second tier has decided that it is gone', async (t) => {
    const { reference } = cases.decidedThere
    const after = await end()
    await act(
      reference,
      'decisions',
      { ...publish, commissioned: undefined },
      { key: keys.second_tier, headers: { 'acting-user': 'person-2' } },
    )
    await act(reference, 'notes', { text: 'Not for them. (Invented.)' })
    await placeEvents(db)
    const { lines } = await page(await readerOf(keys.second_tier), { after })
    t.match(lines, [{ type: 'case.published', reference, gone: true, fields: [], organisation: null }])
    t.equal(lines.length, 1)
  })

  await t.test('an integrator of what its view of its cases has', async (t) => {
    const { reference } = cases.public
    const after = await end()
    await act(reference, 'notes', { text: 'Internal. (Invented.)' })
    await act(reference, '', { assignee: 'somebody', status: 'in_progress' }, { method: 'PATCH' })
    await act(reference, 'responses', { text: 'Sorry. (Invented.)' })
    await placeEvents(db)
    const { lines } = await page(await readerOf(keys.integrator), { after })
    t.same(told(lines), ['case.changed', 'case.status_changed status', 'response.published responses'])
    t.ok(lines.every(({ reason }) => reason === null))
    const other = await harness.addClient({ name: 'another app', role: 'integrator' })
    t.same((await page(await readerOf(other))).lines, [])
  })

  await t.test('with a filter of its own, what leaves it is gone', async (t) => {
    const { reference } = cases.public
    const after = await end()
    await act(reference, '', { assignee: 'other' }, { method: 'PATCH' })
    await placeEvents(db)
    const of = async (filter: OwnCaseFilter) =>
      (await page(await readerOf(keys.case_handler), { after, filter })).lines.map(({ gone }) => gone)
    t.same(await of({ assignee: 'other' }), [false])
    t.same(await of({ assignee: 'somebody' }), [true])
    t.same(await of({ publication: ['published'] }), [false])
  })

  await t.test('of an erased case a tombstone, to those who knew of it', async (t) => {
    const [reference] = await makeCases(db, [{ ...CASE, organisation: 'T02' }])
    await db.pool.query('delete from cases where reference = $1', [reference])
    await placeEvents(db)
    for (const [role, knew] of [
      ['other_provider', true],
      ['other_commissioner', false],
      ['case_handler', true],
      ['integrator', false],
      ['provider', false],
      ['supplier', false],
    ] as const) {
      const { lines } = await page(await readerOf(keys[role]))
      const about = lines.filter((line) => line.reference === reference)
      t.same(
        about.map(({ gone, organisation, fields }) => [gone, organisation, fields.length]),
        knew ? [[true, null, 0]] : [],
        role,
      )
    }
  })
})
