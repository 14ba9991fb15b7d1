import t, { type Test } from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { placeEvents } from '../../domain/change-log.ts'
import { anonymiseCases, deleteCases } from '../../domain/forget-cases.ts'
import { releaseHolds } from '../../domain/holds.ts'
import { retentionDates } from '../../domain/retention-due.ts'
import { openNightlyRun, takeUpRetentionRun } from '../../domain/retention-runs.ts'
import { nextDue } from '../../domain/retention-work.ts'
import { closeDb, type Db, inTransaction, openDb, row, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { defaultPollSettings } from '../../workers/context.ts'
import { type RetainContext, retain } from '../../workers/retain.ts'
import { createCase, type Harness, staff, startHarness } from '../api/harness.ts'
import { type MadeCase, makeCases } from '../api/made-cases.ts'
import { PICTURE } from '../api/permission-fixtures.ts'
import { testDatabase } from '../database.ts'
import { decidedColumns } from './decided-columns.ts'
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

const DAY = 86_400_000
const CANARY = 'Canary Invented'

t.test('nothing of a person is left of an anonymised case, whether the public reads it or not', async (t) => {
  const harness = await startHarness(t)
  const { db } = harness
  const cases = [await fullCase(harness, false), await fullCase(harness, true)]
  const ids = cases.map(({ id }) => id)
  const before = await sealedOf(db)
  const notSealed = [...before].filter(([, n]) => n === 0).map(([column]) => column)
  t.same(notSealed, [], 'each sealed column beside a case was filled')
  t.ok((await tablesWith(db, CANARY)).length > 3)

  const now = new Date()
  await inTransaction(db, (tx) => anonymiseCases(tx, ids, now))
  t.same(
    [...(await sealedOf(db))].filter(([, n]) => n > 0),
    [],
    'nothing sealed is left',
  )
  t.same(await tablesWith(db, CANARY), ['responses'], 'but a published answer')
  const [hidden, shown] = await rows(
    db.pool,
    `select publication, moderated_text as text, email_index as email, phone_index as phone, preferred_contact as contact,
       visit_month as month, tags, assignee, place_given as given, latitude, receipt_generation as receipt, anonymised_at as at,
       resolved_at is not null as resolved, outcome_resolved as outcome,
       (select count(*)::int from responses r where r.case_id = c.id) as answers,
       (select string_agg(text, '|') from responses r where r.case_id = c.id) as said,
       (select count(*)::int from messages r where r.case_id = c.id) as messages
     from cases c where id = any($1::bigint[]) order by id`,
    [ids],
  )
  const gone = {
    email: null,
    phone: null,
    contact: null,
    month: null,
    tags: [],
    assignee: null,
    given: false,
    receipt: 2,
  }
  // The site of the case has the position of T0101.
  const kept = {
    latitude: 51.51,
    resolved: true,
    outcome: true,
    answers: 1,
    messages: 0,
    at: now.toISOString(),
  }
  t.match(hidden, { ...gone, ...kept, publication: 'kept_private', text: null, said: '' })
  t.match(shown, {
    ...gone,
    ...kept,
    publication: 'published',
    text: 'It was slow. (Invented.)',
    said: CANARY,
  })

  const events = `select case_version as version, fields from events where type = 'case.anonymised' order by id`
  const told = await rows<{ version: number; fields: string[] }>(db.pool, events)
  t.equal(told.length, 2)
  for (const field of ['original', 'contact', 'messages', 'notes', 'images', 'place', 'extension'])
    t.ok(
      told.every(({ fields }) => fields.includes(field)),
      field,
    )
  t.same(
    told.map(({ fields }) => ['ratings', 'responses'].filter((one) => fields.includes(one))),
    [['ratings', 'responses'], []],
    'what the public reads of a case stays',
  )
  await inTransaction(db, (tx) => anonymiseCases(tx, ids, new Date()))
  t.equal((await rows(db.pool, events)).length, 2, 'twice is once')
})

t.test('every column of what belongs to a case was decided on', async (t) => {
  const db = await ingestStore(t)
  const found = await rows<{ name: string }>(
    db.pool,
    `select c.table_name || '.' || c.column_name as name from information_schema.columns c
     where c.table_schema = 'public' and (c.table_name = 'cases' or c.table_name in (
       select f.table_name from information_schema.columns f where f.table_schema = 'public' and f.column_name = 'case_id'))
     order by 1`,
  )
  t.same(
    found.map(({ name }) => name).filter((name) => !decidedColumns.has(name)),
    [],
    'decide in domain/forget-*.ts what becomes of it, say it in docs/decisions/0047, and list it in decided-columns.ts',
  )
})

t.test(
  'a case that a report hides is shown again when nobody decides, also when it is anonymised',
  async (t) => {
    const db = await ingestStore(t)
    await take(db, await pushSource(db), [story('a')])
    await rows(db.pool, `update cases set publication = 'awaiting_moderation', held_until = now()`)
    const { a } = await storedCases(db)
    await inTransaction(db, (tx) => anonymiseCases(tx, [a?.id as number], new Date()))
    t.equal(await releaseHolds(db, new Date(Date.now() + DAY)), 1)
    t.match((await storedCases(db)).a, { publication: 'published', publicName: null, originalSealed: null })
  },
)

t.test('no source changes or answers what is anonymised, but may take it back', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a'), reply('a-1', 'a'), story('b')])
  const { a } = await storedCases(db)
  await inTransaction(db, (tx) => anonymiseCases(tx, [a?.id as number], NOW))
  const before = (await storedCases(db)).a
  const again = [
    story('a'),
    story('a', { text: 'Other words.' }),
    reply('a-1', 'a', { text: 'Others.' }),
    reply('a-2', 'a'),
  ]
  for (const one of again) t.match(await take(db, source, [one]), [/ ignored$/])
  t.same((await storedCases(db)).a, before)
  const items = await rows(
    db.pool,
    'select external_id as id from items where raw_sealed is not null order by 1',
  )
  t.same(items, [{ id: 'b' }])
  t.same(await take(db, source, [deletion('a')]), ['a deleted'])
  t.equal((await storedCases(db)).a?.publication, 'removed')
})

