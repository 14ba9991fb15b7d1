import t from 'tap'
import { feed } from '../../connectors/feed.ts'
import { cancelRun } from '../../domain/asked-runs.ts'
import type { Entry } from '../../domain/items.ts'
import { getMapping } from '../../domain/mapping.ts'
import { type Db, rows } from '../../prisma/client.ts'
import { decideByHand, storedCases, storedResponses } from '../domain/ingest-store.ts'
import {
  ask,
  dump,
  mapTags,
  type NormaliseSetting,
  normalised,
  normaliseSetting,
  push,
  pushed,
  SETTINGS,
  told,
  watched,
  work,
} from './normalise-setting.ts'
import { rss } from './poll-setting.ts'

t.test('cases follow a new mapping, only those that come out differently, each with its event', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source, admin } = setting
  await push(db, source, [
    pushed({ externalId: 'lunch', tags: ['Lunch'] }),
    pushed({ externalId: 'parking', tags: ['Parking'] }),
    pushed({ externalId: 'plain' }),
    pushed({ externalId: 'answer', type: 'reply', inReplyTo: 'lunch', text: 'Thank you. (Invented.)' }),
    pushed({ externalId: 'early', type: 'reply', inReplyTo: 'never', text: 'Thank you. (Invented.)' }),
  ])
  await mapTags(setting, { lunch: 'food' })
  const before = await storedCases(db)
  const { run, results } = await normalised(setting)
  t.match(run, {
    kind: 'normalise',
    state: 'succeeded',
    outcome: 'normalised',
    total: 5,
    seen: 5,
    changed: 1,
    unchanged: 4,
    created: 0,
    quarantined: 0,
    parked: 0,
  })
  t.same(results, [
    {
      number: 1,
      externalId: 'lunch',
      outcome: 'changed',
      caseReference: before.lunch?.reference,
      fields: ['category'],
      reason: null,
      detail: null,
    },
  ])
  const after = await storedCases(db)
  t.match(after.lunch, { category: 'food', version: (before.lunch?.version as number) + 1 })
  t.same([after.parking, after.plain], [before.parking, before.plain])
  t.same(await changedEvents(db), [{ reference: before.lunch?.reference, fields: ['category'] }])
  t.match(await getMapping(db, admin, 'invented'), { version: 2, normalisedVersion: 2 })
})

t.test('a second normalisation finds nothing to do, and writes nothing but its run', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source } = setting
  await push(db, source, [pushed({ externalId: 'a', tags: ['Lunch'] }), pushed({ externalId: 'b' })])
  await mapTags(setting, { lunch: 'food' })
  await normalised(setting)
  const before = await dump(db)
  const { run, results } = await normalised(setting)
  t.match(run, { state: 'succeeded', seen: 2, changed: 0, unchanged: 2 })
  t.same(results, [])
  t.equal(await dump(db), before)
})

t.test('a dry run tells each case that would change, and leaves every table as it was', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source, admin } = setting
  await push(db, source, [
    pushed({ externalId: 'a', tags: ['Lunch'] }),
    pushed({ externalId: 'b', tags: ['Wi-Fi'] }),
    pushed({ externalId: 'c', tags: ['Gone'] }),
    pushed({ externalId: 'lost', tags: ['Lunch'], organisation: 'OLD1' }),
  ])
  await mapTags(setting, { lunch: 'food', gone: 'other' })
  await rows(db.pool, `update organisation_external_ids set code = 'OLD2' where code = 'OLD1'`)
  const before = await dump(db)
  const dry = await normalised(setting, { dryRun: true })
  t.match(dry.run, { dryRun: true, state: 'succeeded', seen: 4, changed: 1, unchanged: 2, quarantined: 1 })
  t.match(
    dry.results.map(({ externalId, outcome, fields }) => [externalId, outcome, fields]),
    [
      ['a', 'changed', ['category']],
      ['lost', 'quarantined', []],
    ],
  )
  t.equal(await dump(db), before)
  t.match(await getMapping(db, admin, 'invented'), { version: 2, normalisedVersion: 1 })
  const real = await normalised(setting)
  t.same(
    real.results.map(({ externalId, outcome, fields }) => [externalId, outcome, fields]),
    dry.results.map(({ externalId, outcome, fields }) => [externalId, outcome, fields]),
    'and that is what happens then',
  )
  t.equal((await storedCases(db)).a?.category, 'food')
})

