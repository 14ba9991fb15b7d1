import t from 'tap'
import { placeEvents } from '../../domain/change-log.ts'
import { recordEvents } from '../../domain/events.ts'
import { noteDigests } from '../../domain/feedback-digest.ts'
import {
  claimNotifications,
  forgetOldNotifications,
  MOST_ATTEMPTS,
  nextAttempt,
  noteNotifications,
  settleNotification,
} from '../../domain/notifications.ts'
import { toldOrganisation } from '../../domain/organisation-settings.ts'
import { type Db, inTransaction, type NotificationKind, row, rows } from '../../prisma/client.ts'
import { noteAll, tellOf } from '../noted.ts'
import { ingestStore } from './ingest-store.ts'

const soon = () => new Date(Date.now() + 1_000)
const lease = { limit: 10, leaseMs: 60_000 }

t.test('what is to be told about a case is noted once, in the transaction of its change', async (t) => {
  const db = await ingestStore(t)
  const theCase = await aCase(db)
  await tell(db, theCase, 'response_for_reporter', 'a')
  await tell(db, theCase, 'response_for_reporter', 'a')
  await tell(db, theCase, 'response_for_reporter', 'b')
  await tell(db, theCase, 'case_for_organisation')
  await tell(db, { ...theCase, organisationId: 3 }, 'case_for_organisation')
  await tell(db, await aCase(db, { test: true }), 'closing_for_reporter')
  const { id: caseId } = theCase
  const tells = [{ kind: 'removal_for_reporter' }] as const
  await inTransaction(db, async (tx) => {
    await recordEvents(tx, null, [{ type: 'case.removed', caseId, tells }])
    throw new Error('undone')
  }).catch(() => undefined)
  await noteAll(db)
  await noteAll(db)
  t.same(await noted(db), [
    'case_for_organisation 1 1',
    'case_for_organisation 1 2',
    'case_for_organisation 3 1',
    'case_for_organisation 3 2',
    'response_for_reporter null 1',
    'response_for_reporter null 1',
  ])
})

t.test(
  'many who read the log at once note each thing once, and a killed one nothing by halves',
  async (t) => {
    const db = await ingestStore(t)
    const theCase = await aCase(db)
    for (let n = 0; n < 20; n++) await tell(db, theCase, 'question_for_reporter', n)
    await tell(db, { ...theCase, organisationId: 999 }, 'case_for_organisation')
    await tellOf(db, { id: 1, organisationId: 1 }, [{ kind: 'closing_for_reporter' }])
    await placeEvents(db)
    const counts = await Promise.all([1, 2, 3].map(() => noteNotifications(db, 3)))
    t.equal(
      counts.reduce((sum, count) => sum + count),
      20,
      'nobody of an organisation or a case that is not there',
    )
    t.equal(await noteNotifications(db), 0)
    await tell(db, theCase, 'closing_for_reporter')
    await rows(db.pool, `update log_taps set position = 0 where name = 'notifications'`)
    await placeEvents(db)
    t.equal(await noteNotifications(db), 1, 'read again from the beginning, only what is new is noted')
    const [last] = await rows<{ at: string; due: string; event: string }>(
      db.pool,
      `select n.created_at as at, n.next_attempt_at as due, e.at as event from notifications n, events e
     where n.kind = 'closing_for_reporter' and e.tells is not null order by e.id desc limit 1`,
    )
    t.equal(last?.at, last?.event, 'from the time of its event')
    t.equal(last?.due, last?.event)
  },
)

