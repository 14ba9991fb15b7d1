import t from 'tap'
import type { ClientCaller } from '../../domain/callers.ts'
import { DomainError } from '../../domain/errors.ts'
import { getMapping, type MappingChange, updateMapping } from '../../domain/mapping.ts'
import { type Db, rows } from '../../prisma/client.ts'
import { administrator, ingestStore, pushSource, storedCases, story, take } from './ingest-store.ts'

t.test(
  'words of a source are mapped and unmapped, and each change makes a version and an event',
  async (t) => {
    const { db, admin } = await setting(t)
    const first = await updateMapping(db, admin, 'invented', [tag('  Waiting \n TIMES ', 'delays')], {
      version: 1,
    })
    t.match(first, { version: 2, entries: [{ kind: 'tag', term: 'waiting times', category: 'delays' }] })

    const more: MappingChange = [
      { kind: 'question', term: 'How clean was it?', category: 'cleanliness' },
      { kind: 'service', term: 'Pharmacy', category: 'medicines' },
      tag('Arrival', 'access'),
      tag('waiting times', 'delays'),
    ]
    const second = await updateMapping(db, admin, 'invented', more, { version: 2 })
    t.same(second.entries, [
      { kind: 'tag', term: 'arrival', category: 'access' },
      { kind: 'tag', term: 'waiting times', category: 'delays' },
      { kind: 'question', term: 'how clean was it?', category: 'cleanliness' },
      { kind: 'service', term: 'pharmacy', category: 'medicines' },
    ])
    const third = await updateMapping(
      db,
      admin,
      'invented',
      [tag('arrival', null), tag('WAITING times', 'communication')],
      { version: 3 },
    )
    t.equal(third.version, 4)
    t.match(third.entries[0], { term: 'waiting times', category: 'communication' })
    t.equal(third.entries.length, 3)
    t.same(await getMapping(db, admin, 'invented'), third)
    t.same(await mappingEvents(db), [['tag'], ['tag', 'question', 'service'], ['tag']])
  },
)

t.test('what changes nothing makes no version and no event', async (t) => {
  const { db, admin } = await setting(t)
  await updateMapping(db, admin, 'invented', [tag('Lunch', 'food')], { version: 1 })
  const again = await updateMapping(db, admin, 'invented', [tag('lunch', 'food'), tag('never seen', null)], {
    version: 2,
  })
  t.equal(again.version, 2)
  t.same(await mappingEvents(db), [['tag']])
})

t.test('a change of what has changed meanwhile is refused, and writes nothing', async (t) => {
  const { db, admin } = await setting(t)
  await updateMapping(db, admin, 'invented', [tag('Lunch', 'food')], { version: 1 })
  const stale = await caught(updateMapping(db, admin, 'invented', [tag('Lunch', 'staff')], { version: 1 }))
  t.match(stale, { code: 'version_stale', details: { currentVersion: 2 } })
  t.match((await getMapping(db, admin, 'invented')).entries, [{ category: 'food' }])
})

t.test('all that is wrong with a change is said at once, and nothing of it is written', async (t) => {
  const { db, admin } = await setting(t)
  const wrong = [
    tag('Lunch', 'food'),
    tag('Tea', 'drinks'),
    tag(' LUNCH', 'staff'),
    tag(' \n ', 'food'),
    { kind: 'question', term: 'lunch', category: 'food' } as const,
  ]
  const error = await caught(updateMapping(db, admin, 'invented', wrong, { version: 1 }))
  t.equal(error.code, 'validation_failed')
  t.same(
    error.details.errors?.map(({ pointer, code }) => `${pointer} ${code}`),
    ['/entries/2/term repeated', '/entries/3/term empty', '/entries/1/category unknown_category'],
  )
  t.same((await getMapping(db, admin, 'invented')).entries, [])
})