t.test('what retention has forgotten stays as it is, is told, and holds up nothing', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source } = setting
  const both = ['forgotten', 'kept'].map((externalId) => pushed({ externalId, tags: ['Lunch'] }))
  await push(db, source, both)
  await mapTags(setting, { lunch: 'food' })
  await rows(db.pool, `update items set raw_sealed = null where external_id = 'forgotten'`)
  const { run, results } = await normalised(setting)
  t.match(run, { state: 'succeeded', total: 1, seen: 1, changed: 1, detail: /^One item stays as it is/ })
  t.same(
    results.map(({ externalId }) => externalId),
    ['kept'],
  )
})

t.test('a case that a person has sorted or moderated keeps its category', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source } = setting
  await push(
    db,
    source,
    ['free', 'sorted', 'moderated'].map((externalId) => pushed({ externalId, tags: ['Lunch'] })),
  )
  await rows(
    db.pool,
    `update cases set sorted = true, category_code = 'dignity'
     where id = (select case_id from items where external_id = 'sorted')`,
  )
  await decideByHand(db, 'moderated', { publication: 'published', text: 'Decided. (Invented.)' })
  await mapTags(setting, { lunch: 'food' })
  const { results } = await normalised(setting)
  t.same(
    results.map(({ externalId }) => externalId),
    ['free'],
  )
  const cases = await storedCases(db)
  t.same(
    [cases.free?.category, cases.sorted?.category, cases.moderated?.category],
    ['food', 'dignity', 'other'],
  )
  t.match(cases.moderated, { publication: 'published', moderatedText: 'Decided. (Invented.)' })
})

t.test('after a kill another worker goes on behind the last batch, and nothing is told twice', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, clock, context } = setting
  await manyStories(setting, 1_100)
  await mapTags(setting, { lunch: 'food' })
  const asked = await ask(setting)
  const end = new AbortController()
  const killed = watched(context, (readings) => {
    if (readings !== 1) return
    end.abort()
    throw new Error('killed')
  })
  await t.rejects(work(setting, asked, { ...killed, signal: end.signal }), /killed/)
  t.match((await told(setting, asked)).run, { state: 'running', seen: 500, changed: 500, total: 1_100 })
  t.equal(await work(setting, asked), 'lost', 'until the lease ends it is the first worker’s')

  clock.pass(context.settings.leaseMs + 1)
  let readings = 0
  const second = watched(context, (n) => {
    readings = n + 1
  })
  t.equal(await work(setting, asked, second), 'ended')
  const { run, results } = await told(setting, asked)
  t.match(run, { state: 'succeeded', seen: 1_100, changed: 1_100, total: 1_100 })
  t.equal(readings, 2, 'what was done is not read again')
  t.same(
    results.map(({ number }) => number),
    results.map((_, n) => n + 1),
  )
  t.equal(new Set(results.map(({ externalId }) => externalId)).size, 1_100)
  t.equal((await changedEvents(db)).length, 1_100)
  t.match(await getMapping(db, setting.admin, 'invented'), { normalisedVersion: 2 })
})

t.test('the first worker, taken for dead, writes nothing any more', async (t) => {
  const setting = await normaliseSetting(t)
  const { context, clock } = setting
  await manyStories(setting, 1_100)
  await mapTags(setting, { lunch: 'food' })
  const asked = await ask(setting)
  const slow = watched(context, async (readings) => {
    if (readings !== 1) return
    clock.pass(context.settings.leaseMs + 1)
    t.equal(await work(setting, asked), 'ended')
  })
  t.equal(await work(setting, asked, slow), 'lost')
  t.match((await told(setting, asked)).run, { state: 'succeeded', seen: 1_100, changed: 1_100 })
  t.equal((await changedEvents(setting.db)).length, 1_100)
})

t.test(
  'a cancelled normalisation stops; what it has done stays, and the mapping is not taken for applied',
  async (t) => {
    const setting = await normaliseSetting(t)
    const { db, admin, context } = setting
    await manyStories(setting, 600)
    await mapTags(setting, { lunch: 'food' })
    const asked = await ask(setting)
    const interrupted = watched(context, async (readings) => {
      if (readings === 1) await cancelRun(db, admin, 'invented', asked.reference, context.now())
    })
    t.equal(await work(setting, asked, interrupted), 'lost')
    t.match((await told(setting, asked)).run, { state: 'cancelled', seen: 500, changed: 500 })
    t.equal((await changedEvents(db)).length, 500)
    t.match(await getMapping(db, admin, 'invented'), { version: 2, normalisedVersion: 1 })
    const { run } = await normalised(setting)
    t.match(run, { state: 'succeeded', seen: 600, changed: 100, unchanged: 500 })
  },
)

