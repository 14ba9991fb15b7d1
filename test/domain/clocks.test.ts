import fc from 'fast-check'
import t from 'tap'
import { closedStatuses, openStatuses } from '../../domain/case-rules.ts'
import { dueAfter, keepClocks, restartModeration, startClocks } from '../../domain/clocks.ts'
import { inTransaction, row, rows } from '../../prisma/client.ts'
import { createCase, startHarness } from '../api/harness.ts'

// The Thursday before Christmas; Friday and Monday are bank holidays.
const NOW = new Date('2026-12-24T11:00:00.000Z')
const HOUR = 3_600_000

type Due = Record<'moderate' | 'acknowledge' | 'respond' | 'due', string | null>

t.test('clocks', async (t) => {
  const harness = await startHarness(t, { now: () => NOW })
  const { db } = harness
  const idOf = async (changes: object = {}): Promise<number> => {
    const { reference } = await createCase(harness, changes as Record<string, unknown>)
    return (
      (await row<{ id: number }>(db.pool, 'select id from cases where reference = $1', [reference]))?.id ?? 0
    )
  }
  const set = (id: number, columns: string) =>
    rows(db.pool, `update cases set ${columns} where id = $1`, [id])
  const clocksOf = async (id: number): Promise<Due> =>
    (await row<Due>(
      db.pool,
      `select moderate_due_at as moderate, acknowledge_due_at as acknowledge, respond_due_at as respond, due_at as due
       from cases where id = $1`,
      [id],
    )) as Due
  const start = async (columns: string): Promise<Due> => {
    const id = await idOf()
    await set(
      id,
      `moderate_due_at = null, acknowledge_due_at = null, respond_due_at = null, due_at = null, reported_at = '${NOW.toISOString()}'`,
    )
    await set(id, columns)
    await inTransaction(db, (tx) => startClocks(tx, id, NOW))
    return clocksOf(id)
  }

  await t.test('policies of working days pass over Christmas, those of hours run on', async (t) => {
    const due = (policy: Parameters<typeof dueAfter>[1]) =>
      inTransaction(db, (tx) => dueAfter(tx, policy, NOW))
    t.equal((await due('moderate')).toISOString(), '2026-12-29T11:00:00.000Z')
    t.equal((await due('acknowledge')).toISOString(), '2026-12-31T11:00:00.000Z')
    t.equal((await due('respond')).toISOString(), '2027-02-02T11:00:00.000Z')
    t.equal((await due('urgent')).toISOString(), '2026-12-24T15:00:00.000Z')
    t.equal((await due('referral')).toISOString(), '2026-12-30T11:00:00.000Z')
  })

  await t.test('which clocks a new case has', async (t) => {
    const moderate = '2026-12-29T11:00:00.000Z'
    const acknowledge = '2026-12-31T11:00:00.000Z'
    const respond = '2027-02-02T11:00:00.000Z'
    const soon = '2026-12-24T15:00:00.000Z'
    const all = { moderate, acknowledge, respond, due: moderate }
    const none = { moderate: null, acknowledge: null, respond: null, due: null }
    t.same(await start(`kind = 'concern'`), all)
    t.same(await start(`kind = 'question', wants_response = false`), all)
    t.same(await start(`kind = 'feedback', wants_response = true`), all)
    t.same(await start(`kind = 'feedback', wants_response = false`), { ...none, moderate, due: moderate })
    t.same(await start('test = true'), all)
    t.same(await start('urgent = true'), { moderate: soon, acknowledge: soon, respond, due: soon })
    const calm = `kind = 'feedback', wants_response = false, urgent = true`
    t.same(await start(calm), { moderate: soon, acknowledge: soon, respond: null, due: soon })
    t.same(await start(`channel = 'feed', client_id = null, source_id = (select min(id) from sources)`), none)
    t.same(
      await start(
        `channel = 'feed', client_id = null, source_id = (select min(id) from sources), urgent = true`,
      ),
      none,
    )
    const days = (n: number, ms: number) => new Date(NOW.getTime() - n * 24 * HOUR - ms).toISOString()
    t.same(await start(`reported_at = '${days(7, 1)}'`), none, 'what is older than seven days is no news')
    t.same(await start(`reported_at = '${days(7, 0)}'`), all)
    t.same(await start(`publication = 'kept_private'`), { ...all, due: acknowledge }, 'moderated at intake')
  })

  await t.test('a case that waits for a decision once more has its moderation clock anew', async (t) => {
    const id = await idOf()
    const later = new Date('2027-01-04T09:00:00.000Z')
    await inTransaction(db, (tx) => restartModeration(tx, id, later))
    t.equal((await clocksOf(id)).moderate, '2027-01-05T09:00:00.000Z')
    await set(id, 'urgent = true')
    await inTransaction(db, (tx) => restartModeration(tx, id, later))
    t.equal((await clocksOf(id)).moderate, '2027-01-04T13:00:00.000Z')
  })

  await t.test(
    'whatever becomes of a case, what is due is the earliest of the clocks that run',
    async (t) => {
      const id = await idOf()
      const { from } = (await row<{ from: number }>(
        db.pool,
        'select organisation_id as from from cases where id = $1',
        [id],
      )) as { from: number }
      await rows(
        db.pool,
        'insert into referrals (case_id, from_id, to_id, due_at) values ($1, $2, $2, now())',
        [id, from],
      )
      const at = fc.option(fc.integer({ min: 0, max: 1000 }).map((n) => new Date(NOW.getTime() + n * HOUR)))
      const state = fc.record({
        status: fc.constantFrom(...openStatuses, ...closedStatuses),
        publication: fc.constantFrom(
          'awaiting_moderation',
          'awaiting_second_tier',
          'kept_private',
          'rejected',
          'removed',
        ),
        acknowledged: fc.boolean(),
        paused: fc.boolean(),
        referral: fc.constantFrom('waiting', 'accepted', 'declined', 'cancelled'),
        moderate: at,
        acknowledge: at,
        respond: at,
        answer: at.map((time) => time ?? NOW),
      })
      await fc.assert(
        fc.asyncProperty(state, async (s) => {
          await rows(
            db.pool,
            `update cases set status = $2::case_status, publication = $3::publication, moderate_due_at = $4, acknowledge_due_at = $5,
             respond_due_at = $6, acknowledged_at = case when $7 then now() end,
             paused_at = case when $8 then now() end,
             closed_at = case when $2::text not in ('open', 'in_progress') then now() end,
             resolved_at = case when $2::text = 'resolved' then now() end where id = $1`,
            [
              id,
              s.status,
              s.publication,
              s.moderate,
              s.acknowledge,
              s.respond,
              s.acknowledged || s.status !== 'open',
              s.paused,
            ],
          )
          await rows(
            db.pool,
            'update referrals set state = $2::referral_state, due_at = $3 where case_id = $1',
            [id, s.referral, s.answer],
          )
          await inTransaction(db, (tx) => keepClocks(tx, id))

          const works = s.status === 'open' || s.status === 'in_progress'
          const running = [
            s.publication.startsWith('awaiting') && s.status !== 'withdrawn' ? s.moderate : null,
            s.status === 'open' && !s.acknowledged ? s.acknowledge : null,
            works && !s.paused ? s.respond : null,
            works && s.referral === 'waiting' ? s.answer : null,
          ].filter((one) => one !== null)
          const first = running.length === 0 ? null : new Date(Math.min(...running.map(Number))).toISOString()
          return (await clocksOf(id)).due === first
        }),
        { numRuns: 150 },
      )
      t.pass()
    },
  )
})
