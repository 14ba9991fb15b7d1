import fc from 'fast-check'
import t from 'tap'
import type { Caller } from '../../domain/callers.ts'
import { roleScopes } from '../../domain/callers.ts'
import {
  allowedStatuses,
  type CaseTimes,
  type CaseView,
  closedStatuses,
  type DecisionAction,
  isClosed,
  openStatuses,
  privacyOf,
  publicationAfter,
  publicationMoves,
  publicView,
  type Relation,
  relationTo,
  reporterActions,
  statusMoves,
  timesAfterMove,
  viewFor,
} from '../../domain/case-rules.ts'
import { CaseKind, CaseStatus, type ExtensionState, Privacy, Publication, Role } from '../../prisma/client.ts'

const statuses = Object.values(CaseStatus)
const kinds = Object.values(CaseKind)
const publications = Object.values(Publication)
const privacies = Object.values(Privacy)
const movers = ['provider', 'handler', 'reporter'] as const
const noTimes: CaseTimes = { acknowledgedAt: null, closedAt: null, resolvedAt: null }

t.test('every status is in exactly one of the two sets', async (t) => {
  t.same([...openStatuses, ...closedStatuses].sort(), [...statuses].sort())
  for (const status of statuses)
    t.equal(isClosed(status), !(openStatuses as readonly string[]).includes(status), status)
})

t.test('every status can be reached from open, by somebody', async (t) => {
  const reached = new Set<CaseStatus>(['open'])
  for (const status of reached)
    for (const kind of kinds)
      for (const mover of movers) for (const to of allowedStatuses(kind, status, mover)) reached.add(to)
  t.same([...reached].sort(), [...statuses].sort())
})

t.test('what its reporter has withdrawn stays withdrawn, and only they withdraw', async (t) => {
  t.same(statusMoves.withdrawn, [])
  for (const status of statuses)
    for (const kind of kinds)
      for (const mover of ['provider', 'handler'] as const)
        t.notOk(allowedStatuses(kind, status, mover).includes('withdrawn'))
})

t.test('a reporter withdraws their case from wherever it stands, once', async (t) => {
  for (const status of statuses)
    for (const kind of kinds)
      t.equal(allowedStatuses(kind, status, 'reporter').includes('withdrawn'), status !== 'withdrawn', status)
})

t.test('what a reporter may do follows from where the case stands', async (t) => {
  const open = {
    kind: 'concern' as const,
    status: 'open' as CaseStatus,
    privacyChosen: 'named' as Privacy,
    closedAt: null as string | null,
    outcomeAt: null as string | null,
    extension: null as { state: ExtensionState } | null,
  }
  const at = '2026-11-22T12:00:00.000Z'
  const resolved = { ...open, status: 'resolved' as const, closedAt: at }
  t.same(reporterActions(open), ['add', 'withdraw_publication', 'withdraw_case'])
  t.same(reporterActions({ ...open, privacyChosen: 'private' }), ['add', 'withdraw_case'])
  t.same(reporterActions(resolved), ['add', 'withdraw_publication', 'withdraw_case', 'reopen', 'rate'])
  t.notOk(reporterActions({ ...resolved, outcomeAt: at }).includes('rate'))
  t.ok(reporterActions({ ...resolved, status: 'open' }).includes('rate'), 'it was closed once')
  t.same(reporterActions({ ...resolved, status: 'withdrawn' }), [])
  for (const state of ['waiting', 'agreed', 'declined', 'cancelled'] as const) {
    const asked = reporterActions({ ...open, extension: { state } }).includes('answer_extension')
    t.equal(asked, state === 'waiting', state)
  }
})

t.test('nobody else moves a case', async (t) => {
  for (const relation of ['none', 'origin', 'second_tier', 'commissioner'] as const)
    for (const status of statuses)
      for (const kind of kinds) t.same(allowedStatuses(kind, status, relation), [], `${relation} ${status}`)
})

t.test('only feedback ends as needing no action', async (t) => {
  for (const kind of kinds)
    t.equal(allowedStatuses(kind, 'open', 'provider').includes('no_action_needed'), kind === 'feedback')
})

