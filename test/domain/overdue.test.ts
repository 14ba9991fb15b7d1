import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { findClient } from '../../domain/clients.ts'
import { readLog } from '../../domain/log-lines.ts'
import { recordOverdue } from '../../domain/overdue.ts'
import { createCase, publishedCase, startHarness } from '../api/harness.ts'

const MINUTE_MS = 60_000

t.test('that a case has become overdue is told once, to those who work on it alone', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const due = (reference: string, at: Date) =>
    db.pool.query('update cases set due_at = $2 where reference = $1', [reference, at])
  const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE_MS)
  const late = await publishedCase(harness)
  const inTime = await createCase(harness)
  await due(late.reference, ago(5))
  await due(inTime.reference, ago(-5))
  const before = (await call({ url: '/v1/events?after=end' })).body.next

  const both = await Promise.all([recordOverdue(db, new Date()), recordOverdue(db, new Date())])
  t.equal(both[0] + both[1], 1, 'once, however many look')
  t.equal(await recordOverdue(db, new Date()), 0)
  await indexCases(db)

  const history = await call({ url: `/v1/cases/${late.reference}/events`, key: keys.provider })
  const told = history.body.items.filter(({ type }: { type: string }) => type === 'case.overdue')
  t.match(told, [{ fields: ['dueAt'], client: null }])
  const read = await call({ url: `/v1/cases/${late.reference}`, key: keys.provider })
  t.equal(read.body.version, late.version, 'it is no change of the case')
  const heard = await call({ url: `/v1/events?after=${before}` })
  t.same(
    heard.body.items.filter((line: { type: string; at: string }) => line.at > told[0].at),
    [],
    'the public does not hear of it',
  )
  t.notMatch(heard.text, /dueAt|overdue/)
  const client = await findClient(db, keys.provider)
  if (client === null) throw new Error('the key does not work')
  const wanted = { filter: { overdue: true }, types: ['case.overdue'], after: 0, limit: 10, now: new Date() }
  const { lines } = await readLog(db, { view: 'mine', client }, wanted)
  t.match(lines, [{ reference: late.reference, gone: false }], 'who asks for what is overdue does')

  await due(late.reference, ago(-1))
  t.equal(await recordOverdue(db, new Date()), 0, 'another time that has not passed')
  t.equal(await recordOverdue(db, new Date(Date.now() + 2 * MINUTE_MS)), 1, 'and then it has')
})

t.test('many that become overdue at once are all told, and who holds one is not waited for', async (t) => {
  const { db } = await startHarness(t)
  await db.pool.query(
    `insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, organisation_id, category_code,
       original_sealed, reported_at, due_at)
     select case_key(now()), 'M' || n, 'concern', 'web', 'open', 'awaiting_moderation', 'anonymous', 'anonymous', o.id, 'delays',
       'made', now(), now() - interval '1 hour' from organisations o, generate_series(1, 230) n where o.code = 'T01'`,
  )
  const holder = await db.pool.connect()
  await holder.query('begin')
  await holder.query(`select 1 from cases where reference = 'M7' for update`)
  t.equal(await recordOverdue(db, new Date()), 229)
  await holder.query('commit')
  holder.release()
  t.equal(await recordOverdue(db, new Date()), 1)
})