t.test('what was told is forgotten after a year, and what failed is not', async (t) => {
  const db = await ingestStore(t)
  const theCase = await aCase(db)
  for (let n = 0; n < 4; n++) await tell(db, theCase, 'question_for_reporter', n)
  await noteAll(db)
  const [, sent, dropped, failed] = await claimNotifications(db, soon(), lease)
  if (!sent || !dropped || !failed) throw new Error('nothing was claimed')
  await settleNotification(db, sent, { state: 'sent', providerId: 'a' }, soon())
  await settleNotification(db, dropped, { state: 'dropped', problem: 'no_email' }, soon())
  await settleNotification(db, failed, { state: 'failed', problem: 'smtp_550' }, soon())
  const days = (n: number) => new Date(Date.now() + n * 24 * 3_600_000)
  t.equal(await forgetOldNotifications(db, days(364)), 0)
  t.equal(await forgetOldNotifications(db, days(367)), 2)
  const left = await rows<{ state: string }>(db.pool, 'select state from notifications order by state')
  t.same(
    left.map(({ state }) => state),
    ['waiting', 'failed'],
  )
})

t.test("a claim is one worker's until its lease ends, and who comes late settles nothing", async (t) => {
  const db = await ingestStore(t)
  const theCase = await aCase(db)
  for (let n = 0; n < 20; n++) await tell(db, theCase, 'question_for_reporter', n)
  await noteAll(db)
  const claims = await Promise.all([1, 2, 3, 4].map(() => claimNotifications(db, soon(), lease)))
  const ids = claims.flat().map(({ id }) => id)
  t.equal(ids.length, 20)
  t.equal(new Set(ids).size, 20)

  const after = new Date(Date.now() + 120_000)
  const [again] = await claimNotifications(db, after, { ...lease, limit: 1 })
  const late = claims.flat().find(({ id }) => id === again?.id)
  if (again === undefined || late === undefined) throw new Error('nothing was claimed again')
  t.equal(again.attempts, 2)
  t.equal(await settleNotification(db, late, { state: 'failed', problem: 'late' }, after), false)
  t.equal(await settleNotification(db, again, { state: 'sent', providerId: null }, after), true)
  t.equal(await settleNotification(db, again, { state: 'sent', providerId: null }, after), false)
})

t.test('it is tried again ever more slowly, from a minute to a day, and not for ever', async (t) => {
  const now = new Date('2026-12-01T12:00:00Z')
  const minutes = Array.from({ length: MOST_ATTEMPTS }, (_, n) => {
    const at = nextAttempt(n + 1, now, () => 0)
    return at === null ? null : (at.getTime() - now.getTime()) / 60_000
  })
  t.same(minutes, [1, 4, 16, 64, 256, 1024, 1440, null])
  const scattered = nextAttempt(1, now, () => 0.99)?.getTime() ?? 0
  t.ok(scattered > now.getTime() + 60_000 && scattered < now.getTime() + 70_000)
})

t.test('the nearest organisation above that has an address is told', async (t) => {
  const db = await ingestStore(t)
  t.match(await toldOrganisation(db.pool, 2), { id: 2, notifyEmail: null, respondUrl: null })
  await rows(
    db.pool,
    `update organisations set notify_email_2 = 'b@x.example.org', respond_url = 'https://t.example/{reference}' where id = 1`,
  )
  t.match(await toldOrganisation(db.pool, 2), {
    id: 1,
    notifyEmail: null,
    notifyEmail2: 'b@x.example.org',
    respondUrl: 'https://t.example/{reference}',
  })
  await rows(
    db.pool,
    `update organisations set notify_email = 'site@x.example.org', feedback_notice = 'at_once' where id = 2`,
  )
  t.match(await toldOrganisation(db.pool, 2), {
    id: 2,
    notifyEmail: 'site@x.example.org',
    notifyEmail2: null,
    feedbackNotice: 'at_once',
    respondUrl: 'https://t.example/{reference}',
  })
})

