import t from 'tap'
import { ingest } from '../../domain/ingest.ts'
import { expireOldItems } from '../../domain/ingest-removals.ts'
import { rows } from '../../prisma/client.ts'
import {
  deletion,
  eventTypes,
  everything,
  ingestStore,
  NOW,
  outcomes,
  pushSource,
  reply,
  storedCases,
  storedResponses,
  story,
  take,
} from './ingest-store.ts'

t.test(
  'I01 a feed imported twice unchanged gives one case each and writes nothing the second time',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    const batch = [
      reply('a-r', 'a'),
      story('a'),
      story('b'),
      story('z', { organisations: [] }),
      deletion('gone'),
    ]
    t.same(await take(db, source, batch), [
      'a-r created',
      'a created',
      'b created',
      'z quarantined',
      'gone deleted',
    ])
    const before = await everything(db)

    const later = new Date(NOW.getTime() + 60_000)
    const { results, counts } = await ingest(db, source, batch, { now: later, readBy: 'pushed' })
    t.same(outcomes({ results }), [
      'a-r unchanged',
      'a unchanged',
      'b unchanged',
      'z quarantined',
      'gone unchanged',
    ])
    t.match(counts, { seen: 5, unchanged: 4, quarantined: 1, created: 0, changed: 0, deleted: 0 })
    t.equal(await everything(db), before)
    t.equal(results[0]?.caseReference, results[1]?.caseReference)
  },
)

t.test('I01 a changed title updates the case in place, and says so once', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a')])
  const before = (await storedCases(db)).a
  t.same(await take(db, source, [story('a', { title: 'Very kind staff' })]), ['a changed'])
  const after = (await storedCases(db)).a
  t.match(after, {
    id: before?.id,
    reference: before?.reference,
    moderatedTitle: 'Very kind staff',
    version: 2,
  })
  t.same(await eventTypes(db), ['case.created', 'case.published', 'case.changed'])
  const [event] = await rows<{ fields: string[] }>(
    db.pool,
    `select fields from events where type = 'case.changed'`,
  )
  t.same(event?.fields, ['title'])
})

t.test(
  'I02 a deletion of a known and of an unknown id: the known one is gone, and neither comes back',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    await take(db, source, [story('a'), reply('a-r', 'a'), story('b')])
    t.same(await take(db, source, [deletion('a'), deletion('never-seen')]), [
      'a deleted',
      'never-seen deleted',
    ])

    const cases = await storedCases(db)
    t.equal(cases.a?.publication, 'removed')
    t.equal(cases.b?.publication, 'published')
    t.match(await storedResponses(db), [{ key: 'a-r', publication: 'removed' }])
    t.same((await eventTypes(db)).slice(-2), ['case.removed_by_source', 'response.removed_by_source'])
    const kept = await rows(db.pool, `select 1 from items where state = 'deleted' and raw_sealed is not null`)
    t.equal(kept.length, 0, 'a tombstone has no text')

    const before = await everything(db)
    t.same(await take(db, source, [story('a'), story('never-seen'), reply('a-r', 'a', { text: 'Other' })]), [
      'a ignored',
      'never-seen ignored',
      'a-r ignored',
    ])
    t.equal(await everything(db), before)
    t.same(await take(db, source, [reply('late', 'a')]), ['late ignored'])
  },
)

t.test('a deletion and its story in one batch: the deletion wins, in whatever order', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  t.same(await take(db, source, [deletion('a'), story('a'), story('b'), deletion('b')]), [
    'a deleted',
    'a deleted',
    'b deleted',
    'b deleted',
  ])
  t.same(await storedCases(db), {})
})

t.test('I03 an entry 730 days old is not stored, and an existing copy is removed', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db, { maxAgeDays: 730 })
  const day = 86_400_000
  const aged = (days: number, extra = 0) => new Date(NOW.getTime() - days * day + extra).toISOString()
  t.same(
    await take(db, source, [
      story('exactly', { publishedAt: aged(730) }),
      story('nearly', { publishedAt: aged(730, 1_000) }),
      story('young'),
    ]),
    ['exactly expired', 'nearly created', 'young created'],
  )
  t.same(Object.keys(await storedCases(db)), ['nearly', 'young'])

  const nextDay = new Date(NOW.getTime() + day)
  t.same(await take(db, source, [story('nearly', { publishedAt: aged(730, 1_000) })], nextDay), [
    'nearly expired',
  ])
  t.equal((await storedCases(db)).nearly?.publication, 'removed')
  const [event] = await rows(db.pool, `select reason from events where type = 'case.removed_by_source'`)
  t.same(event, { reason: 'expired' })
})