t.test('R04: a closed case can be reopened, by those who may move it', async (t) => {
  for (const status of closedStatuses) {
    if (status === 'withdrawn') continue
    for (const mover of movers) t.ok(allowedStatuses('concern', status, mover).includes('open'), status)
  }
})

t.test('a case never moves to where it is', async (t) => {
  for (const status of statuses)
    for (const kind of kinds)
      for (const mover of movers) t.notOk(allowedStatuses(kind, status, mover).includes(status))
})

t.test('times are set once, in their order, and stay however often the case moves', async (t) => {
  const walk = fc.array(fc.tuple(fc.constantFrom(...movers), fc.nat(9)), { maxLength: 20 })
  fc.assert(
    fc.property(fc.constantFrom(...kinds), walk, (kind, steps) => {
      let status: CaseStatus = 'open'
      let times = noTimes
      for (const [n, [mover, choice]] of steps.entries()) {
        const allowed = allowedStatuses(kind, status, mover)
        const to: CaseStatus | undefined = allowed[choice % Math.max(1, allowed.length)]
        if (to === undefined) continue
        if (status === 'withdrawn') return false
        if (to === 'withdrawn' && mover !== 'reporter') return false
        const at = new Date(n * 60_000).toISOString()
        const after = timesAfterMove(times, to, at)
        for (const name of ['acknowledgedAt', 'closedAt', 'resolvedAt'] as const)
          if (times[name] !== null && after[name] !== times[name]) return false
        if (isClosed(to) && after.closedAt === null) return false
        if (after.closedAt !== null && after.acknowledgedAt === null) return false
        if (to === 'resolved' && after.resolvedAt === null) return false
        if (to !== 'resolved' && times.resolvedAt === null && after.resolvedAt !== null) return false
        times = after
        status = to
      }
      return true
    }),
    { numRuns: 500 },
  )
  t.pass()
})

t.test('the first move sets the times that it should', async (t) => {
  const at = '2026-11-22T12:00:00.000Z'
  t.same(timesAfterMove(noTimes, 'open', at), noTimes)
  t.same(timesAfterMove(noTimes, 'in_progress', at), { ...noTimes, acknowledgedAt: at })
  t.same(timesAfterMove(noTimes, 'resolved', at), { acknowledgedAt: at, closedAt: at, resolvedAt: at })
  for (const status of closedStatuses)
    if (status !== 'resolved')
      t.same(timesAfterMove(noTimes, status, at), { acknowledgedAt: at, closedAt: at, resolvedAt: null })
})

// By hand from the design: what each relation sees, by publication, of what is not private and of what is.
const publicViews: Record<Publication, [open: CaseView, isPrivate: CaseView]> = {
  awaiting_moderation: ['stub', 'stub'],
  awaiting_second_tier: ['hidden', 'hidden'],
  published: ['public', 'stub'],
  kept_private: ['stub', 'stub'],
  rejected: ['hidden', 'hidden'],
  removed: ['hidden', 'hidden'],
}
const workViews: Record<Exclude<Relation, 'none'>, CaseView> = {
  handler: 'staff',
  provider: 'staff',
  second_tier: 'staff_without_contact',
  commissioner: 'staff_without_contact',
  former_provider: 'staff_without_contact',
  reporter: 'reporter',
  origin: 'own',
}

t.test('what somebody sees follows from how they stand to the case', async (t) => {
  for (const publication of publications)
    for (const privacy of privacies) {
      const [open, isPrivate] = publicViews[publication]
      const wanted = privacy === 'private' ? isPrivate : open
      t.equal(publicView({ publication, privacy }), wanted, `${publication} ${privacy}`)
      t.equal(viewFor('none', { publication, privacy }), wanted)
      for (const [relation, view] of Object.entries(workViews))
        t.equal(viewFor(relation as Relation, { publication, privacy }), view, relation)
    }
})

