import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type Harness, type Keys, startHarness } from './harness.ts'
import {
  type Beginning,
  begin,
  CANARY,
  NAME,
  ownSteps,
  PHONE,
  PUBLIC_WORDS,
  read,
  report,
  type Step,
  staffSteps,
  take,
  takeOwn,
  type Walk,
} from './walk-steps.ts'

// Several at once, as in life, and together three hundred; the newest cases are those that walk.
const AT_ONCE = 4
const ROUNDS = 50

const workers = ['case_handler', 'provider', 'other_provider', 'second_tier', 'commissioner'] as const

const beginning: fc.Arbitrary<Beginning> = fc.record({
  by: fc.constantFrom('integrator', 'case_handler'),
  kind: fc.constantFrom('concern', 'question', 'feedback'),
  privacy: fc.constantFrom('private', 'anonymous', 'named', 'named'),
  under16: fc.boolean(),
  happeningNow: fc.boolean(),
  organisation: fc.constantFrom('T01', 'T02', 'T0101'),
  test: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
})
const staffStep = fc.record({
  what: fc.constantFrom(...staffSteps),
  by: fc.constantFrom(...workers, 'case_handler' as const, 'provider' as const),
  n: fc.nat(1000),
})
const decidingStep = fc.record({
  what: fc.constantFrom('decide' as const, 'judgeResponse' as const, 'decideRemoval' as const),
  by: fc.constant('case_handler' as const),
  n: fc.nat(1000),
})
const ownStep = fc.record({ own: fc.constantFrom(...ownSteps), n: fc.nat(1000) })
const publicStep = fc.record({ report: fc.nat(1000) })
const step = fc.oneof(
  { arbitrary: staffStep, weight: 5 },
  { arbitrary: decidingStep, weight: 3 },
  { arbitrary: ownStep, weight: 2 },
  { arbitrary: publicStep, weight: 1 },
)
type AnyStep = Step | { own: (typeof ownSteps)[number]; n: number } | { report: number }
const walk = fc.tuple(beginning, fc.array(step, { minLength: 3, maxLength: 7 }))

// The same walks each time, so that a red run is about a change; FAST_CHECK_SEED walks others.
const SEED = Number(process.env.FAST_CHECK_SEED ?? 20261122)

