import t, { type Test } from 'tap'
import { ingest } from '../../domain/ingest.ts'
import { openRaw } from '../../domain/ingest-items.ts'
import { type Db, rows } from '../../prisma/client.ts'
import {
  deletion,
  eventTypes,
  ingestStore,
  NOW,
  pushSource,
  reply,
  storedCases,
  story,
  take,
} from './ingest-store.ts'

type Kept = { externalId: string; version: number; rawSealed: string | null; seenAt: string }

/** Each state in which an item was sent, the first one first, and the current one last. */
async function statesOf(
  db: Db,
  sourceId: number,
  externalId: string,
): Promise<{ version: number; text: string }[]> {
  const kept = await rows<Kept>(
    db.pool,
    `select i.external_id as "externalId", v.version, v.raw_sealed as "rawSealed", v.seen_at as "seenAt"
       from item_versions v join items i on i.id = v.item_id where i.external_id = $1
     union all
     select external_id, version, raw_sealed, changed_at from items where external_id = $1 and raw_sealed is not null
     order by version`,
    [externalId],
  )
  return kept.map(({ version, rawSealed }) => {
    const raw = openRaw(db.vault, { sourceId, externalId, rawSealed: rawSealed as string })
    return { version, text: JSON.parse(raw).text as string }
  })
}

function later(minutes: number): Date {
  return new Date(NOW.getTime() + minutes * 60_000)
}

async function withSource(t: Test) {
  const db = await ingestStore(t)
  return { db, source: await pushSource(db) }
}

t.test('what an item said before is kept with each edit, and nothing when it says the same', async (t) => {
  const { db, source } = await withSource(t)
  for (const [n, text] of ['First.', 'First.', 'Second.', 'Third.'].entries()) {
    await take(db, source, [story('s', { text }), reply('r', 's', { text: `Answer to ${text}` })], later(n))
  }
  t.same(await statesOf(db, source, 's'), [
    { version: 1, text: 'First.' },
    { version: 2, text: 'Second.' },
    { version: 3, text: 'Third.' },
  ])
  t.same(
    (await statesOf(db, source, 'r')).map(({ text }) => text),
    ['Answer to First.', 'Answer to Second.', 'Answer to Third.'],
  )
})

t.test('nothing is left of the versions of what was taken back, nor of the answers to it', async (t) => {
  const { db, source } = await withSource(t)
  await take(db, source, [story('s'), reply('r', 's'), story('other')])
  await take(db, source, [story('s', { text: 'Edited.' }), reply('r', 's', { text: 'Edited.' })], later(1))
  await take(db, source, [story('other', { text: 'Edited.' })], later(1))
  await take(db, source, [deletion('s')], later(2))
  t.same(await statesOf(db, source, 's'), [])
  t.same(await statesOf(db, source, 'r'), [])
  t.equal((await statesOf(db, source, 'other')).length, 2)
})

t.test('an archive brings what is new, and changes nothing that was read before it', async (t) => {
  const { db, source } = await withSource(t)
  await take(db, source, [story('s', { text: 'As it is today.' })])
  const options = { now: later(1), readBy: 'feed', archived: true }
  const { results } = await ingest(
    db,
    source,
    [story('s', { text: 'As it was once.' }), story('old')],
    options,
  )
  t.same(
    results.map(({ outcome }) => outcome),
    ['unchanged', 'created'],
  )
  t.equal((await storedCases(db)).s?.moderatedText, 'As it is today.')
})

t.test('an archive that is newer by its own times does change what was read before it', async (t) => {
  const { db, source } = await withSource(t)
  await take(db, source, [story('s', { updatedAt: '2026-11-01T10:00:00.000Z' })])
  const newer = story('s', { text: 'Newer.', updatedAt: '2026-11-02T10:00:00.000Z' })
  const { results } = await ingest(db, source, [newer], { now: later(1), readBy: 'feed', archived: true })
  t.equal(results[0]?.outcome, 'changed')
})

t.test('derived again, an item that says the same writes nothing and makes no version', async (t) => {
  const { db, source } = await withSource(t)
  const entries = [story('s'), reply('r', 's'), reply('waiting', 'never-came')]
  await take(db, source, entries)
  const before = await eventTypes(db)
  const { results } = await ingest(db, source, entries, { now: later(1), readBy: 'pushed', again: true })
  t.same(
    results.map(({ outcome }) => outcome),
    ['unchanged', 'unchanged', 'unchanged'],
  )
  t.same(await eventTypes(db), before)
  t.equal((await statesOf(db, source, 's')).length, 1)
})

t.test('an edit says which fields of its case it has changed', async (t) => {
  const { db, source } = await withSource(t)
  await take(db, source, [story('s')])
  const edited = story('s', { text: 'Edited.', visitMonth: '2026-10' })
  const { results } = await ingest(db, source, [edited], { now: later(1), readBy: 'pushed' })
  t.same(results[0]?.fields, ['text', 'visitMonth'])
})