t.test(
  'a digest is noted once a day, from seven in the morning, for who wants one and has something to hear',
  async (t) => {
    const db = await ingestStore(t)
    await rows(
      db.pool,
      `update organisations set notify_email = 'a@x.example.org', notify_email_2 = 'b@x.example.org' where id = 1`,
    )
    await rows(
      db.pool,
      `update organisations set notify_email = 'c@x.example.org', feedback_notice = 'none' where id = 3`,
    )
    const day = new Date('2026-12-01T00:00:00Z')
    const at = (hour: number, days = 0) => new Date(day.getTime() + (hour + 24 * days) * 3_600_000)
    t.equal(await noteDigests(db, at(9)), 0, 'nothing to hear')
    for (const organisationId of [1, 2, 3])
      await aCase(db, { kind: 'feedback', organisation_id: organisationId, at: at(5) })
    await aCase(db, { kind: 'concern', organisation_id: 1, at: at(5) })

    t.equal(await noteDigests(db, at(6.9)), 0, 'too early')
    t.equal(await noteDigests(db, at(8)), 2)
    t.equal(await noteDigests(db, at(20)), 0, 'once a day')
    t.same(await noted(db), ['feedback_digest 1 1', 'feedback_digest 1 2'])
    t.equal(await noteDigests(db, at(8, 1)), 0, 'not while one waits')
    await rows(db.pool, `update notifications set state = 'sent', sent_at = now()`)
    t.equal(await noteDigests(db, at(8, 1)), 0, 'nothing new since')
    await aCase(db, { kind: 'feedback', organisation_id: 2, at: at(12) })
    t.equal(await noteDigests(db, at(8, 1)), 2)
  },
)

t.test(
  "what is old, withdrawn, rejected, tried out or of a source's first import is in no digest",
  async (t) => {
    const db = await ingestStore(t)
    await rows(db.pool, `update organisations set notify_email = 'a@x.example.org' where id = 1`)
    const now = new Date('2026-12-01T12:00:00Z')
    const at = new Date('2026-12-01T05:00:00Z')
    const [source] = await rows<{ id: number }>(
      db.pool,
      `insert into sources (name, title, organisation_scheme, state) values ('s', 'Invented', 's', 'active') returning id`,
    )
    const feed = { kind: 'feedback', organisation_id: 1, channel: 'feed', source_id: source?.id, at }
    for (const changes of [
      { test: true },
      { publication: 'rejected' },
      { status: 'withdrawn', publication: 'removed' },
      { reported: new Date('2026-11-20T05:00:00Z') },
      feed,
    ])
      await aCase(db, { kind: 'feedback', organisation_id: 1, at, ...changes })
    t.equal(await noteDigests(db, now), 0)
    // Its first import was yesterday: what comes today is new.
    await rows(
      db.pool,
      `insert into runs (reference, source_id, kind, state, finished_at) values ('r', $1, 'push', 'succeeded', '2026-11-30')`,
      [source?.id],
    )
    t.equal(await noteDigests(db, now), 1)
  },
)

type Known = { id: number; organisationId: number; test: boolean }

async function tell(
  db: Db,
  theCase: Known,
  kind: NotificationKind,
  once: string | number = '',
): Promise<void> {
  await tellOf(db, theCase, [{ kind, once }])
}

async function noted(db: Db): Promise<string[]> {
  const found = await rows<{ line: string }>(
    db.pool,
    `select kind || ' ' || coalesce(organisation_id::text, 'null') || ' ' || address as line from notifications order by kind::text, organisation_id, address`,
  )
  return found.map(({ line }) => line)
}

let cases = 0

async function aCase(
  db: Db,
  {
    at = new Date(),
    reported = at,
    ...columns
  }: { at?: Date; reported?: Date; [column: string]: unknown } = {},
): Promise<Known> {
  const whole = {
    kind: 'concern',
    channel: 'web',
    status: 'open',
    publication: 'awaiting_moderation',
    privacy: 'private',
    privacy_chosen: 'private',
    organisation_id: 1,
    category_code: 'other',
    original_sealed: 'sealed',
    reference: `CASE-${++cases}`,
    created_at: at,
    reported_at: reported,
    ...(columns.status === 'withdrawn' && { closed_at: at, acknowledged_at: at }),
    ...columns,
  }
  const names = Object.keys(whole)
  const made = await row<Known>(
    db.pool,
    `insert into cases (id, ${names.join(', ')}) values (case_key($1), ${names.map((_, n) => `$${n + 2}`).join(', ')})
     returning id, organisation_id as "organisationId", test`,
    [reported, ...Object.values(whole)],
  )
  return made as Known
}
