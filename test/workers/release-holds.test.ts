import t, { type Test } from 'tap'
import { releaseHolds as releaseFromStore } from '../../domain/holds.ts'
import { reportCase } from '../../domain/reports.ts'
import { type Db, inTransaction, rows } from '../../prisma/client.ts'
import { releaseHolds } from '../../workers/release-holds.ts'
import { deletion, ingestStore, NOW, pushSource, storedCases, story, take } from '../domain/ingest-store.ts'
import { type Line, logTo } from './poll-setting.ts'

const LATER = new Date(NOW.getTime() + 7 * 24 * 3_600_000)

t.test('a text that nobody has judged in time is shown again, once', async (t) => {
  const { db, lines, release, row } = await setting(t)
  const { dueAt } = await report(db, 'a')
  t.match(await row('a'), { publication: 'awaiting_moderation', heldUntil: dueAt, version: 2 })

  await release(new Date(Date.parse(dueAt) - 1))
  t.match(await row('a'), { publication: 'awaiting_moderation', version: 2 }, 'not before')
  t.same(lines, [])

  await release(new Date(dueAt))
  await release(LATER)
  t.match(await row('a'), { publication: 'published', heldUntil: null, version: 3, dueAt: null })
  t.match(await eventsOf(db, 'a'), [
    { type: 'report.created' },
    { type: 'case.hidden' },
    { type: 'case.shown_again', version: 3, fields: ['publication'] },
  ])
  t.match(lines, [{ level: 'info', cases: 1 }])
  t.same(
    await rows(db.pool, `select state from objections`),
    [{ state: 'open' }],
    'the report still waits for somebody',
  )
})

t.test(
  'two processes at once show it again once, and one that is killed leaves it for the next',
  async (t) => {
    const { db, release, row } = await setting(t)
    for (const key of ['a', 'b']) await report(db, key)
    const killed = inTransaction(db, async (tx) => {
      await rows(
        tx,
        `select 1 from cases where id = (select case_id from items where external_id = 'a') for update`,
      )
      await release(LATER)
      t.match(await row('a'), { publication: 'awaiting_moderation' }, 'what somebody works on is left alone')
      t.match(await row('b'), { publication: 'published' })
      throw new Error('killed')
    })
    await t.rejects(killed, { message: 'killed' })
    await Promise.all([1, 2, 3].map(() => releaseFromStore(db, LATER)))
    t.match(await row('a'), { publication: 'published', version: 3 })
    const shown = (await eventsOf(db, 'a')).filter(({ type }) => type === 'case.shown_again')
    t.equal(shown.length, 1)
  },
)

for (const [what, change] of [
  ['private', `privacy = 'private', public_name = null`],
  ['withdrawn', `status = 'withdrawn'`],
  ['urgent', 'urgent = true'],
  ['decided', `publication = 'rejected', held_until = null`],
] as const)
  t.test(`what has become ${what} while it was hidden is not shown again`, async (t) => {
    const { db, release, row } = await setting(t)
    await report(db, 'a')
    await rows(
      db.pool,
      `update cases set ${change} where id = (select case_id from items where external_id = 'a')`,
    )
    await release(LATER)
    t.not((await row('a')).publication, 'published')
  })

t.test('what its source has edited while it was hidden waits for a person', async (t) => {
  const { db, source, release, row } = await setting(t)
  await report(db, 'a')
  t.same(await take(db, source, [story('a', { text: 'Other words. (Invented.)' })]), ['a changed'])
  await release(LATER)
  t.match(await row('a'), { publication: 'awaiting_moderation', heldUntil: null })
})

t.test('a fact beside the words changes nothing about when it is shown again', async (t) => {
  const { db, source, release, row } = await setting(t)
  await report(db, 'a')
  await take(db, source, [story('a', { visitMonth: '2026-10' })])
  await release(LATER)
  t.match(await row('a'), { publication: 'published' })
})

t.test('what its source has taken back while it was hidden stays away', async (t) => {
  const { db, source, release, row } = await setting(t)
  await report(db, 'a')
  await take(db, source, [deletion('a')])
  await release(LATER)
  t.match(await row('a'), { publication: 'removed', heldUntil: null })
})

t.test('more than one batch is shown again at one tick', async (t) => {
  const { db, source, release, lines } = await setting(t)
  const keys = Array.from({ length: 205 }, (_, n) => `many-${n}`)
  await take(
    db,
    source,
    keys.map((key) => story(key)),
  )
  await rows(db.pool, `update cases set publication = 'awaiting_moderation', held_until = $1`, [NOW])
  await release(LATER)
  t.match(lines, [{ cases: 207 }])
  t.ok(Object.values(await storedCases(db)).every(({ publication }) => publication === 'published'))
})

async function setting(t: Test) {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a'), story('b')])
  const lines: Line[] = []
  const release = (now: Date) => releaseHolds({ db, log: logTo(lines), now: () => now })
  const row = async (key: string) => (await rowsOf(db, key))[0] as Record<string, unknown>
  return { db, source, lines, release, row }
}

async function report(db: Db, key: string): Promise<{ dueAt: string }> {
  const { reference } = (await storedCases(db))[key] as { reference: string }
  return reportCase(db, reference, { reason: 'personal_data' }, NOW)
}

function rowsOf(db: Db, key: string): Promise<Array<Record<string, unknown>>> {
  return rows(
    db.pool,
    `select publication, held_until as "heldUntil", version, due_at as "dueAt" from cases
     where id = (select case_id from items where external_id = $1)`,
    [key],
  )
}

async function eventsOf(
  db: Db,
  key: string,
): Promise<Array<{ type: string; version: number; fields: string[] }>> {
  return rows(
    db.pool,
    `select type, case_version as version, fields from events
     where case_id = (select case_id from items where external_id = $1) and type !~ 'created|published' or type = 'report.created'
     order by id`,
    [key],
  )
}
