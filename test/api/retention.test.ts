import t from 'tap'
import { placeEvents } from '../../domain/change-log.ts'
import { openNightlyRun } from '../../domain/retention-runs.ts'
import { rows } from '../../prisma/client.ts'
import { defaultPollSettings } from '../../workers/context.ts'
import { retain } from '../../workers/retain.ts'
import { type Call, createCase, type Harness, publishedCase, staff, startHarness } from './harness.ts'

const DAY = 86_400_000
const as = { 'acting-user': 'admin-1' }

t.test('policies are set for a kind, a source or both, and read from the least exact on', async (t) => {
  const harness = await startHarness(t)
  const { db } = harness
  const begin = await ask(harness, { url: '/v1/retention-policies' })
  t.same(begin.body.items, [policy({ id: 1 })], 'nothing goes until somebody says when')

  const both = {
    kind: 'feedback',
    source: 'pushed',
    anonymiseAfterDays: 100,
    deleteAfterDays: 200,
    rawAfterDays: 30,
  }
  const created = await ask(harness, { method: 'POST', url: '/v1/retention-policies', body: both })
  t.equal(created.status, 201)
  t.match(created.body, { ...both, version: 1 })
  t.match(created.headers.etag, /^"1/)
  const again = await ask(harness, { method: 'POST', url: '/v1/retention-policies', body: both })
  t.match([again.status, again.body.code], [409, 'policy_exists'])
  for (const body of [{ kind: 'concern', anonymiseAfterDays: 10 }, { source: 'pushed' }])
    t.equal((await ask(harness, { method: 'POST', url: '/v1/retention-policies', body })).status, 201)
  const { body: listed } = await ask(harness, { url: '/v1/retention-policies' })
  t.same(
    listed.items.map((one: { kind: string; source: string }) => [one.source, one.kind]),
    [
      [null, null],
      [null, 'concern'],
      ['pushed', null],
      ['pushed', 'feedback'],
    ],
  )
  const { text, headers } = await ask(harness, { url: '/v1/retention-policies?format=csv' })
  t.match(headers['content-type'], /csv/)
  t.match(text, 'feedback,pushed,100,200,30')

  const url = `/v1/retention-policies/${created.body.id}`
  const changed = await ask(harness, {
    method: 'PATCH',
    url,
    body: { deleteAfterDays: null },
    headers: version(1),
  })
  t.match([changed.status, changed.body.deleteAfterDays, changed.body.version], [200, null, 2])
  const same = await ask(harness, {
    method: 'PATCH',
    url,
    body: { deleteAfterDays: null },
    headers: version(2),
  })
  t.equal(same.body.version, 2, 'nothing has changed')
  t.equal((await ask(harness, { method: 'DELETE', url })).status, 204)
  t.equal((await ask(harness, { method: 'DELETE', url })).status, 404)
  const last = await ask(harness, { method: 'DELETE', url: '/v1/retention-policies/1' })
  t.match([last.status, last.body.code], [409, 'policy_needed'])
  const events = await rows(
    db.pool,
    `select reason, fields, acting_user as who from events where type = 'retention.policy_changed' order by id`,
  )
  t.same(events, [
    { reason: 'created', fields: ['anonymiseAfterDays', 'deleteAfterDays', 'rawAfterDays'], who: 'admin-1' },
    { reason: 'created', fields: ['anonymiseAfterDays'], who: 'admin-1' },
    { reason: 'created', fields: [], who: 'admin-1' },
    { reason: 'changed', fields: ['deleteAfterDays'], who: 'admin-1' },
    { reason: 'removed', fields: [], who: 'admin-1' },
  ])
})

t.test('what is wrong with a policy, a run or a hold is said, and to whom they are nothing', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const wrong: [url: string, body: object, code: string, pointer: string][] = [
    [
      'retention-policies',
      { kind: 'concern', anonymiseAfterDays: 9, deleteAfterDays: 8 },
      'before_anonymising',
      '/deleteAfterDays',
    ],
    ['retention-policies', { source: 'nobody', rawAfterDays: 9 }, 'unknown_source', '/source'],
    ['retention-policies', { kind: 'concern', anonymiseAfterDays: 0 }, 'too_small', '/anonymiseAfterDays'],
    ['legal-holds', { case: 'AAAA-AAAA-AAAA-A', reason: 'Inquest. (Invented.)' }, 'unknown_case', '/case'],
    [
      'legal-holds',
      { organisation: 'ZZ9', reason: 'Inquest. (Invented.)' },
      'unknown_organisation',
      '/organisation',
    ],
  ]
  for (const [path, body, code, pointer] of wrong) {
    const { status, body: problem } = await ask(harness, { method: 'POST', url: `/v1/${path}`, body })
    t.match([status, problem.errors], [400, [{ code, pointer }]], `${path} ${code}`)
  }
  const both = { case: 'AAAA-AAAA-AAAA-A', organisation: 'T01', reason: 'Inquest. (Invented.)' }
  t.equal((await ask(harness, { method: 'POST', url: '/v1/legal-holds', body: both })).status, 400)
  t.equal((await ask(harness, { method: 'POST', url: '/v1/retention-runs', body: {} })).status, 400)

  const url = '/v1/retention-policies/1'
  const days = { anonymiseAfterDays: 5 }
  t.equal((await ask(harness, { method: 'PATCH', url, body: days })).status, 428)
  t.equal((await ask(harness, { method: 'PATCH', url, body: days, headers: version(7) })).status, 412)
  const away = { url: '/v1/retention-policies/999', body: days, headers: version(1) }
  t.equal((await ask(harness, { method: 'PATCH', ...away })).status, 404)
  t.equal((await ask(harness, { url: '/v1/retention-runs/K7QD-M2XW-9TRB-H' })).status, 404)
  t.equal((await ask(harness, { method: 'DELETE', url: '/v1/legal-holds/nothing' })).status, 404)

  const paths = ['retention-policies', 'retention-runs', 'legal-holds']
  for (const path of paths) {
    t.equal((await call({ url: `/v1/${path}` })).status, 401)
    t.equal((await call({ url: `/v1/${path}`, key: keys.case_handler })).status, 403)
  }
})

