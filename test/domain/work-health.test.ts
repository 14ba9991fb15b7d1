import t, { type Test } from 'tap'
import { placeEvents } from '../../domain/change-log.ts'
import { deadlineSeconds, knownWorkHealth, type WorkKind, workHealth } from '../../domain/work-health.ts'
import { type Db, rows } from '../../prisma/client.ts'
import { client, ingestStore, NOW } from './ingest-store.ts'

const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1_000)
const kinds = Object.keys(deadlineSeconds) as WorkKind[]

t.test('with nothing to do all is well', async (t) => {
  const db = await emptyStore(t)
  t.same(await workHealth(db, NOW), {
    status: 'ok',
    checkedAt: NOW.toISOString(),
    work: kinds.map((kind) => ({
      kind,
      waiting: 0,
      oldestSeconds: null,
      deadlineSeconds: deadlineSeconds[kind],
      late: false,
    })),
  })
})

t.test('each kind of work is late once its oldest has been due for longer than its deadline', async (t) => {
  const db = await emptyStore(t)
  const makes: Record<WorkKind, (due: Date) => Promise<unknown>> = {
    event: (due) => event(db, due),
    index: async (due) => {
      await event(db, due)
      await placeEvents(db)
      await allTold(db)
    },
    notification: (due) => notification(db, { due }),
    delivery: async (due) => delivery(db, await subscription(db), { due }),
    poll: (due) => source(db, due),
    survey: (due) => notification(db, { due, kind: 'survey_for_reporter' }),
    digest: (due) => digest(db, due),
  }
  for (const kind of kinds) {
    const deadline = deadlineSeconds[kind]
    await makes[kind](ago(deadline))
    t.same(await agesOf(db), [{ kind, waiting: 1, oldestSeconds: deadline, late: false }], `${kind} in time`)
    t.equal((await workHealth(db, NOW)).status, 'ok')
    await nothingToDo(db)
    await makes[kind](ago(deadline + 1))
    t.match(await agesOf(db), [{ kind, oldestSeconds: deadline + 1, late: true }], `${kind} late`)
    t.equal((await workHealth(db, NOW)).status, 'late')
    await nothingToDo(db)
  }
})

t.test('what is not due yet, is being done or has been done is no waiting work', async (t) => {
  const db = await emptyStore(t)
  const soon = new Date(NOW.getTime() + 60_000)
  await notification(db, { due: soon })
  await notification(db, { due: ago(9_999), state: 'sent' })
  await notification(db, { due: ago(9_999), state: 'failed' })
  const one = await subscription(db)
  await delivery(db, one, { due: soon })
  await delivery(db, one, { due: ago(9_999), state: 'failed' })
  await source(db, soon)
  await source(db, ago(9_999), { claimed: soon })
  await source(db, ago(9_999), { state: 'paused' })
  await digest(db, soon)
  await digest(db, ago(9_999), { state: 'ended' })
  t.same(await agesOf(db), [])
})

t.test(
  'a message of an urgent case counts from when it was noted, also while it waits to be tried again',
  async (t) => {
    const db = await emptyStore(t)
    const soon = new Date(NOW.getTime() + 3_000_000)
    await notification(db, { due: soon, kind: 'urgent_for_on_call', created: ago(601) })
    t.same(await agesOf(db), [{ kind: 'notification', waiting: 1, oldestSeconds: 601, late: true }])
  },
)

t.test('an event of which nobody has noted whom it is told counts as a notification', async (t) => {
  const db = await emptyStore(t)
  for (const seconds of [700, 30]) await event(db, ago(seconds))
  await placeEvents(db)
  await allIndexed(db)
  t.same(await agesOf(db), [{ kind: 'notification', waiting: 2, oldestSeconds: 700, late: true }])
})

t.test(
  'what waits behind an older delivery of its case is not late: its subscriber does not answer',
  async (t) => {
    const db = await emptyStore(t)
    const failing = await subscription(db)
    const soon = new Date(NOW.getTime() + 3_000_000)
    await delivery(db, failing, { due: soon, caseId: 7 })
    await delivery(db, failing, { due: ago(9_999), caseId: 7 })
    t.same(await agesOf(db), [])
    await delivery(db, failing, { due: ago(5), caseId: 8 })
    t.same(await agesOf(db), [{ kind: 'delivery', waiting: 1, oldestSeconds: 5, late: false }])
    await rows(db.pool, 'update subscriptions set failing_since = $1', [NOW])
    t.same(await agesOf(db), [], 'one that fails is tried little by little')
  },
)

t.test('an active subscription that the log runs ahead of counts, a paused one does not', async (t) => {
  const db = await emptyStore(t)
  const one = await subscription(db)
  const paused = await subscription(db, 'paused')
  await delivery(db, paused, { due: ago(9_999) })
  for (const seconds of [800, 20]) await event(db, ago(seconds))
  await placeEvents(db)
  await allIndexed(db)
  await allTold(db)
  t.same(await agesOf(db), [{ kind: 'delivery', waiting: 2, oldestSeconds: 800, late: true }])
  await rows(db.pool, 'update subscriptions set position = position + 1 where id = $1', [one])
  t.same(await agesOf(db), [{ kind: 'delivery', waiting: 1, oldestSeconds: 20, late: false }])
})