t.test('how somebody stands to a case follows from their key', async (t) => {
  const caller = (role: Role, changes: object = {}): Caller => ({
    kind: 'client',
    clientId: 7,
    name: 'invented',
    role,
    scopes: roleScopes[role],
    publishable: role === 'form',
    brand: null,
    test: false,
    organisationIds: [1, 2],
    sourceId: null,
    actingUser: null,
    ...changes,
  })
  const mine = {
    kind: 'concern' as const,
    clientId: 7,
    organisationId: 2,
    formerOrganisationIds: [] as number[],
    passedOn: false,
    test: false,
    publication: 'published' as const,
  }
  const anothers = {
    ...mine,
    clientId: 8,
    organisationId: 3,
    publication: 'awaiting_second_tier' as const,
  }
  const wanted: Record<Role, [mine: Relation, anothers: Relation]> = {
    case_handler: ['handler', 'handler'],
    second_tier: ['none', 'second_tier'],
    provider: ['provider', 'none'],
    commissioner: ['commissioner', 'none'],
    integrator: ['origin', 'none'],
    form: ['none', 'none'],
    feed_provider: ['none', 'none'],
    supplier: ['none', 'none'],
    administrator: ['none', 'none'],
  }
  for (const role of Object.values(Role)) {
    t.equal(relationTo(caller(role), mine), wanted[role][0], `${role} and its own`)
    t.equal(relationTo(caller(role), anothers), wanted[role][1], `${role} and another's`)
    t.equal(relationTo(caller(role, { scopes: [] }), mine), 'none', `${role} without the scope`)
  }
  for (const role of ['provider', 'commissioner'] as const) {
    t.equal(
      relationTo(caller(role), { ...mine, kind: 'question' }),
      'none',
      `a question is not with a ${role} yet`,
    )
  }
  t.equal(relationTo(caller('provider'), { ...mine, kind: 'question', passedOn: true }), 'provider')
  t.equal(
    relationTo(caller('provider'), { ...anothers, formerOrganisationIds: [1] }),
    'former_provider',
    'a provider keeps reading what it referred on',
  )
  t.equal(relationTo(caller('commissioner'), { ...anothers, formerOrganisationIds: [1] }), 'none')
  for (const role of ['case_handler', 'provider', 'commissioner'] as const) {
    t.equal(relationTo(caller(role), { ...mine, test: true }), 'none', `${role} and what is tried out`)
    t.not(relationTo(caller(role, { test: true }), { ...mine, test: true }), 'none')
    t.equal(relationTo(caller(role, { test: true }), mine), 'none')
  }
  t.equal(relationTo(caller('integrator'), { ...mine, test: true }), 'origin')
  t.equal(relationTo({ kind: 'public' }, mine), 'none')
  t.equal(relationTo(caller('integrator'), { ...mine, clientId: null }), 'none')
})

t.test(
  'decisions never publish what is private or only tried out, and each tier decides its own',
  async (t) => {
    const actions: DecisionAction[] = ['publish', 'keep_private', 'refer', 'reject', 'remove']
    const relations = Object.keys(workViews) as Relation[]
    const step = fc.tuple(fc.constantFrom(...actions), fc.constantFrom(...relations))
    fc.assert(
      fc.property(
        fc.constantFrom(...publications),
        fc.constantFrom(...privacies),
        fc.boolean(),
        fc.array(step, { maxLength: 12 }),
        (from, privacy, test, steps) => {
          let publication = from
          for (const [action, relation] of steps) {
            if (!publicationMoves[publication][action]?.includes(relation)) continue
            if (!['handler', 'second_tier'].includes(relation)) return false
            if ((publication === 'awaiting_second_tier') !== (relation === 'second_tier')) return false
            publication = publicationAfter(action, { privacy, test })
            if (publication === 'published' && (privacy === 'private' || test)) return false
          }
          return true
        },
      ),
      { numRuns: 500 },
    )
    t.pass()
  },
)

t.test('an under-16 is never named', async (t) => {
  for (const privacy of privacies) {
    t.equal(privacyOf(privacy, false), privacy)
    t.equal(privacyOf(privacy, true), privacy === 'named' ? 'anonymous' : privacy)
  }
})