t.test('a run that is only tried counts what a real one then does, and twice is once', async (t) => {
  const now = clock()
  const harness = await startHarness(t, { now: now.get })
  const { db } = harness
  const url = '/v1/retention-policies'
  await ask(harness, { method: 'POST', url, body: { kind: 'feedback', deleteAfterDays: 20 } })
  await ask(harness, {
    method: 'PATCH',
    url: `${url}/1`,
    body: { anonymiseAfterDays: 10 },
    headers: version(1),
  })
  const old = await closed(harness)
  const feedback = await closed(harness, { kind: 'feedback', channel: 'web' })
  const held = await closed(harness)
  const open = await createCase(harness)
  await ask(harness, {
    method: 'POST',
    url: '/v1/legal-holds',
    body: { case: held.reference.toLowerCase().replaceAll('-', ''), reason: 'Inquest. (Invented.)' },
  })

  const early = await run(harness, now, { dryRun: true })
  t.same(early.counts.map(sum), [0, 0], 'the days are not over')
  now.pass(21 * DAY)
  const tried = await run(harness, now, { dryRun: true })
  const wanted = [
    { policy: 1, anonymised: 1, deleted: 0, held: 1, raw: 0 },
    { policy: 2, anonymised: 0, deleted: 1, held: 0, raw: 0 },
  ]
  t.match(tried, { dryRun: true, state: 'succeeded', counts: wanted })
  t.equal((await staffView(harness, old.reference)).body.anonymisedAt, null, 'nothing has changed')

  const done = await run(harness, now, { dryRun: false })
  t.match(done, { dryRun: false, state: 'succeeded', counts: wanted })
  t.match((await staffView(harness, old.reference)).body, {
    anonymisedAt: now.get().toISOString(),
    original: { title: null, text: null },
    contact: null,
    version: old.version + 1,
  })
  t.equal((await staffView(harness, feedback.reference)).status, 404)
  for (const { reference } of [held, open])
    t.match((await staffView(harness, reference)).body, {
      anonymisedAt: null,
      contact: { name: 'Invented Person' },
    })

  const again = await run(harness, now, { dryRun: false })
  t.same(again.counts, [{ policy: 1, anonymised: 0, deleted: 0, held: 1, raw: 0 }, noCount(2)])
  t.equal((await staffView(harness, old.reference)).body.version, old.version + 1)

  const { body: page } = await ask(harness, { url: '/v1/retention-runs?limit=2' })
  t.equal(page.items[0].run, again.run)
  const { body: rest } = await ask(harness, { url: `/v1/retention-runs?after=${page.next}` })
  const nights = await rows<{ n: number }>(
    db.pool,
    'select count(*)::int as n from retention_runs where night is not null',
  )
  t.same(
    [page.items.length + rest.items.length, nights[0]?.n],
    [6, 2],
    'four that were asked for, and two nights',
  )
})