t.test('no more than a thousand are counted', async (t) => {
  const db = await emptyStore(t)
  await rows(
    db.pool,
    `insert into events (type, at, fields) select 'client.changed', $1, '{}' from generate_series(1, 1500)`,
    [ago(1)],
  )
  t.same(await agesOf(db), [{ kind: 'event', waiting: 1_000, oldestSeconds: 1, late: false }])
})

t.test('the store is asked once in a few seconds', async (t) => {
  const db = await emptyStore(t)
  const first = await knownWorkHealth(db, NOW)
  await event(db, ago(61))
  t.equal(await knownWorkHealth(db, new Date(NOW.getTime() + 4_000)), first)
  t.equal((await knownWorkHealth(db, new Date(NOW.getTime() + 5_000))).status, 'late')
})

t.test('no statement of it walks through a table that grows', async (t) => {
  const db = await emptyStore(t)
  const asked: string[] = []
  const pool = { query: async (config: { text: string }) => asked.push(config.text) && { rows: [] } }
  await workHealth({ ...db, pool } as never, NOW)
  const connection = await db.pool.connect()
  t.teardown(() => connection.release(true))
  await connection.query(`set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off`)
  const plan = (await rows<{ 'QUERY PLAN': string }>(connection, `explain ${asked[0]}`, [NOW, 1_000]))
    .map((line) => line['QUERY PLAN'])
    .join('\n')
  for (const index of [
    'events_unplaced',
    'events_position_key',
    'notifications_waiting',
    'notifications_waiting_by_kind',
    'deliveries_waiting',
    'deliveries_of_case',
    'sources_due',
    'digests_due',
  ])
    t.match(plan, new RegExp(`using ${index} `), index)
  t.notMatch(plan, /Seq Scan on (events|notifications|deliveries|sources|digests)/)
})

async function emptyStore(t: Test): Promise<Db> {
  const db = await ingestStore(t)
  await nothingToDo(db)
  return db
}

async function agesOf(db: Db) {
  const { work } = await workHealth(db, NOW)
  return work
    .filter(({ waiting }) => waiting > 0)
    .map(({ kind, waiting, oldestSeconds, late }) => ({ kind, waiting, oldestSeconds, late }))
}

async function nothingToDo(db: Db): Promise<void> {
  await rows(db.pool, 'truncate deliveries, subscriptions, digests, notifications, saved_queries cascade')
  await rows(db.pool, 'update sources set next_check_at = null')
  await placeEvents(db)
  await allIndexed(db)
  await allTold(db)
}

const allIndexed = (db: Db) => rows(db.pool, 'update log_state set position = placed')
const allTold = (db: Db) =>
  rows(db.pool, `update log_taps set position = (select placed from log_state) where name = 'notifications'`)

const event = (db: Db, at: Date) =>
  rows(db.pool, `insert into events (type, at, fields) values ('client.changed', $1, '{}')`, [at])

let made = 0

type NotificationDraft = { due: Date; kind?: string; state?: string; created?: Date }

const notification = (
  db: Db,
  { due, kind = 'case_for_organisation', state = 'waiting', created = due }: NotificationDraft,
) =>
  rows(
    db.pool,
    `insert into notifications (key, kind, state, next_attempt_at, created_at, sent_at, problem)
     values ($1, $2::notification_kind, $3::notification_state, $4, $5,
       case when $3 = 'sent' then $4::timestamptz end, case when $3 = 'failed' then 'invented' end)`,
    [`invented ${made++}`, kind, state, due, created],
  )

async function subscription(db: Db, state = 'active'): Promise<number> {
  const { clientId } = await client(db, { name: `invented ${made++}`, role: 'supplier' })
  const [one] = await rows<{ id: number }>(
    db.pool,
    `insert into subscriptions (reference, client_id, url_sealed, view, state, position)
     select $1, $2, 'invented', 'public', $3::subscription_state, placed from log_state returning id`,
    [`SUB${made++}`, clientId, state],
  )
  return (one as { id: number }).id
}

type DeliveryDraft = { due: Date; caseId?: number; state?: string }

const delivery = (db: Db, subscriptionId: number, { due, caseId, state = 'waiting' }: DeliveryDraft) =>
  rows(
    db.pool,
    `insert into deliveries (reference, subscription_id, type, case_id, state, next_attempt_at, settled_at)
     values ($1, $2, 'case.changed', $3, $4::delivery_state, $5, case when $4 <> 'waiting' then $5::timestamptz end)`,
    [`DEL${made++}`, subscriptionId, caseId ?? null, state, due],
  )

type SourceDraft = { state?: string; claimed?: Date }

const source = (db: Db, due: Date, { state = 'active', claimed }: SourceDraft = {}) =>
  rows(
    db.pool,
    `insert into sources (name, title, connector, address_sealed, organisation_scheme, state, next_check_at, claimed_until)
     values ($1, 'Invented', 'feed', 'invented', 'invented', $2::source_state, $3, $4)`,
    [`invented-${made++}`, state, due, claimed ?? null],
  )

async function digest(db: Db, due: Date, { state = 'active' } = {}): Promise<void> {
  const { clientId } = await client(db, { name: `invented ${made++}`, role: 'supplier' })
  await rows(
    db.pool,
    `with query as (
       insert into saved_queries (reference, client_id, name, view, filter) values ($1, $2, $1, 'public', '{}') returning id)
     insert into digests (reference, client_id, query_id, address_sealed, address_index, every, state, position, next_at)
     select $1, $2, id, 'invented', '\\x00', 'day', $3::digest_state, 0, $4 from query`,
    [`DIG${made++}`, clientId, state, due],
  )
}
