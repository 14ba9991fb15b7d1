import t, { type Test } from 'tap'
import { cancelRun, takeUpRun } from '../../domain/asked-runs.ts'
import type { ClientCaller } from '../../domain/callers.ts'
import { ingest } from '../../domain/ingest.ts'
import { createAlias } from '../../domain/organisation-aliases.ts'
import { listQuarantine, type QuarantinedEntry } from '../../domain/quarantine.ts'
import { receiveText } from '../../domain/receive-text.ts'
import { askRedrive } from '../../domain/redrives.ts'
import { listRunResults } from '../../domain/run-results.ts'
import type { RunRow } from '../../domain/runs.ts'
import { getSource, updateSource } from '../../domain/sources.ts'
import type { Context } from '../../workers/context.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { redrive } from '../../workers/redrive.ts'
import { administrator } from '../domain/ingest-store.ts'
import { watched } from './normalise-setting.ts'
import { type Clock, caseCount, polledSource, pollSetting, rss, send } from './poll-setting.ts'
import { done, keyOf } from './run-setting.ts'

t.test(
  'a worker killed between two batches: the next goes on, and the run tells of all entries',
  async (t) => {
    const { context, clock, ask, mend, results, waiting } = await setting(t, idsTo(520))
    await mend()
    const run = await ask()
    const { db, settings } = context
    const id = await keyOf(db, run.reference)
    const stop = new AbortController()
    const killed = watched({ ...context, signal: stop.signal }, (readings) => {
      if (readings === 0) return
      stop.abort()
      throw new Error('its worker was killed')
    })
    const first = await takeUpRun(db, id, clock.now(), settings.leaseMs)
    if (first === null) throw new Error('the run was not free')
    await t.rejects(redrive(killed, first), /killed/)
    t.equal(await caseCount(db), 500, 'what was taken stays')
    t.equal((await waiting()).length, 20)

    clock.pass(settings.leaseMs)
    t.match(await done(context, run), {
      state: 'succeeded',
      total: 520,
      seen: 520,
      created: 520,
      quarantined: 0,
    })
    t.equal(await caseCount(db), 520)
    const told = await results(run)
    t.same(
      told.map(({ number }) => number),
      Array.from({ length: 520 }, (_, n) => n + 1),
    )
    t.equal(new Set(told.map(({ externalId }) => externalId)).size, 520, 'each once')
  },
)

t.test('a worker killed while nothing can be taken yet tries each entry once in a run', async (t) => {
  const { context, clock, ask, waiting } = await setting(t, idsTo(510))
  const run = await ask()
  const { db, settings } = context
  const stop = new AbortController()
  const killed = watched({ ...context, signal: stop.signal }, (readings) => {
    if (readings === 0) return
    stop.abort()
    throw new Error('its worker was killed')
  })
  const first = await takeUpRun(db, await keyOf(db, run.reference), clock.now(), settings.leaseMs)
  if (first === null) throw new Error('the run was not free')
  await t.rejects(redrive(killed, first), /killed/)
  clock.pass(settings.leaseMs)
  t.match(await done(context, run), { seen: 510, created: 0, quarantined: 510 })
  t.ok((await waiting()).every(({ attempts }) => attempts === 1))
})

t.test(
  'a redrive that is cancelled between two batches stops there, and what it has taken stays',
  async (t) => {
    const { context, admin, clock, ask, mend, waiting } = await setting(t, idsTo(510))
    await mend()
    const run = await ask()
    const cancelled = watched(context, async (readings) => {
      if (readings === 1) await cancelRun(context.db, admin, 'polled', run.reference, clock.now())
    })
    t.match(await done(cancelled, run), { state: 'cancelled', seen: 500, created: 500 })
    t.equal((await waiting()).length, 10)
  },
)

t.test('two at once take each entry once, and a second one finds nothing', async (t) => {
  const { context, ask, mend, waiting } = await setting(t, idsTo(30))
  await mend()
  const [one, two] = await Promise.all([ask(), ask()])
  await Promise.all([done(context, one), done(context, two)])
  t.equal(await caseCount(context.db), 30)
  t.same(await waiting(), [])
  t.match(await done(context, await ask()), { state: 'succeeded', seen: 0 })
})

t.test(
  'what fails again keeps its row, its place and when it was seen, and says why as of today',
  async (t) => {
    const { context, clock, source, ask, waiting } = await setting(t, [])
    const { db } = context
    const now = clock.now()
    const raw = '<item><guid isPermaLink="false">a</guid><title>A title. (Invented.)</title></item>'
    const entry = { raw, problem: 'unreadable before', place: 'item 7', externalId: 'a' }
    await ingest(db, source, [entry], { now, readBy: 'feed' })
    const [before] = await waiting()

    clock.pass(2 * 3_600_000)
    t.match(await done(context, await ask()), { seen: 1, quarantined: 1 })
    const [after, ...more] = await waiting()
    t.same(more, [])
    t.match(before, { reason: 'malformed', attempts: 0, place: 'item 7' })
    const { reference, place, firstSeenAt, lastSeenAt } = before as QuarantinedEntry
    t.match(after, { reference, place, firstSeenAt, lastSeenAt, attempts: 1, reason: 'organisation_unknown' })

    // As if its connector could not read it at all any more.
    const broken = { ...context.reader, readAgain: () => Promise.reject(new Error('unreadable')) }
    await done({ ...context, reader: broken }, await ask())
    t.match(await waiting(), [{ reference, place, externalId: 'a', attempts: 2, reason: 'malformed' }])
  },
)