t.test('I03 the purge does the same by age, and only once', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db, { maxAgeDays: 730 })
  await take(db, source, [
    story('old', { publishedAt: '2024-11-30T00:00:00.000Z' }),
    reply('old-r', 'old'),
    story('young'),
    reply('waiting', 'never-comes'),
  ])
  const later = new Date('2026-12-01T00:00:00.000Z')
  t.equal(await expireOldItems(db, source, later), 1)
  t.equal(await expireOldItems(db, source, later), 0)
  t.match(await storedCases(db), { old: { publication: 'removed' }, young: { publication: 'published' } })
  t.match(await storedResponses(db), [{ key: 'old-r', publication: 'removed' }])
})

t.test(
  'the purge goes by the second, takes what has waited too long, and leaves other sources alone',
  async (t) => {
    const db = await ingestStore(t)
    const [one, two] = [await pushSource(db, { maxAgeDays: 730 }), await pushSource(db, { name: 'other' })]
    const at = (publishedAt: string) => ({ publishedAt })
    await take(db, one, [
      story('before', at('2024-11-30T23:59:59.999Z')),
      story('exactly', at('2024-12-01T00:00:00.500Z')),
      story('same second', at('2024-12-01T00:00:00.501Z')),
      story('after', at('2024-12-01T00:00:01.000Z')),
      reply('after-r', 'after', at('2024-12-01T00:00:01.000Z')),
    ])
    await take(db, two, [story('elsewhere', at('2020-01-01T00:00:00.000Z'))])
    const parked = new Date('2024-12-01T00:00:00.000Z')
    await take(db, one, [reply('waiting', 'never-comes', at('2024-11-30T00:00:00.000Z'))], parked)

    const later = new Date('2026-12-01T00:00:00.500Z')
    t.equal(await expireOldItems(db, one, later), 3)
    t.equal(await expireOldItems(db, one, later), 0)
    const gone = await rows(
      db.pool,
      `select external_id as key from items where state = 'deleted' order by 1`,
    )
    t.same(gone, [{ key: 'before' }, { key: 'exactly' }, { key: 'waiting' }])
  },
)

t.test('an older version of an item changes nothing, whenever it comes', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  const at = (day: number) => `2026-11-0${day}T00:00:00.000Z`
  await take(db, source, [
    story('a', { text: 'newer', updatedAt: at(3) }),
    reply('r', 'a', { text: 'newer', updatedAt: at(3) }),
    reply('waiting', 'late', { text: 'newer', updatedAt: at(3) }),
  ])
  const before = await everything(db)
  const older = [
    story('a', { text: 'older', updatedAt: at(2) }),
    reply('r', 'a', { text: 'older', updatedAt: at(2) }),
    reply('waiting', 'late', { text: 'older', updatedAt: at(2) }),
    reply('a', 'late', { updatedAt: at(2) }),
  ]
  for (const entry of older) {
    t.match(await take(db, source, [entry]), [/ unchanged$/])
    t.equal(await everything(db), before)
  }

  t.same(await take(db, source, [story('a', { text: 'undated' })]), ['a changed'])
  t.same(await take(db, source, [story('a', { text: 'older', updatedAt: at(2) })]), ['a unchanged'])
  t.same(await take(db, source, [story('a', { text: 'newest', updatedAt: at(4) })]), ['a changed'])
  t.match(await storedCases(db), { a: { moderatedText: 'newest' } })
  t.same(
    await take(db, source, [deletion('a', { updatedAt: at(1) })]),
    ['a deleted'],
    'a deletion always wins',
  )
})

t.test('an item that says it was changed in the future can be corrected later', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a', { updatedAt: '2099-01-01T00:00:00.000Z' })])
  const later = new Date(NOW.getTime() + 3_600_000)
  const corrected = story('a', { text: 'Corrected.', updatedAt: later.toISOString() })
  t.same(await take(db, source, [corrected], later), ['a changed'])
})

t.test('I04 a comment on a surgery with two branches is one case, at the surgery', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [
    story('surgery', { organisations: [{ scheme: 'ods', code: 'G1' }] }),
    story('branch', { organisations: [{ scheme: 'ods', code: 'G1001' }] }),
  ])
  t.match(await storedCases(db), { surgery: { organisationId: 3 }, branch: { organisationId: 4 } })
  t.equal((await rows(db.pool, 'select 1 from cases')).length, 2)
})