t.test('a deleted case is gone from lists, counts and maps, and no source brings it back', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a'), reply('a-1', 'a'), story('b')])
  await placeEvents(db)
  await indexCases(db)
  const { a, b } = await storedCases(db)
  await inTransaction(db, (tx) => deleteCases(tx, [a?.id as number], NOW))
  await placeEvents(db)
  await indexCases(db)
  const lines = await rows(
    db.pool,
    'select type, case_reference as "case" from public_events order by position',
  )
  t.same(lines.at(-1), { type: 'case.removed', case: a?.reference })
  const counted = await row(db.pool, 'select sum(n)::int as n from case_counts where scope = -2')
  t.same(counted, { n: 1 })
  const places = await row(db.pool, 'select sum(n)::int as n from place_counts where scope = 3')
  t.same(places, { n: 1 })
  t.match(await take(db, source, [story('a'), reply('a-1', 'a'), reply('a-3', 'a')]), [
    /ignored/,
    /ignored/,
    /ignored/,
  ])
  t.same(Object.keys(await storedCases(db)), ['b'])
  t.equal((await storedCases(db)).b?.reference, b?.reference)
  t.same((await eventTypes(db)).at(-1), 'case.removed')
})

t.test('the store itself refuses to delete a case that is held', async (t) => {
  const db = await ingestStore(t)
  await take(db, await pushSource(db), [story('a')])
  const { a } = await storedCases(db)
  await rows(
    db.pool,
    `insert into legal_holds (reference, case_id, client_id) select 'H', $1, min(id) from api_clients`,
    [a?.id],
  )
  const deleted = inTransaction(db, (tx) => deleteCases(tx, [a?.id as number], NOW))
  await t.rejects(deleted, { code: '23001' })
  t.ok((await storedCases(db)).a)
})