t.test('a hold keeps a case until it ends, and stays in the list', async (t) => {
  const now = clock()
  const harness = await startHarness(t, { now: now.get })
  const { db } = harness
  const url = '/v1/retention-policies/1'
  const days = { anonymiseAfterDays: 10, deleteAfterDays: 10 }
  await ask(harness, { method: 'PATCH', url, body: days, headers: version(1) })
  const one = await closed(harness)
  const other = await closed(harness, { organisation: 'T0101', service: 'SRV1' })
  const elsewhere = await closed(harness, { organisation: 'T02' })
  const hold = async (body: object, key?: string) =>
    ask(harness, {
      method: 'POST',
      url: '/v1/legal-holds',
      body: { reason: 'Inquest into what happened. (Invented.)', ...body },
      headers: key === undefined ? {} : { 'idempotency-key': key },
    })
  const ofCase = await hold({ case: one.reference }, 'once')
  t.equal(ofCase.status, 201)
  t.match(ofCase.body, { case: one.reference, organisation: null, endedAt: null, actingUser: 'admin-1' })
  t.equal((await hold({ case: one.reference }, 'once')).body.hold, ofCase.body.hold)
  const twice = await hold({ case: one.reference })
  t.equal(twice.status, 201)
  const ofTrust = await hold({ organisation: 'old1' })
  t.match(ofTrust.body, { case: null, organisation: { code: 'T01', name: 'Example Trust One' } })
  const stored = await rows(db.pool, 'select reason_sealed from legal_holds')
  t.notMatch(JSON.stringify(stored), 'Inquest')

  now.pass(11 * DAY)
  t.match((await run(harness, now, { dryRun: false })).counts, [{ deleted: 1, held: 2 }])
  t.equal((await staffView(harness, elsewhere.reference)).status, 404)
  const end = async (reference: string) =>
    ask(harness, {
      method: 'DELETE',
      url: `/v1/legal-holds/${reference}`,
      headers: { 'acting-user': 'admin-2' },
    })
  const ended = await end(ofTrust.body.hold)
  t.match([ended.status, ended.body], [200, { endedBy: 'admin-2', endedAt: now.get().toISOString() }])
  now.pass(DAY)
  t.equal((await end(ofTrust.body.hold)).body.endedAt, ended.body.endedAt, 'it ends once')
  t.match((await run(harness, now, { dryRun: false })).counts, [{ deleted: 1, held: 1 }])
  t.equal((await staffView(harness, other.reference)).status, 404)

  await end(ofCase.body.hold)
  t.match((await run(harness, now, { dryRun: false })).counts, [{ deleted: 0, held: 1 }], 'another one runs')
  await end(twice.body.hold)
  const { body: before } = await ask(harness, { url: '/v1/legal-holds' })
  t.equal(before.items.length, 3)
  t.match((await run(harness, now, { dryRun: false })).counts, [{ deleted: 1, held: 0 }])
  const { body: after } = await ask(harness, { url: '/v1/legal-holds?limit=1' })
  t.same(
    after.items.map((item: { case: string | null }) => item.case),
    [null],
    'those of a case go with it',
  )
  t.match((await ask(harness, { url: '/v1/legal-holds?format=csv' })).text, 'Example Trust One')
  const events = await rows<{ type: string }>(
    db.pool,
    `select type from events where type like 'hold.%' order by id`,
  )
  t.same(
    events.map(({ type }) => type),
    ['hold.created', 'hold.created', 'hold.created', 'hold.ended', 'hold.ended', 'hold.ended'],
  )
})