t.test('a process that is to stop lets go between two batches', async (t) => {
  const setting = await normaliseSetting(t)
  await manyStories(setting, 600)
  const asked = await ask(setting)
  const stopping = new AbortController()
  const by = watched(setting.context, () => stopping.abort())
  t.equal(await work(setting, asked, { ...by, signal: stopping.signal }), 'lost')
  t.match((await told(setting, asked)).run, { state: 'running', seen: 500 })
})

t.test('a mapping that changes on the way is applied by the next normalisation', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, admin, context } = setting
  await manyStories(setting, 600)
  await mapTags(setting, { lunch: 'food' })
  const by = watched(context, async (readings) => {
    if (readings === 1) await mapTags(setting, { lunch: 'staff' })
  })
  await normalised(setting, { by })
  t.match(await getMapping(db, admin, 'invented'), { version: 3, normalisedVersion: 2 })
  t.match((await normalised(setting)).run, { changed: 500, unchanged: 100 })
  t.match(await getMapping(db, admin, 'invented'), { normalisedVersion: 3 })
})

t.test('what comes in while it is read again is not written over by what came before', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source, context } = setting
  await push(db, source, feedEntries(['a', 'b']), 'feed')
  const by = watched(context, () =>
    push(db, source, [pushed({ externalId: 'a', text: 'Newer. (Invented.)' })]),
  )
  const { run, results } = await normalised(setting, { by })
  t.match(run, { state: 'succeeded', seen: 2, changed: 0, unchanged: 1 })
  t.same(results, [])
  t.equal((await storedCases(db)).a?.moderatedText, 'Newer. (Invented.)')
})

t.test('a newer state that waits in quarantine goes on waiting', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source } = setting
  await push(db, source, [pushed({ externalId: 'a' })])
  await push(db, source, [pushed({ externalId: 'a', text: 'Newer. (Invented.)', organisation: 'NONE1' })])
  await normalised(setting)
  t.same(await quarantined(db), [{ externalId: 'a', reason: 'organisation_unknown' }])
})

t.test(
  'what cannot be derived any more is quarantined, its case stays, and it goes when it can again',
  async (t) => {
    const setting = await normaliseSetting(t)
    const { db, source } = setting
    await push(db, source, [pushed({ externalId: 'a', organisation: 'OLD1' })])
    const before = await storedCases(db)
    await rows(db.pool, `update organisation_external_ids set code = 'OLD2' where code = 'OLD1'`)
    t.match(await normalised(setting), {
      run: { quarantined: 1, changed: 0 },
      results: [{ externalId: 'a', outcome: 'quarantined', reason: 'organisation_unknown', detail: /OLD1/ }],
    })
    t.same(await quarantined(db), [{ externalId: 'a', reason: 'organisation_unknown' }])
    t.same(await storedCases(db), before)
    await rows(db.pool, `update organisation_external_ids set code = 'OLD1' where code = 'OLD2'`)
    t.match((await normalised(setting)).run, { quarantined: 0, unchanged: 1 })
    t.same(await quarantined(db), [])
  },
)

t.test('what its connector reads otherwise now is taken so', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source, context } = setting
  await push(db, source, feedEntries(['better', 'gone', 'other', 'unreadable']), 'feed')
  const before = await storedCases(db)
  const change = (entry: Entry): Entry => {
    if (!('item' in entry) || entry.item.type !== 'story') return entry
    const { raw, item } = entry
    switch (item.externalId) {
      case 'better':
        return { raw, item: { ...item, title: 'Read better', warnings: ['a new one'] } }
      case 'gone':
        return { raw, item: { type: 'deletion', externalId: 'gone', updatedAt: null, warnings: [] } }
      case 'other':
        return { raw, item: { ...item, externalId: 'https://stories.example/other' } }
      default:
        return { raw, problem: 'not a story any more', place: 'entry', externalId: null }
    }
  }
  const by = watched(context, () => undefined, change)
  const { run, results } = await normalised(setting, { by })
  t.match(run, { state: 'succeeded', seen: 4, changed: 1, deleted: 1, quarantined: 2, created: 0 })
  t.match(results, [
    { externalId: 'better', outcome: 'changed', fields: ['title'] },
    { externalId: 'gone', outcome: 'deleted', caseReference: before.gone?.reference },
    { externalId: 'other', outcome: 'quarantined', reason: 'malformed', detail: /another id/ },
    { externalId: 'unreadable', outcome: 'quarantined', reason: 'malformed', detail: 'not a story any more' },
  ])
  const after = await storedCases(db)
  t.same(Object.keys(after), ['better', 'gone', 'other', 'unreadable'], 'no second case')
  t.equal(after.gone?.publication, 'removed')
  t.same([after.other, after.unreadable], [before.other, before.unreadable])
  t.same(await quarantined(db), [{ externalId: 'unreadable', reason: 'malformed' }])
  t.same(await readers(db), ['feed'], 'what reads it stays the same')
  t.same(await versions(db), [], 'no earlier state is kept of what was not sent anew')

  const state = await dump(db)
  await normalised(setting, { by })
  t.equal(await dump(db), state, 'and twice is once')
})