t.test('the most exact policy holds, and days count from the last closing', async (t) => {
  const harness = await startHarness(t)
  const { db } = harness
  await rows(
    db.pool,
    `insert into retention_policies (kind, source_id, delete_after_days)
     select 'feedback'::case_kind, null::int, 40 union all select null, id, 50 from sources where name = 'pushed'
     union all select 'feedback', id, 60 from sources where name = 'pushed'`,
  )
  await rows(db.pool, 'update retention_policies set delete_after_days = 30 where id = 1')
  const closedAt = new Date(Date.now() - 100 * DAY)
  const made = (kind: 'concern' | 'feedback', status: string): MadeCase => ({
    organisation: 'T01',
    kind,
    category: 'delays',
    status,
    publication: 'kept_private',
    privacy: 'anonymous',
    language: null,
    title: null,
    text: 'Invented.',
    response: null,
    reportedAt: closedAt,
  })
  const references = await makeCases(db, [
    made('concern', 'resolved'),
    made('feedback', 'resolved'),
    made('feedback', 'no_action_needed'),
    made('concern', 'open'),
    made('concern', 'resolved'),
  ])
  await rows(
    db.pool,
    `update cases set channel = 'feed', closed_at = null, acknowledged_at = null, source_id = (select id from sources where name = 'pushed')
     where reference = $1`,
    [references[2]],
  )
  await rows(
    db.pool,
    `insert into events (type, at, case_id, case_reference, fields) select 'case.status_changed', now() - interval '10 days', id,
       reference, '{status}' from cases where reference = $1`,
    [references[4]],
  )
  const names = (due: { id: number; policy: number }[]) => due.map(({ id, policy }) => [id, policy])
  const keys = await rows<{ id: number }>(db.pool, 'select id from cases order by id')
  const ids = keys.map(({ id }) => id)
  const at = (days: number) => new Date(closedAt.getTime() + days * DAY + 1_000)
  const dueAt = async (days: number) => names((await nextDue(db, -1, at(days)))?.due ?? [])
  t.same(await dueAt(29), [])
  t.same(await dueAt(31), [[ids[0], 1]])
  t.same(await dueAt(41), [
    [ids[0], 1],
    [ids[1], 2],
  ])
  t.same(await dueAt(59), [
    [ids[0], 1],
    [ids[1], 2],
  ])
  t.same(await dueAt(61), [
    [ids[0], 1],
    [ids[1], 2],
    [ids[2], 4],
  ])
  t.same((await dueAt(121)).at(-1), [ids[4], 1], 'the one that was opened again')

  const dates = await retentionDates(db.pool, ids)
  t.equal(dates[2]?.deleteAt, new Date(closedAt.getTime() + 60 * DAY).toISOString())
  t.match(dates[3], { anonymiseAt: null, deleteAt: null, held: false })
})

t.test(
  'raw texts are forgotten for live cases too; what is derived again goes on without them',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    await take(db, source, [
      story('a'),
      reply('early', 'never'),
      { raw: 'x', problem: 'no id', place: 'entry', externalId: null },
    ])
    await take(db, source, [story('a', { text: 'Later words.' })], new Date(NOW.getTime() + 9 * DAY))
    await rows(db.pool, 'update quarantined_items set dismissed_at = $1', [NOW])
    await take(db, source, [{ raw: 'y', problem: 'no id', place: 'entry', externalId: null }])
    await rows(db.pool, 'update retention_policies set raw_after_days = 10')
    const raw = `select (select count(*)::int from items where raw_sealed is not null) as items, (select count(*)::int from items) as "all",
    (select count(*)::int from item_versions) as versions, (select count(*)::int from quarantined_items) as aside`
    t.same(await row(db.pool, raw), { items: 2, all: 2, versions: 1, aside: 2 })

    const first = new Date(NOW.getTime() + 11 * DAY)
    t.equal(await retained(db, first), 4, 'an earlier version, a reply without story, and two entries')
    t.same(await row(db.pool, raw), { items: 1, all: 1, versions: 0, aside: 1 })
    t.equal(await retained(db, new Date(first.getTime() + DAY)), 0)
    t.equal(await retained(db, new Date(NOW.getTime() + 20 * DAY)), 1)
    t.same(await row(db.pool, raw), { items: 0, all: 1, versions: 0, aside: 1 })
    t.same(await take(db, source, [story('a', { text: 'Later words.' })]), ['a unchanged'])
    t.same(await take(db, source, [story('a', { text: 'Last words.' })]), ['a changed'])
    t.match(await take(db, source, [{ raw: 'x', problem: 'no id', place: 'entry', externalId: null }]), [
      /quarantined/,
    ])
    const aside = await rows(db.pool, 'select dismissed_at is not null as dismissed from quarantined_items')
    t.same(aside, [{ dismissed: true }], 'what was set aside for good is known again')
  },
)