t.test(
  'three hundred random walks show the public what it may read and nothing else, and add up',
  async (t) => {
    const harness = await startHarness(t)
    await harness.db.prisma.commissioning.updateMany({ data: { primary: true } })
    const testKeys = await keysForTrying(harness)
    const created: Walk[] = []
    await fc.assert(
      fc.asyncProperty(fc.array(walk, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (walks) => {
        const going = walks.map(async ([beginning, steps]) => {
          const one = await begin(harness, beginning.test ? testKeys : harness.keys, beginning)
          created.push(one)
          await checkPublic(one)
          for (const step of steps) {
            await go(one, step as AnyStep)
            await checkPublic(one)
          }
          await checkEnd(one)
        })
        // All of them end before the next begin, also when one fails.
        for (const { reason } of (await Promise.allSettled(going)).filter((one) => 'reason' in one))
          throw reason
        // Says that it goes on: what is silent for a minute is ended.
        t.pass(`${created.length} walks`)
      }),
      { numRuns: ROUNDS, endOnFailure: true, seed: SEED },
    )
    t.equal(created.length, AT_ONCE * ROUNDS)
    for (const what of [...staffSteps, ...ownSteps, 'report'])
      t.ok(
        created.some(({ done }) => done.includes(what)),
        `${what} was done at least once`,
      )
    await checkTotals(
      t,
      harness,
      created.filter((one) => !one.test),
    )
  },
)

async function go(walk: Walk, step: AnyStep): Promise<void> {
  if ('report' in step) return report(walk, step.report)
  return 'own' in step ? takeOwn(walk, step.own, step.n) : take(walk, step)
}

// What the public should see follows from what staff read; section 4 of the design, by hand.
async function checkPublic(walk: Walk): Promise<void> {
  const { call } = walk.harness
  const [seen, shown, list, map] = await Promise.all([
    read(walk),
    call({ url: walk.url }),
    call({ url: `/v1/cases?limit=${AT_ONCE}` }),
    call({ url: `/v1/geo-feed?limit=${AT_ONCE}` }),
  ])
  walk.seen = seen
  if (seen.view !== 'staff') throw new Error(`the case handler does not see ${walk.reference}`)
  const isPublic = seen.publication === 'published' && seen.privacy !== 'private'
  const hidden = ['rejected', 'removed', 'awaiting_second_tier'].includes(seen.publication)
  const view = isPublic ? 'public' : hidden ? undefined : 'stub'
  equal(shown.body.view, view, `what the public sees of ${seen.publication} ${seen.privacy}`)
  equal(shown.status, view === undefined ? 404 : 200, 'the status')
  equal(list.text.includes(walk.reference), isPublic, 'the list has it')
  equal(map.text.includes(walk.reference), isPublic, 'the map has it')
  equal(isPublic && walk.test, false, 'a tried out one is public')
  equal(shown.text.includes(PUBLIC_WORDS), isPublic, 'the moderated text is there')
  equal(shown.text.includes(NAME), isPublic && seen.privacy === 'named', 'the name is there')
  for (const { text } of [shown, list, map]) clean(text)
}

async function checkEnd(walk: Walk): Promise<void> {
  const { call } = walk.harness
  const hidden = (await call({ url: walk.url })).status === 404
  for (const under of ['decisions', 'responses']) {
    const { status, text } = await call({ url: `${walk.url}/${under}` })
    equal(status, hidden ? 404 : 200, `${under} are hidden with the case`)
    clean(text)
  }
  const withoutContact = await call({ url: walk.url, key: walk.keys.commissioner })
  const there = withoutContact.body.view === 'staff'
  equal(there && withoutContact.body.contact !== null, false, 'a commissioner reads contact details')
  const { text } = await call({ url: `${walk.url}/events?limit=100`, key: walk.keys.case_handler })
  clean(text)
}

const SECRETS = [
  CANARY,
  PHONE,
  'priority',
  'breach',
  'commissioned',
  'original',
  'contact',
  'assignee',
  'urgent',
  'dueAt',
  'actingUser',
  'privacyChosen',
]

function clean(text: string): void {
  // The history says which fields have changed, and who did it; only the words are secret there.
  const isHistory = text.includes('"case.created"')
  for (const secret of isHistory ? [CANARY, PHONE, NAME] : SECRETS)
    if (text.includes(isHistory || secret === CANARY || secret === PHONE ? secret : `"${secret}":`))
      throw new Error(`the public reads ${secret}: ${text}`)
}

async function checkTotals(t: Test, harness: Harness, created: readonly Walk[]): Promise<void> {
  const { case_handler } = harness.keys
  const all = await readAll(harness, '/v1/cases?view=mine', case_handler)
  t.same(referencesOf(all), created.map(({ reference }) => reference).sort(), 'every case, once')
  const { body } = await harness.call({ url: '/v1/statuses' })
  let total = 0
  for (const { code: status } of body.items) {
    const some = await readAll(harness, `/v1/cases?view=mine&status=${status}`, case_handler)
    t.ok(
      some.every((one) => one.status === status),
      status,
    )
    total += some.length
  }
  t.equal(total, created.length, 'the statuses add up')
  const shown = all.filter((one) => one.publication === 'published' && one.privacy !== 'private')
  t.ok(shown.length > 0 && shown.length < all.length)
  t.same(referencesOf(await readAll(harness, '/v1/cases')), referencesOf(shown), 'the public list')
}

type Listed = { reference: string; status: string; publication?: string; privacy?: string }

async function readAll({ call }: Harness, url: string, key?: string): Promise<Listed[]> {
  const items: Listed[] = []
  let after: string | null = null
  do {
    const query: string = `limit=100${after === null ? '' : `&after=${after}`}`
    const { body } = await call({
      url: `${url}${url.includes('?') ? '&' : '?'}${query}`,
      ...(key !== undefined && { key }),
    })
    items.push(...body.items)
    after = body.next
  } while (after !== null)
  return items
}

function referencesOf(cases: readonly Listed[]): string[] {
  return cases.map(({ reference }) => reference).sort()
}

// The same people with clients that only try out.
async function keysForTrying({ addClient, db, keys }: Harness): Promise<Keys> {
  const idOf = async (code: string) =>
    (await db.prisma.organisation.findUniqueOrThrow({ where: { code } })).id
  const [t01, t02, cm] = await Promise.all([idOf('T01'), idOf('T02'), idOf('XCM01')])
  const test = true
  return {
    ...keys,
    integrator: await addClient({ name: 'trying integrator', role: 'integrator', test }),
    case_handler: await addClient({ name: 'trying handler', role: 'case_handler', test }),
    second_tier: await addClient({ name: 'trying tier', role: 'second_tier', test }),
    provider: await addClient({ name: 'trying trust', role: 'provider', organisationIds: [t01], test }),
    other_provider: await addClient({ name: 'trying other', role: 'provider', organisationIds: [t02], test }),
    commissioner: await addClient({ name: 'trying pct', role: 'commissioner', organisationIds: [cm], test }),
  }
}

function equal(found: unknown, wanted: unknown, what: string): void {
  if (found !== wanted) throw new Error(`${what}: ${found}, not ${wanted}`)
}
