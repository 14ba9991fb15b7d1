import t, { type Test } from 'tap'
import { forgetEmptyCounts, indexCases, isIndexBehind, rebuildCaseIndex } from '../../domain/case-index.ts'
import { LOG_LOCK } from '../../domain/change-log.ts'
import { inTransaction } from '../../prisma/client.ts'
import { publishedCase, staff, startHarness } from '../api/harness.ts'
import { type MadeCase, makeCases } from '../api/made-cases.ts'

t.test('what is kept ready of cases', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness

  // The sums that there must be, counted from the cases themselves.
  const agrees = async (t: Test, message: string): Promise<void> => {
    const { rows: kept } = await db.pool.query(
      `select scope, place, kind, category_code, status, n, x, y from case_counts where n > 0 or x > 0
       order by 1, 2, 3, 4, 5`,
    )
    const { rows: counted } = await db.pool.query(
      `select s.scope::int2 as scope, case s.scope when -2 then 0 when -1 then organisation_id else map_cell(pt) >> (2 * (17 - s.scope)) end as place,
         kind, category_code, status, count(*)::int as n,
         coalesce(sum(floor(pt[0] * 1073741824)), 0)::bigint as x, coalesce(sum(floor(pt[1] * 1073741824)), 0)::bigint as y
       from cases cross join (select generate_series(3, 17, 2) as scope union select -2 union select -1) s
       where publication = 'published' and privacy <> 'private' and (s.scope < 0 or pt is not null)
       group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
    )
    t.same(kept, counted, message)
    const { rows: summed } = await db.pool.query(
      `select scope, place, status, n, x, y from place_counts where n > 0 or x > 0 order by 1, 2, 3`,
    )
    const { rows: sums } = await db.pool.query(
      `select scope, place, status, sum(n)::int as n, sum(x)::bigint as x, sum(y)::bigint as y from case_counts
       where n > 0 or x > 0 group by 1, 2, 3 order by 1, 2, 3`,
    )
    t.same(summed, sums, `${message}, and their sums`)
  }
  const positions = async (): Promise<number[]> =>
    (await db.pool.query('select position from events order by position')).rows.map(
      ({ position }) => position,
    )

  await t.test('every event gets its position, without a gap, once', async (t) => {
    await publishedCase(harness)
    t.same(await isIndexBehind(db), { index: false, log: true })
    const placed = await indexCases(db, 1)
    const all = await positions()
    t.equal(placed, all.length)
    t.same(
      all,
      Array.from({ length: placed }, (_, n) => n + 1),
    )
    t.equal(await indexCases(db), 0, 'a second time does nothing')
    t.same(await isIndexBehind(db), { index: false, log: false })
    t.same(await positions(), all)
    await agrees(t, 'the counts')
  })

  await t.test('the counts follow a case through its life', async (t) => {
    const { reference, version } = await publishedCase(harness, { organisation: 'T0101' })
    await indexCases(db)
    await agrees(t, 'published')
    const change = (body: object, at: number) =>
      call({
        method: 'PATCH',
        url: `/v1/cases/${reference}`,
        key: keys.case_handler,
        headers: staff(at),
        body,
      })
    const resolved = await change({ status: 'resolved' }, version)
    t.equal(resolved.status, 200)
    await indexCases(db)
    await agrees(t, 'resolved')
    const moved = await change({ organisation: 'T02', category: 'staff' }, resolved.body.version)
    await indexCases(db)
    await agrees(t, 'moved')
    await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(moved.body.version),
      body: { action: 'remove', reason: 'vexatious' },
    })
    await indexCases(db)
    await agrees(t, 'removed')
    const { rows } = await db.pool.query(
      `select i.organisation_id, i.words, i.position is not null as told from case_index i join cases c on c.id = i.case_id
       where c.reference = $1`,
      [reference],
    )
    t.same(
      rows,
      [{ organisation_id: null, words: null, told: true }],
      'nothing of it is left but that it is gone',
    )
    t.ok((await forgetEmptyCounts(db)) > 0)
    await agrees(t, 'after the empty ones went')
  })

  await t.test('a case that is deleted leaves the counts', async (t) => {
    const [reference] = await makeCases(db, [made()])
    await indexCases(db)
    await db.pool.query(
      `with gone as (delete from cases where reference = $1 returning id)
       insert into events (type, case_id, fields) select 'case.removed', id, '{}' from gone`,
      [reference],
    )
    await indexCases(db)
    await agrees(t, 'deleted')
  })

  await t.test('two at once, and one that is cut off in the middle, do it once', async (t) => {
    await makeCases(db, Array.from({ length: 300 }, made))
    const cutOff = db.pool.connect()
    const connection = await cutOff
    await connection.query('begin')
    await connection.query(`select pg_try_advisory_xact_lock(${LOG_LOCK})`)
    await connection.query('update events set position = -id where position is null')
    t.equal(await indexCases(db), 0, 'somebody else is at it')
    const { rows } = await connection.query('select pg_backend_pid() as pid')
    const ended = new Promise((resolve) => connection.on('error', resolve))
    await db.pool.query('select pg_terminate_backend($1)', [rows[0].pid])
    await ended
    connection.release(true)

    const placed = await Promise.all([indexCases(db, 50), indexCases(db, 50), indexCases(db, 50)])
    await indexCases(db)
    t.ok(placed.some((one) => one > 0))
    const all = await positions()
    t.same(
      all,
      Array.from({ length: all.length }, (_, n) => n + 1),
    )
    await agrees(t, 'together')
  })

  await t.test(
    'what is not committed has no place yet, and gets one behind what was there before it',
    async (t) => {
      const [early] = await makeCases(db, [made()])
      await inTransaction(db, async (tx) => {
        await tx.query(`insert into events (type, fields) values ('policy.changed', '{}')`)
        await makeCases(db, [made()])
        await indexCases(db)
      })
      t.equal(await indexCases(db), 1)
      const { rows } = await db.pool.query(`select type from events order by position desc limit 1`)
      t.same(rows, [{ type: 'policy.changed' }])
      t.ok(early)
    },
  )

  await t.test('built anew it is the same', async (t) => {
    const content = async () =>
      (
        await db.pool.query(
          `select case_id, organisation_id, kind, category_code, status, cell, x, y, words::text from case_index
           where organisation_id is not null or words is not null order by 1`,
        )
      ).rows
    const before = await content()
    const { rows: versions } = await db.pool.query('select generation from log_state')
    const { rows: cases } = await db.pool.query('select count(*)::int as n from cases')
    t.equal(await rebuildCaseIndex(db, 70), cases[0].n)
    t.same(await content(), before)
    await agrees(t, 'the counts')
    const { rows: after } = await db.pool.query('select generation from log_state')
    t.not(after[0].generation, versions[0].generation)
    const { rows: index } = await db.pool.query(
      `select 1 from pg_indexes where indexname = 'case_index_words'`,
    )
    t.equal(index.length, 1)
  })
})

function made(): MadeCase {
  return {
    organisation: 'T01',
    kind: 'feedback',
    category: 'food',
    status: 'open',
    publication: 'published',
    privacy: 'anonymous',
    language: null,
    title: null,
    text: 'The soup was cold. (Invented.)',
    response: null,
    reportedAt: new Date('2026-05-05T10:00:00Z'),
  }
}