t.test('stories are sorted by the mapping of their own source, from then on', async (t) => {
  const { db, admin, source } = await setting(t)
  const other = await pushSource(db, { name: 'another' })
  await take(db, source, [story('before', { tags: ['Lunch'] })])
  await updateMapping(db, admin, 'invented', [tag('lunch', 'food')], { version: 1 })
  await take(db, source, [story('after', { tags: ['LUNCH'] })])
  await take(db, source, [story('before', { tags: ['Lunch'] })])
  await take(db, other, [story('elsewhere', { tags: ['Lunch'] })])
  const cases = await storedCases(db)
  t.same(
    ['before', 'after', 'elsewhere'].map((key) => cases[key]?.category),
    ['other', 'food', 'other'],
    'what is there waits until it is normalised again',
  )
})

t.test('a service is mapped by the name that the source gives it, and by ours', async (t) => {
  const { db, admin, source } = await setting(t)
  await updateMapping(
    db,
    admin,
    'invented',
    [
      { kind: 'service', term: 'Heart clinic', category: 'access' },
      { kind: 'service', term: 'Cardiology', category: 'treatment' },
    ],
    { version: 1 },
  )
  await take(db, source, [
    story('theirs', { service: { code: null, name: 'Heart Clinic' } }),
    story('ours', { service: { code: 'SRV0017', name: 'Unit 17' } }),
  ])
  const cases = await storedCases(db)
  t.same([cases.theirs?.category, cases.ours?.category], ['access', 'treatment'])
})

t.test('what means nothing yet is listed, the most frequent first, and nothing is guessed', async (t) => {
  const { db, admin, source } = await setting(t)
  const rating = { answer: 'Yes', value: null, scale: null }
  await take(db, source, [
    story('a', {
      tags: ['Wi-Fi', 'Parking', 'Staff attitude', 'Wi-Fi'],
      ratings: [{ question: 'Was it quiet?', ...rating }],
    }),
    story('b', { tags: ['WI-FI', 'Lunch'], service: { code: null, name: 'Cardiology' } }),
    story('c', { tags: ['Sunday  lunch'], ratings: [{ question: 'Was it QUIET?', ...rating }] }),
    story('gone', { tags: ['Gone'] }),
  ])
  await take(db, source, [
    { raw: '', item: { type: 'deletion', externalId: 'gone', updatedAt: null, warnings: [] } },
  ])
  const { unmapped } = await updateMapping(db, admin, 'invented', [tag('Lunch', 'food')], { version: 1 })
  t.same(unmapped, [
    { kind: 'tag', term: 'wi-fi', cases: 2 },
    { kind: 'question', term: 'was it quiet?', cases: 2 },
    { kind: 'tag', term: 'sunday lunch', cases: 1 },
    { kind: 'service', term: 'cardiology', cases: 1 },
  ])
})

t.test('a source without items follows every mapping at once, one with items waits for it', async (t) => {
  const { db, admin, source } = await setting(t)
  const empty = await updateMapping(db, admin, 'invented', [tag('lunch', 'food')], { version: 1 })
  t.match(empty, { version: 2, normalisedVersion: 2 })
  await take(db, source, [story('a')])
  const full = await updateMapping(db, admin, 'invented', [tag('lunch', 'staff')], { version: 2 })
  t.match(full, { version: 3, normalisedVersion: 2 })
})

type Setting = { db: Db; admin: ClientCaller; source: number }

async function setting(t: Parameters<typeof ingestStore>[0]): Promise<Setting> {
  const db = await ingestStore(t)
  return { db, source: await pushSource(db), admin: await administrator(db) }
}

function tag(term: string, category: string | null): MappingChange[number] {
  return { kind: 'tag', term, category }
}

async function caught(work: Promise<unknown>): Promise<DomainError> {
  const error = await work.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  if (error instanceof DomainError) return error
  throw error
}

async function mappingEvents(db: Db): Promise<string[][]> {
  const found = await rows<{ fields: string[] }>(
    db.pool,
    `select fields from events where type = 'source.mapping_changed' order by id`,
  )
  return found.map(({ fields }) => fields)
}