t.test('what has no id leaves the quarantine too when it is taken', async (t) => {
  const { context, clock, source, ask, mend, waiting, results } = await setting(t, [])
  const now = clock.now()
  const [raw] = /<item>.*<\/item>/s.exec(rss(['found'])) ?? ['']
  const entry = { raw, problem: 'unreadable before', place: 'item 1', externalId: null }
  await ingest(context.db, source, [entry], { now, readBy: 'feed' })
  await mend()
  const run = await ask()
  t.match(await done(context, run), { seen: 1, created: 1 })
  t.match(await results(run), [{ number: 1, outcome: 'created', caseReference: /-/ }])
  t.same(await waiting(), [])
})

t.test('what the contract has against a pushed item stays as it is, and the run says so', async (t) => {
  const { context, clock, source, ask, results, waiting } = await setting(t, [])
  const raw = JSON.stringify({ type: 'story', externalId: 'odd', visitMonth: 'May' })
  const entry = { raw, problem: 'visitMonth: not a month', place: 'items/0', externalId: 'odd' }
  await ingest(context.db, source, [entry], { now: clock.now(), readBy: 'pushed' })
  const before = await waiting()
  const run = await ask()
  t.match(await done(context, run), { state: 'succeeded', total: 1, seen: 1, quarantined: 1 })
  t.match(await results(run), [
    { externalId: 'odd', outcome: 'quarantined', reason: 'malformed', detail: 'visitMonth: not a month' },
  ])
  t.same(
    await waiting(),
    before.map((one) => ({ ...one, attempts: 1 })),
  )
})

t.test(
  'a text message that waits is tried by the rules for texts, beside the entries of a feed',
  async (t) => {
    const { context, admin, clock, ask, mend, results, waiting } = await setting(t, ['a'])
    const text = {
      id: 'text-1',
      source_number: '447700900111',
      destination_number: '447700900222',
      message: 'Everybody was kind. (Invented.)',
      date_received: '2026-11-20T09:00:00Z',
    }
    await receiveText(context.db, admin, 'polled', text, clock.now())
    const before = await ask()
    t.match(await done(context, before), { seen: 2, quarantined: 2 })
    t.match(await waiting(), [{ attempts: 1 }, { attempts: 1, externalId: 'notify:text-1' }])

    await mend()
    await createAlias(context.db, admin, 'polled', { code: '447700900222', organisation: 'RX1' })
    const run = await ask()
    t.match(await done(context, run), { state: 'succeeded', seen: 2, created: 2 })
    t.match(await results(run), [
      { externalId: 'a', outcome: 'created' },
      { externalId: 'notify:text-1', outcome: 'created' },
    ])
    t.same(await waiting(), [])
  },
)

t.test('a source that was paused meanwhile takes nothing, and the run says what to do', async (t) => {
  const { context, admin, clock, ask, mend, waiting } = await setting(t, ['a'])
  await mend()
  const run = await ask()
  const { version } = await getSource(context.db, admin, 'polled')
  await updateSource(context.db, admin, 'polled', { state: 'paused' }, { version, now: clock.now() })
  t.match(await done(context, run), { state: 'failed', outcome: 'source-paused', detail: /make it active/ })
  t.equal((await waiting()).length, 1)
  await t.rejects(ask(), { code: 'source_paused' })
})

type Setting = {
  context: Context
  admin: ClientCaller
  clock: Clock
  source: number
  ask: () => Promise<RunRow>
  /** Says which organisation the source means. */
  mend: () => Promise<unknown>
  results: (run: RunRow) => Promise<Awaited<ReturnType<typeof listRunResults>>['items']>
  waiting: () => Promise<QuarantinedEntry[]>
}

/** A polled source whose stories are about an organisation that nobody knows yet. */
async function setting(t: Test, ids: readonly string[]): Promise<Setting> {
  const { db, context, clock, server } = await pollSetting(t, (_, response) => send(response, rss(ids)))
  const admin = await administrator(db)
  const settings = { organisation: { scheme: 'source', code: 'hospitals/99' } } as const
  const source = await polledSource(db, `${server.url}/feed`, { settings, organisationScheme: 'theirs' })
  if (ids.length > 0) await pollSource(context, source)
  return {
    context,
    admin,
    clock,
    source,
    ask: () => askRedrive(db, admin, 'polled', {}, { key: undefined, now: clock.now() }),
    mend: () => createAlias(db, admin, 'polled', { code: 'hospitals/99', organisation: 'RX1' }),
    results: async ({ reference: run }) =>
      (await listRunResults(db, admin, { name: 'polled', run }, { limit: 2_000 })).items,
    waiting: async () => (await listQuarantine(db, admin, 'polled', {}, { limit: 2_000 })).items,
  }
}

function idsTo(last: number): string[] {
  return Array.from({ length: last }, (_, n) => `story-${n + 1}`)
}