t.test(
  'I05 an unknown organisation and a malformed entry are set aside with their reason, the others stored',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    const { results, counts } = await ingest(
      db,
      source,
      [
        story('unknown', {
          organisations: [
            { scheme: 'ods', code: 'ZZ9' },
            { scheme: 'source', code: 'hospitals/5' },
          ],
        }),
        { raw: '<entry>', problem: 'no id', place: 'entry 2', externalId: null },
        story('good'),
      ],
      { now: NOW, readBy: 'pushed' },
    )
    t.match(counts, { seen: 3, created: 1, quarantined: 2 })
    t.match(results, [
      { outcome: 'quarantined', reason: 'organisation_unknown', detail: /ods ZZ9, source hospitals\/5/ },
      { outcome: 'quarantined', reason: 'malformed', detail: 'no id' },
      { outcome: 'created' },
    ])
    const aside = await rows<{ rawSealed: string; fingerprint: Buffer }>(
      db.pool,
      `select raw_sealed as "rawSealed", fingerprint from quarantined_items where external_id is null`,
    )
    const [{ rawSealed, fingerprint } = { rawSealed: '', fingerprint: Buffer.alloc(0) }] = aside
    t.equal(
      db.vault.open(`quarantined_items.raw:${source}:${fingerprint.toString('hex')}`, rawSealed),
      '<entry>',
    )

    await rows(db.pool, `insert into organisation_external_ids values ('invented', 'hospitals/5', 2)`)
    t.same(
      await take(db, source, [
        story('unknown', {
          organisations: [
            { scheme: 'ods', code: 'ZZ9' },
            { scheme: 'source', code: 'hospitals/5' },
          ],
        }),
      ]),
      ['unknown created'],
    )
    t.equal((await rows(db.pool, `select 1 from quarantined_items where external_id = 'unknown'`)).length, 0)
  },
)

t.test('I07 the same id from two posting organisations is two cases', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  t.same(await take(db, source, [story('0:900105'), story('15:900105')]), [
    '0:900105 created',
    '15:900105 created',
  ])
  t.equal(Object.keys(await storedCases(db)).length, 2)
})

t.test('I08 ratings are kept verbatim, with and without a Friends and Family question', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  const friends = { question: 'Friends and Family', answer: 'Likely', value: 4, scale: null }
  const clean = {
    question: 'How clean was it?',
    answer: 'clean',
    value: 3,
    scale: { min: 1, max: 5, best: 'max' } as const,
  }
  await take(db, source, [
    story('with', { ratings: [clean, friends] }),
    story('without', { ratings: [clean] }),
  ])
  const cases = await storedCases(db)
  t.same(cases.with?.ratings, [clean, friends])
  t.same(cases.without?.ratings, [clean])
})

t.test("an organisation is found by its code in any form, a former one, or the source's own", async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [
    story('typed', { organisations: [{ scheme: 'ods', code: ' rx1-01 ' }] }),
    story('former', { organisations: [{ scheme: 'ods', code: 'old1' }] }),
    story('own', { organisations: [{ scheme: 'source', code: 'hospitals/77' }] }),
    story('second', {
      organisations: [
        { scheme: 'source', code: 'nobody' },
        { scheme: 'ods', code: 'G1' },
      ],
    }),
    story('closed', { organisations: [{ scheme: 'ods', code: 'RX9' }] }),
  ])
  t.match(await storedCases(db), {
    typed: { organisationId: 2, latitude: 51.5 },
    former: { organisationId: 1, latitude: 51.5 },
    own: { organisationId: 1 },
    second: { organisationId: 3 },
    closed: { organisationId: 6, latitude: null },
  })
})

t.test(
  'a source about one organisation needs no code, but a code that nobody knows is not taken for it',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db, { settings: { organisation: { scheme: 'ods', code: 'RX1' } } })
    t.same(
      await take(db, source, [
        story('silent', { organisations: [] }),
        story('other', { organisations: [{ scheme: 'ods', code: 'ZZ9' }] }),
      ]),
      ['silent created', 'other quarantined'],
    )
  },
)

t.test('tags choose the category, the service is found within the organisation', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [
    story('label', {
      tags: ['A tag of theirs', 'staff ATTITUDE'],
      service: { code: 'srv0017', name: 'Heart' },
    }),
    story('none', { tags: ['A tag of theirs'], service: { code: null, name: 'cardiology' } }),
    story('elsewhere', {
      organisations: [{ scheme: 'ods', code: 'G1' }],
      service: { code: 'SRV0017', name: 'Cardiology' },
    }),
  ])
  t.match(await storedCases(db), {
    label: { category: 'staff', serviceId: Number },
    none: { category: 'other', serviceId: Number },
    elsewhere: { serviceId: null },
  })
})

t.test(
  'the key of a case follows its publication, not its import, and what is dated ahead counts from now',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    await take(db, source, [
      story('undated', { publishedAt: null }),
      story('ahead', { publishedAt: '2031-01-01T00:00:00.000Z' }),
      story('old', { publishedAt: '2011-05-01T00:00:00.000Z' }),
    ])
    const cases = await storedCases(db)
    t.equal(cases.undated?.reportedAt, NOW.toISOString())
    t.equal(cases.ahead?.reportedAt, NOW.toISOString())
    t.ok((cases.old?.id ?? 0) < (cases.undated?.id ?? 0))
    const id = cases.old?.id
    await take(db, source, [story('old', { publishedAt: '2026-01-01T00:00:00.000Z', text: 'New words' })])
    t.match((await storedCases(db)).old, { id, reportedAt: '2011-05-01T00:00:00.000Z' })
  },
)
