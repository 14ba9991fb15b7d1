import t from 'tap'
import { rows } from '../../prisma/client.ts'
import {
  deletion,
  eventTypes,
  everything,
  ingestStore,
  pushSource,
  reply,
  storedCases,
  storedResponses,
  story,
  take,
} from './ingest-store.ts'

t.test('a reply before its story in one batch is attached at once', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  t.same(await take(db, source, [reply('r', 'a'), story('a')]), ['r created', 'a created'])
  const cases = await storedCases(db)
  t.match(await storedResponses(db), [{ key: 'r', caseId: cases.a?.id, publication: 'published' }])
  t.equal(cases.a?.status, 'no_action_needed', 'an answer moves no status')
})

t.test('a reply before its story in a later batch is parked, and attached with the story', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  t.same(await take(db, source, [reply('r', 'a'), reply('r2', 'r')]), ['r parked', 'r2 parked'])
  const before = await everything(db)
  t.same(await take(db, source, [reply('r', 'a')]), ['r unchanged'])
  t.equal(await everything(db), before)
  t.same(await storedResponses(db), [])

  t.same(await take(db, source, [story('a')]), ['a created'])
  const caseId = (await storedCases(db)).a?.id
  t.match(await storedResponses(db), [
    { key: 'r', caseId, text: 'Thank you. (Invented example.)' },
    { key: 'r2', caseId },
  ])
  t.equal((await rows(db.pool, `select 1 from items where state <> 'live'`)).length, 0)
  t.same(await eventTypes(db), ['case.created', 'case.published', 'response.created', 'response.created'])
})

t.test('a parked reply that comes again with its story is attached once', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [reply('r', 'a')])
  t.same(await take(db, source, [reply('r', 'a'), story('a')]), ['r created', 'a created'])
  t.equal((await storedResponses(db)).length, 1)
})

t.test('a parked reply that has changed meanwhile is attached as it is now', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [reply('r', 'a')])
  t.same(await take(db, source, [reply('r', 'a', { text: 'Better words.' })]), ['r parked'])
  await take(db, source, [story('a')])
  t.match(await storedResponses(db), [{ key: 'r', text: 'Better words.' }])
})

t.test('a reply parked for a story that was taken back goes with it', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [reply('r', 'a')])
  t.same(await take(db, source, [deletion('a')]), ['a deleted'])
  t.same(await take(db, source, [story('a'), reply('r', 'a', { text: 'Again' })]), ['a ignored', 'r ignored'])
  t.same(await storedResponses(db), [])
})

t.test(
  'a reply that its source changes is changed, and one that it takes back leaves the case',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    await take(db, source, [story('a'), reply('r', 'a'), reply('s', 'a')])
    t.same(await take(db, source, [reply('r', 'a', { text: 'Better words.' })]), ['r changed'])
    t.same(await take(db, source, [deletion('s')]), ['s deleted'])
    t.match(await storedResponses(db), [
      { key: 'r', text: 'Better words.', publication: 'published' },
      { key: 's', publication: 'removed' },
    ])
    t.match((await storedCases(db)).a, { publication: 'published', version: 4 })
    t.same((await eventTypes(db)).slice(-2), ['response.changed', 'response.removed_by_source'])
  },
)

t.test('the replies of an untrusted source wait for a person, also again after an edit', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db, { trusted: false })
  await take(db, source, [story('a'), reply('r', 'a')])
  t.match(await storedResponses(db), [{ publication: 'awaiting_moderation' }])
  await rows(db.pool, `update responses set publication = 'published'`)
  await take(db, source, [reply('r', 'a', { text: 'Better words.' })])
  t.match(await storedResponses(db), [{ publication: 'awaiting_moderation', text: 'Better words.' }])
})

t.test(
  'a deletion of a story and a new and an old reply to it in one batch leave nothing to see',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    await take(db, source, [story('a'), reply('r', 'a')])
    t.same(await take(db, source, [reply('r', 'a', { text: 'Other' }), reply('s', 'a'), deletion('a')]), [
      'r ignored',
      's ignored',
      'a deleted',
    ])
    t.match(await storedResponses(db), [{ key: 'r', publication: 'removed' }])
    t.equal((await rows(db.pool, `select 1 from items where state <> 'deleted'`)).length, 0)
  },
)