t.test('an anonymised case has no reporter any more, and is not published or asked about', async (t) => {
  const now = clock()
  const harness = await startHarness(t, { now: now.get })
  const { call, db, keys } = harness
  const url = '/v1/retention-policies/1'
  await ask(harness, { method: 'PATCH', url, body: { anonymiseAfterDays: 10 }, headers: version(1) })
  const hidden = await closed(harness)
  const shown = await closedAgain(harness, await publishedCase(harness, { privacy: 'named' }))
  await placeEvents(db)
  now.pass(11 * DAY)
  await run(harness, now, { dryRun: false })
  await placeEvents(db)

  const receipt = { 'case-receipt': hidden.receipt }
  t.equal((await call({ url: `/v1/cases/${hidden.reference}`, headers: receipt })).status, 404)
  t.equal((await call({ url: `/v1/cases/${hidden.reference}` })).body.view, 'stub')
  const asReporter = {
    method: 'POST',
    url: `/v1/cases/${hidden.reference}/additions`,
    headers: receipt,
  } as const
  t.equal((await call({ ...asReporter, body: { text: 'More. (Invented.)' } })).status, 404)

  const { body: seen } = await staffView(harness, hidden.reference)
  t.match(seen, {
    publication: 'kept_private',
    decisionReason: 'retention',
    moderated: null,
    personalData: null,
  })
  t.notOk(seen.allowedDecisions.includes('publish'))
  const write = (path: string, body?: object) =>
    call({
      method: 'POST',
      url: `/v1/cases/${hidden.reference}/${path}`,
      key: keys.case_handler,
      headers: staff(seen.version),
      ...(body && { body }),
    })
  const refused = [
    write('decisions', {
      action: 'publish',
      reason: 'fit_to_publish',
      moderatedText: 'It was slow. (Invented.)',
    }),
    write('messages', { text: 'When was it? (Invented.)' }),
    write('receipts'),
  ]
  for (const answer of await Promise.all(refused))
    t.match([answer.status, answer.body.code], [409, 'move_not_allowed'])

  const { body: open } = await call({ url: `/v1/cases/${shown.reference}` })
  t.match(open, { view: 'public', text: 'They waited for hours. (Invented.)', authorName: null })
  const { body: mine } = await staffView(harness, shown.reference)
  t.ok(mine.allowedDecisions.includes('remove'), 'what is public may be taken down')
  const { body: log } = await call({ url: '/v1/events?limit=100' })
  t.match(log.items.at(-1), { type: 'case.changed', case: shown.reference, fields: ['authorName'] })
})

type Clock = { get: () => Date; pass: (milliseconds: number) => void }

// The store has its own clock: a time of tests is never before it.
function clock(): Clock {
  let at = Date.now()
  return {
    get: () => new Date(at),
    pass: (milliseconds) => {
      at += milliseconds
    },
  }
}

async function ask({ call, keys }: Harness, request: Call) {
  return call({ ...request, key: keys.administrator, headers: { ...as, ...request.headers } })
}

function version(n: number): Record<string, string> {
  return { 'if-match': `"${n}"` }
}

async function run(harness: Harness, now: Clock, body: { dryRun: boolean }) {
  const asked = await ask(harness, { method: 'POST', url: '/v1/retention-runs', body })
  if (asked.status !== 202) throw new Error(`the run was not taken: ${asked.text}`)
  // What the night does is a test of its own.
  await openNightlyRun(harness.db, now.get())
  await rows(
    harness.db.pool,
    `update retention_runs set state = 'succeeded', finished_at = created_at where night is not null and state = 'waiting'`,
  )
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  await retain({ db: harness.db, log: log as never, now: now.get, settings: defaultPollSettings })
  return (await ask(harness, { url: asked.headers.location as string })).body
}

async function closed(harness: Harness, changes: Record<string, unknown> = {}) {
  return closedAgain(harness, await createCase(harness, changes))
}

async function closedAgain(harness: Harness, one: { reference: string; version: number; receipt: string }) {
  const { body, status, text } = await harness.call({
    method: 'PATCH',
    url: `/v1/cases/${one.reference}`,
    key: harness.keys.case_handler,
    headers: staff(one.version),
    body: { status: 'resolved' },
  })
  if (status !== 200) throw new Error(`the case was not closed: ${text}`)
  return { ...one, version: body.version as number }
}

async function staffView({ call, keys }: Harness, reference: string) {
  return call({ url: `/v1/cases/${reference}`, key: keys.case_handler })
}

function policy(own: object): object {
  const never = { anonymiseAfterDays: null, deleteAfterDays: null, rawAfterDays: null }
  return { kind: null, source: null, ...never, version: 1, ...own }
}

function noCount(of: number): object {
  return { policy: of, anonymised: 0, deleted: 0, held: 0, raw: 0 }
}

function sum({
  anonymised,
  deleted,
  held,
  raw,
}: Record<'anonymised' | 'deleted' | 'held' | 'raw', number>): number {
  return anonymised + deleted + held + raw
}