t.test('one text that ends its reader stops none of the others', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source, context } = setting
  const entries = feedEntries(['a', 'b', 'c', 'd', 'e'], '<category>Lunch</category>')
  await push(db, source, entries, 'feed')
  await mapTags(setting, { lunch: 'food' })
  const readAgain: typeof context.reader.readAgain = async (name, raws, settings) => {
    if (raws.some((raw) => raw.includes('Story d'))) throw new Error('its thread has ended')
    return context.reader.readAgain(name, raws, settings)
  }
  const by = { ...context, reader: { ...context.reader, readAgain } }
  const { run, results } = await normalised(setting, { by })
  t.match(run, { state: 'succeeded', seen: 5, changed: 4, quarantined: 1 })
  t.match(results[3], { externalId: 'd', outcome: 'quarantined', detail: /could not read it again/ })
  await rows(db.pool, `update items set read_by = 'telepathy' where external_id = 'a'`)
  t.match((await normalised(setting)).results, [
    { externalId: 'a', outcome: 'quarantined', detail: /no connector "telepathy"/ },
    { externalId: 'd', outcome: 'changed' },
  ])
})

t.test('warnings that differ alone write nothing', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source, context } = setting
  await push(db, source, feedEntries(['a']), 'feed')
  const before = await dump(db)
  const by = watched(
    context,
    () => undefined,
    (entry) => ('item' in entry ? { ...entry, item: { ...entry.item, warnings: ['a new one'] } } : entry),
  )
  t.match((await normalised(setting, { by })).run, { changed: 0, unchanged: 1 })
  t.equal(await dump(db), before)
})

t.test('answers are derived again too, and a text message is left as it is', async (t) => {
  const setting = await normaliseSetting(t)
  const { db, source } = setting
  await push(db, source, [
    pushed({ externalId: 'a' }),
    pushed({ externalId: 'r', type: 'reply', inReplyTo: 'a', text: 'Thank you. (Invented.)' }),
    pushed({ externalId: 't', tags: ['Lunch'] }),
  ])
  await rows(db.pool, `update items set read_by = 'text' where external_id = 't'`)
  await rows(db.pool, `update responses set text = 'Mangled. (Invented.)'`)
  await mapTags(setting, { lunch: 'food' })
  const { run, results } = await normalised(setting)
  t.match(run, { total: 2, seen: 2, changed: 1 })
  t.match(results, [{ externalId: 'r', outcome: 'changed', fields: ['responses'] }])
  t.match(await storedResponses(db), [{ key: 'r', text: 'Thank you. (Invented.)' }])
  t.equal((await storedCases(db)).t?.category, 'other')
})

async function manyStories({ db, source }: NormaliseSetting, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, n) => `story-${n}`)
  await push(db, source, feedEntries(ids, '<category>Lunch</category>'), 'feed')
}

/** Entries of a feed that is about one organisation, as the settings of the source say. */
function feedEntries(ids: readonly string[], more = ''): Entry[] {
  const document = {
    bytes: Buffer.from(rss(ids).replaceAll('</item>', `${more}</item>`)),
    contentType: null,
    status: 200,
    url: 'https://stories.example/',
  }
  const reading = feed.read(document, SETTINGS)
  if ('failure' in reading) throw new Error(reading.detail)
  return reading.entries
}

async function changedEvents(db: Db): Promise<{ reference: string; fields: string[] }[]> {
  return rows(
    db.pool,
    `select case_reference as reference, fields from events where type = 'case.changed' order by id`,
  )
}

async function quarantined(db: Db): Promise<{ externalId: string; reason: string }[]> {
  return rows(
    db.pool,
    `select external_id as "externalId", reason from quarantined_items order by external_id`,
  )
}

async function readers(db: Db): Promise<string[]> {
  const found = await rows<{ readBy: string }>(db.pool, 'select distinct read_by as "readBy" from items')
  return found.map(({ readBy }) => readBy)
}

async function versions(db: Db): Promise<object[]> {
  return rows(db.pool, 'select item_id, version from item_versions')
}
