import t, { type Test } from 'tap'
import { ingest } from '../../domain/ingest.ts'
import { takeBackGone } from '../../domain/ingest-listing.ts'
import { getSource, updateSource } from '../../domain/sources.ts'
import { rows } from '../../prisma/client.ts'
import { administrator, ingestStore, NOW, pushSource, reply, storedCases, story } from './ingest-store.ts'

t.test(
  'what is gone once stays, what is gone twice in a row goes, and with it the answers to it',
  async (t) => {
    const { list, publications } = await listed(t)
    t.same(await list(['a', 'b', 'c']), { removed: 0, waiting: 0 })
    t.same(await list(['a', 'b']), { removed: 0, waiting: 0 })
    t.same(await publications(), { a: 'published', b: 'published', c: 'published' })
    t.same(await list(['a', 'b']), { removed: 1, waiting: 0 })
    t.same(await publications(), { a: 'published', b: 'published', c: 'removed' })
  },
)

t.test('what is back in between stays, and begins anew', async (t) => {
  const { list, publications } = await listed(t)
  for (const keys of [['a', 'b'], ['a'], ['a', 'b'], ['a']]) await list(keys)
  t.same(await publications(), { a: 'published', b: 'published' })
  await list(['a'])
  t.same(await publications(), { a: 'published', b: 'removed' })
})

t.test('what was taken back does not return when it is listed again', async (t) => {
  const { list, publications } = await listed(t)
  for (const keys of [['a', 'b'], ['a'], ['a'], ['a', 'b'], ['a', 'b']]) await list(keys)
  t.same(await publications(), { a: 'published', b: 'removed' })
})

t.test('the same listing again is the second time, also when it is only said to be the same', async (t) => {
  const { list, again, publications } = await listed(t)
  await list(['a', 'b'])
  t.same(await again(), { removed: 0, waiting: 0 })
  await list(['a'])
  t.same(await again(), { removed: 1, waiting: 0 })
  t.same(await again(), { removed: 0, waiting: 0 })
  t.same(await publications(), { a: 'published', b: 'removed' })
})

t.test(
  'what is more than may go at once waits for a person, and goes when the limit is raised',
  async (t) => {
    const { change, list, again, publications, waiting } = await listed(t)
    await list(keys(20))
    t.same(await list(keys(5)), { removed: 0, waiting: 15 })
    t.same(await list(keys(5)), { removed: 0, waiting: 15 })
    t.same(await again(), { removed: 0, waiting: 15 })
    t.equal(await waiting(), 15)
    t.equal(Object.values(await publications()).filter((one) => one === 'removed').length, 0)

    await change({ goneLimitPercent: 80 })
    t.equal(await waiting(), null, 'it is asked again first')
    t.same(await list(keys(5)), { removed: 15, waiting: 0 })
    t.equal(await waiting(), null)
    t.equal(Object.values(await publications()).filter((one) => one === 'removed').length, 15)
  },
)

t.test('when too many are back, nobody is asked any more', async (t) => {
  const { list, waiting } = await listed(t)
  await list(keys(20))
  await list(keys(5))
  t.same(await list(keys(20)), { removed: 0, waiting: 0 })
  t.equal(await waiting(), null)
})

t.test('a few may always go, but an empty list takes nothing away by itself', async (t) => {
  const { change, list, publications } = await listed(t)
  await list(['a', 'b'])
  for (let time = 0; time < 3; time++) t.same(await list([]), { removed: 0, waiting: 2 })
  await list(['a'])
  await list(['a'])
  t.same(await publications(), { a: 'published', b: 'removed' })
  await change({ goneLimitPercent: 100 })
  await list([])
  t.same(await list([]), { removed: 1, waiting: 0 })
})

t.test('what was pushed is in no listing, and nothing of another source is looked at', async (t) => {
  const { db, source, list, publications } = await listed(t)
  const other = await pushSource(db, { name: 'other' })
  await ingest(db, source, [story('pushed')], { now: NOW, readBy: 'pushed' })
  await ingest(db, other, [story('elsewhere')], { now: NOW, readBy: 'feed' })
  for (let time = 0; time < 3; time++) await list(['a'])
  t.same(await publications(), { a: 'published', elsewhere: 'published', pushed: 'published' })
})

t.test('an answer that is gone twice is taken back alone', async (t) => {
  const { db, source, list, pass } = await listed(t)
  const at = () => ({ now: pass(), readBy: 'feed', listedAt: pass() })
  await ingest(db, source, [story('a'), reply('r', 'a')], at())
  await list(['a'])
  await list(['a'])
  t.match(await rows(db.pool, 'select publication from responses'), [{ publication: 'removed' }])
  t.match(await storedCases(db), { a: { publication: 'published' } })
})

t.test('an entry that cannot be read is listed all the same', async (t) => {
  const { db, source, list, pass, publications } = await listed(t)
  await list(['a', 'b'])
  for (let time = 0; time < 2; time++) {
    const listedAt = pass()
    const broken = { raw: '{}', problem: 'no text', place: 'entry 2', externalId: 'b' }
    await ingest(db, source, [story('a'), broken], { now: listedAt, readBy: 'feed', listedAt })
    await takeBackGone(db, source, { walkFrom: listedAt, now: pass() })
  }
  t.same(await publications(), { a: 'published', b: 'published' })
})

t.test('what was missing before it was said again what it lists does not count', async (t) => {
  const { change, list, publications } = await listed(t)
  await list(['a', 'b'])
  await list(['a'])
  await change({ fullListing: false })
  await change({ fullListing: true })
  await list(['a'])
  t.same(await publications(), { a: 'published', b: 'published' })
})

function keys(count: number): string[] {
  return Array.from({ length: count }, (_, number) => `story-${number}`)
}

/** A source, walks through its listing, and what has become of its stories. */
async function listed(t: Test) {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  const admin = await administrator(db)
  let time = NOW.getTime()
  const pass = () => {
    time += 1_000
    return new Date(time)
  }
  return {
    db,
    source,
    pass,
    async list(ids: readonly string[]) {
      const listedAt = pass()
      if (ids.length > 0)
        await ingest(
          db,
          source,
          ids.map((id) => story(id)),
          { now: pass(), readBy: 'feed', listedAt },
        )
      return takeBackGone(db, source, { walkFrom: listedAt, now: pass() })
    },
    again: () => takeBackGone(db, source, { walkFrom: null, now: pass() }),
    async publications() {
      const cases = await storedCases(db)
      return Object.fromEntries(Object.entries(cases).map(([key, { publication }]) => [key, publication]))
    },
    async waiting() {
      const [found] = await rows<{ waiting: number | null }>(
        db.pool,
        'select gone_waiting as waiting from sources where id = $1',
        [source],
      )
      return found?.waiting ?? null
    },
    async change(what: Parameters<typeof updateSource>[3]) {
      const { version } = await getSource(db, admin, 'invented')
      await updateSource(db, admin, 'invented', what, { version, now: pass() })
    },
  }
}
