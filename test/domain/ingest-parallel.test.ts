import fc from 'fast-check'
import t from 'tap'
import { ingest } from '../../domain/ingest.ts'
import { canonicalJson, sortEntries } from '../../domain/ingest-entries.ts'
import { type Db, rows } from '../../prisma/client.ts'
import {
  deletion,
  ingestStore,
  NOW,
  pushSource,
  reply,
  storedCases,
  storedResponses,
  story,
  take,
} from './ingest-store.ts'

t.test('five parallel pushes of the same batch give one case each', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  const batch = Array.from({ length: 40 }, (_, n) => [reply(`r${n}`, `s${n}`), story(`s${n}`)]).flat()
  const all = await Promise.all(
    Array.from({ length: 5 }, () => ingest(db, source, batch, { now: NOW, readBy: 'pushed' })),
  )
  t.same(all.map(({ counts }) => counts.created).sort(), [0, 0, 0, 0, 80])
  t.equal(Object.keys(await storedCases(db)).length, 40)
  t.equal((await storedResponses(db)).length, 40)
  t.equal((await rows(db.pool, `select 1 from events where type = 'case.created'`)).length, 40)
})

t.test(
  'an entry that the store refuses stands aside alone, and its values stay out of the reason',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    const batch = Array.from({ length: 100 }, (_, n) => story(`s${n}`))
    batch[37] = story('s37', { text: 'a secret\0word' })
    batch[38] = story('bad\0key')
    batch[70] = story('s70', { visitMonth: '2026-13' })
    const { counts, results } = await ingest(db, source, batch, { now: NOW, readBy: 'pushed' })
    t.match(counts, { seen: 100, created: 97, quarantined: 3 })
    t.match(results[37], { outcome: 'quarantined', reason: 'rejected_by_store', detail: /SQLSTATE 22/ })
    t.notMatch(results[37]?.detail, /secret/)
    t.match(results[70], { reason: 'rejected_by_store', detail: /SQLSTATE 23514/ })
    t.equal(Object.keys(await storedCases(db)).length, 97)
    const aside = await rows(db.pool, 'select external_id as key from quarantined_items order by external_id')
    t.same(aside, [{ key: 'bad\ufffdkey' }, { key: 's37' }, { key: 's70' }])

    t.same(await take(db, source, [story('s37')]), ['s37 created'])
    t.equal((await rows(db.pool, 'select 1 from quarantined_items')).length, 2)
  },
)

t.test('an entry with an id that no index takes stands aside, and the others are taken', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  const long = Array.from({ length: 3_000 }, (_, n) =>
    String.fromCodePoint(0x4e00 + ((n * 7_919) % 20_000)),
  ).join('')
  const { counts, results } = await ingest(db, source, [story(long), story('fine')], {
    now: NOW,
    readBy: 'pushed',
  })
  t.match(counts, { created: 1, quarantined: 1 })
  t.equal(results[0]?.externalId, long.slice(0, 400))
  t.same(await rows(db.pool, 'select external_id as key from quarantined_items'), [
    { key: long.slice(0, 400) },
  ])
})

t.test('what is said of an entry can be stored, whatever the entry says', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db, { maxAgeDays: 30 })
  const odd = '\0\ud800'
  const entries = [
    { raw: 'one', problem: `it says ${odd}`, place: `entry ${odd}`, externalId: `id ${odd}` },
    // A pair of surrogates on the edge of what is kept.
    {
      raw: 'two',
      problem: `${'x'.repeat(999)}\u{1f600}`,
      place: 'entry 2',
      externalId: `${'x'.repeat(399)}\u{1f600}`,
    },
    story('old', { externalId: 'old \ud800', publishedAt: '2020-01-01T00:00:00.000Z' }),
  ]
  const { results } = await ingest(db, source, entries, { now: NOW, readBy: 'pushed' })
  t.match(results, [
    { externalId: 'id \ufffd\ufffd', detail: 'it says \ufffd\ufffd', outcome: 'quarantined' },
    { externalId: `${'x'.repeat(399)}\ufffd`, outcome: 'quarantined' },
    { externalId: 'old \ufffd', outcome: 'expired' },
  ])
  const [{ same } = { same: null }] = await rows(db.pool, 'select $1::jsonb is not null as same', [
    JSON.stringify(results),
  ])
  t.equal(same, true)
})

t.test('of several entries with one key the newest wins, else the last, and each is answered', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  t.same(
    await take(db, source, [
      story('a', { text: 'new', updatedAt: '2026-11-03T00:00:00.000Z' }),
      story('a', { text: 'old', updatedAt: '2026-11-02T00:00:00.000Z' }),
      story('b', { text: 'first' }),
      story('b', { text: 'last' }),
    ]),
    ['a created', 'a created', 'b created', 'b created'],
  )
  t.match(await storedCases(db), { a: { moderatedText: 'new' }, b: { moderatedText: 'last' } })
})

t.test('one key as another kind of thing is set aside', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a'), story('b'), reply('r', 'a')])
  const { results } = await ingest(db, source, [reply('a', 'b'), reply('r', 'b')], {
    now: NOW,
    readBy: 'pushed',
  })
  t.match(results, [{ reason: 'type_changed' }, { reason: 'reply_moved' }])
})

t.test('the fingerprint does not depend on the order of names, nor on warnings', async (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse())
      return canonicalJson(value) === canonicalJson(reversed)
    }),
  )
  const [one, two] = [story('a'), story('a', { warnings: ['odd'] })].map((entry) =>
    sortEntries([entry], null, { now: NOW, readBy: 'pushed' }).prepared.get('a')?.fingerprint.toString('hex'),
  )
  t.equal(one, two)
})

t.test('whoever changes an answer holds its case first, so that two never wait for each other', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a'), reply('a-1', 'a')])
  const changes = [reply('a-1', 'a', { text: 'New words. (Invented.)' }), deletion('a-1')]
  for (const change of changes) {
    const person = await db.pool.connect()
    await person.query('begin')
    await person.query('select 1 from cases for no key update')
    const taken = take(db, source, [change])
    await waiter(db)
    await person.query('select 1 from responses for no key update nowait')
    await person.query('rollback')
    person.release()
    await taken
  }
  t.match(await storedResponses(db), [{ publication: 'removed' }])
})

async function waiter(db: Db): Promise<void> {
  for (;;) {
    const waiting = await rows(
      db.pool,
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    if (waiting.length > 0) return
  }
}