t.test('a run that is killed again and again comes to the same end as one that is not', async (t) => {
  const [whole, killed] = [await storeOfMany(t, 250), await storeOfMany(t, 250)]
  const now = new Date(NOW.getTime() + 400 * DAY)
  t.equal(await retained(whole, now), 250)
  let at = now
  let times = 0
  for (let done = false; !done; times++) {
    let batches = 0
    const context = contextOf(killed, at)
    const dying: Db = {
      ...killed,
      pool: new Proxy(killed.pool, {
        get: (pool, name) => {
          if (name === 'connect' && ++batches > 2) return () => Promise.reject(new Error('killed (invented)'))
          const value = Reflect.get(pool, name) as unknown
          return typeof value === 'function' ? value.bind(pool) : value
        },
      }),
    }
    const last = times > 1
    done = await retain({ ...context, db: last ? killed : dying }).then(
      () => last,
      () => false,
    )
    // Until then the run is still the dead worker's.
    at = new Date(at.getTime() + 10 * 60_000)
  }
  const end = `select state, counts from retention_runs order by id`
  t.same(await rows(killed.pool, end), await rows(whole.pool, end))
  const left = `select anonymised_at is not null as anonymised, version, count(*)::int as n from cases group by 1, 2`
  t.same(await rows(killed.pool, left), [{ anonymised: true, version: 2, n: 250 }])
  t.same(await eventTypes(killed), await eventTypes(whole))
})

t.test('a night has one run, however many workers there are, from two in the morning on', async (t) => {
  const db = await ingestStore(t)
  const nights = async (...times: string[]) => {
    await Promise.all(times.flatMap((at) => [1, 2, 3].map(() => openNightlyRun(db, new Date(at)))))
    const found = await rows<{ night: string }>(
      db.pool,
      'select night::text from retention_runs order by night',
    )
    return found.map(({ night }) => night)
  }
  t.same(await nights('2026-11-22T01:59:00Z'), ['2026-11-21'])
  t.same(await nights('2026-11-22T02:00:00Z', '2026-11-22T23:00:00Z', '2026-11-23T01:59:59Z'), [
    '2026-11-21',
    '2026-11-22',
  ])
  t.same(await nights('2026-07-01T00:59:00Z'), ['2026-06-30', '2026-11-21', '2026-11-22'], 'in summer time')

  const taken = await Promise.all([1, 2, 3].map(() => takeUpRetentionRun(db, NOW, 1_000)))
  t.equal(taken.filter((run) => run !== null).length, 1)
  const first = taken.find((run) => run !== null)
  for (const attempts of [2, 3]) {
    const again = await takeUpRetentionRun(db, new Date(NOW.getTime() + attempts * 2_000), 1_000)
    t.match(again, { id: first?.id, attempts })
  }
  const next = await takeUpRetentionRun(db, new Date(NOW.getTime() + 20_000), 1_000)
  t.not(next?.id, first?.id, 'one that ends its workers is given up')
  t.match(await row(db.pool, 'select state from retention_runs where id = $1', [first?.id]), {
    state: 'failed',
  })
})

t.test(
  'who read what is forgotten after six years, and where a reporter was a month after it is over',
  async (t) => {
    const db = await ingestStore(t)
    await take(db, await pushSource(db), [story('a'), story('b')])
    await rows(
      db.pool,
      `update cases set place_given = true, latitude = 51.53, longitude = -0.11, pt = mercator(51.53, -0.11)`,
    )
    await placeEvents(db)
    await indexCases(db)
    await rows(
      db.pool,
      `insert into accesses (at, client_id, operation, cases) select a, min(c.id), 'getCase', '{}' from api_clients c,
       unnest(array['2020-11-01', '2022-01-01']::timestamptz[]) as a group by a`,
    )
    const { a, b } = await storedCases(db)
    await inTransaction(db, (tx) => anonymiseCases(tx, [a?.id as number], new Date()))
    await inTransaction(db, (tx) => deleteCases(tx, [b?.id as number], new Date()))
    await placeEvents(db)
    await indexCases(db)
    const found = async () => ({
      ...(await row(db.pool, 'select count(*)::int as accesses from accesses')),
      ...(await row(db.pool, `select count(*)::int as lines from public_events where latitude = 51.53`)),
      ...(await row(
        db.pool,
        `select count(*)::int as boxes from case_index where places && box(mercator(51.53, -0.11), mercator(51.53, -0.11))`,
      )),
    })
    t.same(await found(), { accesses: 2, lines: 3, boxes: 2 })
    await retained(db, new Date(Date.now() + 29 * DAY))
    t.same(await found(), { accesses: 1, lines: 3, boxes: 2 })
    await retained(db, new Date(Date.now() + 40 * DAY))
    t.same(await found(), { accesses: 1, lines: 0, boxes: 0 })
  },
)

/** A resolved case with something in everything that a case can have, and the canary wherever a text is not sealed. */
async function fullCase(harness: Harness, shown: boolean): Promise<{ id: number; reference: string }> {
  const { call, db, keys } = harness
  const { image } = (
    await call({
      method: 'POST',
      url: '/v1/images',
      key: keys.integrator,
      headers: { 'content-type': 'image/gif' },
      body: PICTURE,
    })
  ).body
  const contact = { name: CANARY, email: 'canary@example.org', phone: '020 7946 0999', preferred: 'phone' }
  const { reference, version } = await createCase(harness, {
    ...{
      organisation: 'T0101',
      service: 'SRV1',
      privacy: 'named',
      text: `${CANARY} waited. (Invented.)`,
      contact,
    },
    ...{ images: [image], visitMonth: '2026-10' },
  })
  const write = async (at: number, body: object) => {
    const url = `/v1/cases/${reference}/decisions`
    const answer = await call({ method: 'POST', url, key: keys.case_handler, headers: staff(at), body })
    if (answer.status > 201) throw new Error(`${answer.status} ${answer.text}`)
    await placeEvents(db)
  }
  const decision = { reason: 'fit_to_publish', commissioned: 'locally', note: `Of ${CANARY}.` }
  await write(
    version,
    shown
      ? { ...decision, action: 'publish', moderatedText: 'It was slow. (Invented.)' }
      : { ...decision, action: 'keep_private' },
  )
  const found = await row<{ id: number }>(db.pool, 'select id from cases where reference = $1', [reference])
  const id = found?.id as number
  for (const statement of BESIDES)
    await rows(db.pool, statement, [id, CANARY].slice(0, statement.includes('$2') ? 2 : 1))
  return { id, reference }
}

/** What can lie beside a case `$1`: sealed texts, and `$2` where a text is not sealed. */
const BESIDES = [
  `update cases set status = 'resolved', acknowledged_at = now(), closed_at = now(), resolved_at = now(), assignee = $2, tags = array[$2],
     ratings = '[{ "question": "invented" }]', place_given = true, latitude = 51.53, longitude = -0.11, pt = mercator(51.53, -0.11),
     outcome_resolved = true, outcome_at = now(), on_behalf = true where id = $1`,
  `update decisions set edits = '[{ "from": 0, "to": 8, "reason": "other" }]' where case_id = $1`,
  `insert into responses (reference, case_id, text, author_name, publication, responded_at)
     values ('R' || $1::bigint, $1, $2, $2, 'published', now())`,
  `insert into response_edits (response_id, text_sealed) select id, 'sealed' from responses where case_id = $1`,
  `insert into messages (reference, case_id, author, text_sealed) values ('M' || $1::bigint, $1, 'reporter', 'sealed')`,
  `insert into notes (reference, case_id, text_sealed, acting_user) values ('N' || $1::bigint, $1, 'sealed', 'person-1')`,
  `insert into surveys (case_id, expires_at) values ($1, now() + interval '1 day')`,
  `insert into case_claims (case_id, client_id, acting_user, until) select $1, min(id), 'person-1', now() from api_clients`,
  `insert into objections (reference, kind, case_id, reason, text_sealed, due_at)
     values ('O' || $1::bigint, 'report', $1, 'threat', 'sealed', now())`,
  `insert into escalations (reference, case_id, reason, text_sealed, answer_sealed, due_at)
     values ('E' || $1::bigint, $1, 'other', 'sealed', 'sealed', now())`,
  `insert into extensions (reference, case_id, working_days, reason_sealed, consent, state)
     values ('X' || $1::bigint, $1, 5, 'sealed', 'phone', 'agreed')`,
  `insert into legal_holds (reference, case_id, reason_sealed, client_id, ended_at)
     select 'H' || $1::bigint, $1, 'sealed', min(id), now() from api_clients`,
  `insert into items (source_id, external_id, type, state, fingerprint, raw_sealed, read_by, case_id, warnings)
     select min(id), 'I' || $1::bigint, 'story', 'live', 'x', 'sealed', 'pushed', $1, array[$2] from sources`,
  `insert into item_versions (item_id, version, raw_sealed, read_by, seen_at)
     select id, 1, 'sealed', 'pushed', now() from items where case_id = $1`,
  `insert into quarantined_items (reference, source_id, fingerprint, external_id, reason, detail, raw_sealed, read_by)
     select 'Q' || $1::bigint, source_id, external_id::bytea, external_id, 'malformed', '', 'sealed', 'pushed' from items where case_id = $1`,
  `insert into runs (reference, source_id, kind, state, finished_at)
     select 'U' || $1::bigint, min(id), 'push', 'succeeded', now() from sources`,
  `insert into run_results (run_id, number, outcome, case_id, fields, detail)
     select id, 1, 'changed', $1, '{}', $2 from runs where reference = 'U' || $1::bigint`,
  `insert into idempotency_records (owner, key, operation, fingerprint, result, expires_at)
     values ('case:' || $1::bigint, 'k', 'createAddition', 'x', 'null', now() + interval '1 day')`,
  `insert into notifications (key, kind, case_id) values ('K' || $1::bigint, 'receipt_for_reporter', $1)`,
  `insert into subscriptions (reference, client_id, url_sealed, view, position)
     select 'S' || $1::bigint, min(id), 'sealed', 'public', 0 from api_clients`,
  `with placed as (select pg_advisory_xact_lock(0))
   insert into deliveries (reference, subscription_id, position, type, case_id, state, settled_at)
     select 'D' || $1::bigint, s.id, e.position, e.type, $1, 'delivered', now()
     from placed, subscriptions s, lateral (select * from events where case_id = $1 and position is not null limit 1) e
     where s.reference = 'S' || $1::bigint`,
  `insert into delivery_attempts (delivery_id, at, milliseconds, answer_sealed)
     select id, now(), 1, 'sealed' from deliveries where case_id = $1`,
]

/** How many sealed texts there are in each column that has some beside a case; the store has these cases alone. */
async function sealedOf(db: Db): Promise<Map<string, number>> {
  const columns = await rows<{ table: string; column: string }>(
    db.pool,
    `select c.table_name as "table", c.column_name as "column" from information_schema.columns c
     where c.table_schema = 'public' and c.column_name like '%sealed' and (
       c.table_name in ('cases', 'image_chunks', 'response_edits', 'item_versions', 'quarantined_items', 'delivery_attempts')
       or c.table_name in (
         select f.table_name from information_schema.columns f where f.table_schema = 'public' and f.column_name = 'case_id'))
     order by 1, 2`,
  )
  const counts = new Map<string, number>()
  for (const { table, column } of columns) {
    const found = await row<{ n: number }>(db.pool, `select count(${column})::int as n from ${table}`)
    counts.set(`${table}.${column}`, found?.n ?? 0)
  }
  return counts
}

/** The tables in which a text stands. */
async function tablesWith(db: Db, text: string): Promise<string[]> {
  const tables = await rows<{ name: string }>(
    db.pool,
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const some = await row(
      db.pool,
      `select 1 from ${name} as one where one::text ilike '%' || $1 || '%' limit 1`,
      [text],
    )
    if (some !== undefined) found.push(name)
  }
  return found
}

/** What `retain` does at a time, by the run of its night; how many cases or texts that were. */
async function retained(db: Db, now: Date): Promise<number> {
  await retain(contextOf(db, now))
  const run = await row<{ counts: { anonymised: number; deleted: number; raw: number }[] }>(
    db.pool,
    'select counts from retention_runs order by id desc limit 1',
  )
  return (run?.counts ?? []).reduce(
    (sum, { anonymised, deleted, raw }) => sum + anonymised + deleted + raw,
    0,
  )
}

function contextOf(db: Db, now: Date): RetainContext {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  return { db, log: log as never, now: () => now, settings: defaultPollSettings }
}

async function storeOfMany(t: Test, many: number): Promise<Db> {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 4, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  await rows(
    db.pool,
    `insert into organisations (id, code, name, kind, latitude, longitude) values (1, 'T01', 'Example (invented)', 'trust', 51.5, -0.1)`,
  )
  await rows(db.pool, 'update retention_policies set anonymise_after_days = 365')
  await makeCases(
    db,
    Array.from({ length: many }, () => ({
      ...{
        organisation: 'T01',
        kind: 'concern',
        category: 'delays',
        status: 'resolved',
        publication: 'published',
      },
      ...{
        privacy: 'anonymous',
        language: null,
        title: null,
        text: 'Invented.',
        response: null,
        reportedAt: NOW,
      },
    })) as never,
  )
  return db
}
