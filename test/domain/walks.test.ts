import fc from 'fast-check'
import t from 'tap'
import type { CaseRow } from '../../domain/case-rows.ts'
import {
  allowedDecisions,
  allowedResponseDecisions,
  allowedStatuses,
  type DecisionAction,
  isClosed,
  openStatuses,
  privacyOf,
  publicView,
  type Relation,
  type ReporterAction,
  type ResponseAction,
  removableOnRequest,
  reporterActions,
  responsePublications,
  timesAfterMove,
} from '../../domain/case-rules.ts'
import { judge } from '../../domain/decision-rules.ts'
import { CaseKind, CaseStatus, type Channel, Privacy, Publication } from '../../prisma/client.ts'

/** What of a case the machines move, and its one answer. */
type Walked = Pick<
  CaseRow,
  | 'kind'
  | 'channel'
  | 'status'
  | 'publication'
  | 'privacy'
  | 'privacyChosen'
  | 'under16'
  | 'test'
  | 'moderatedTitle'
  | 'moderatedText'
  | 'publicName'
  | 'decisionReason'
  | 'commissioned'
  | 'heldUntil'
  | 'acknowledgedAt'
  | 'closedAt'
  | 'resolvedAt'
  | 'outcomeAt'
  | 'extension'
> & { answer: Publication; images: [] }

const relations: Relation[] = [
  'none',
  'reporter',
  'origin',
  'handler',
  'second_tier',
  'provider',
  'former_provider',
  'commissioner',
]
const decisions: DecisionAction[] = ['publish', 'keep_private', 'refer', 'reject', 'remove']
const answerActions: ResponseAction[] = ['publish', 'reject', 'remove']
const privacies: Privacy[] = [Privacy.private, Privacy.anonymous, Privacy.named]
const channels: Channel[] = ['web', 'phone', 'sms', 'email', 'social']

const begun = fc
  .record({
    kind: fc.constantFrom(...Object.values(CaseKind)),
    channel: fc.constantFrom(...channels),
    asked: fc.constantFrom(...privacies),
    under16: fc.boolean(),
    test: fc.boolean(),
  })
  .map(({ kind, channel, asked, under16, test }): Walked => {
    const privacy = privacyOf(asked, under16)
    return {
      kind,
      channel,
      under16,
      test,
      privacy,
      privacyChosen: privacy,
      status: 'open',
      publication: 'awaiting_moderation',
      moderatedTitle: null,
      moderatedText: null,
      publicName: null,
      decisionReason: null,
      commissioned: null,
      heldUntil: null,
      acknowledgedAt: null,
      closedAt: null,
      resolvedAt: null,
      outcomeAt: null,
      extension: null,
      answer: 'published',
      images: [],
    }
  })

const step = fc.oneof(
  fc.record({
    what: fc.constant('move' as const),
    by: fc.constantFrom(...relations),
    to: fc.constantFrom(...Object.values(CaseStatus)),
  }),
  fc.record({
    what: fc.constant('decide' as const),
    by: fc.constantFrom(...relations),
    action: fc.constantFrom(...decisions),
    privacy: fc.constantFrom(undefined, ...privacies),
    text: fc.constantFrom(undefined, 'The public reads this. (Invented.)'),
  }),
  fc.record({
    what: fc.constant('answer' as const),
    by: fc.constantFrom(...relations),
    action: fc.constantFrom(...answerActions),
  }),
  fc.record({
    what: fc.constant('reporter' as const),
    action: fc.constantFrom<ReporterAction>('add', 'withdraw_publication', 'withdraw_case', 'reopen', 'rate'),
  }),
  fc.record({ what: fc.constantFrom('hide' as const, 'show' as const, 'take_down' as const) }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

t.test('ten thousand random walks never come where nobody may be, and always add up', async (t) => {
  const walk = fc.tuple(
    fc.array(begun, { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(2), step), { maxLength: 20 }),
  )
  let walks = 0
  const seen = new Set<string>()
  fc.assert(
    fc.property(walk, ([begun, steps]) => {
      walks += 1
      const cases = [...begun]
      for (const [n, [which, step]] of steps.entries()) {
        const at = which % cases.length
        const before = cases[at] as Walked
        const after = walked(before, step, new Date(n * 60_000).toISOString())
        cases[at] = after
        seen.add(after.publication).add(after.status)
        checkState(after)
        checkMove(before, after, step)
        checkTotals(cases)
      }
    }),
    { numRuns: 10_000 },
  )
  t.equal(walks, 10_000)
  for (const state of [...Object.values(CaseStatus), ...Object.values(Publication)])
    t.ok(seen.has(state), `some walk came to ${state}`)
})

// What the domain does with each step, by its own rules; where they refuse it, nothing changes.
function walked(from: Walked, step: Step, now: string): Walked {
  switch (step.what) {
    case 'move':
      return step.to === 'withdrawn' ? from : moved(from, step.by, step.to, now)
    case 'decide':
      return decided(from, step)
    case 'answer': {
      const allowed = allowedResponseDecisions({ publication: from.answer, takenBack: false }, step.by)
      return allowed.includes(step.action) ? { ...from, answer: responsePublications[step.action] } : from
    }
    case 'reporter':
      return reporterActions(from).includes(step.action) ? reported(from, step.action, now) : from
    case 'hide':
      return from.publication === 'published' && from.privacy !== 'private'
        ? { ...from, publication: 'awaiting_moderation', heldUntil: now }
        : from
    case 'show':
      return from.heldUntil !== null && from.privacy !== 'private' && from.status !== 'withdrawn'
        ? { ...from, publication: 'published', heldUntil: null }
        : from
    case 'take_down':
      return from.status !== 'withdrawn' && removableOnRequest.includes(from.publication)
        ? { ...from, publication: 'removed', publicName: null, heldUntil: null }
        : from
  }
}

function moved(from: Walked, by: Relation, to: CaseStatus, now: string): Walked {
  if (!allowedStatuses(from.kind, from.status, by).includes(to)) return from
  return { ...from, status: to, ...timesAfterMove(from, to, now) }
}

function decided(from: Walked, { by, action, privacy, text }: Extract<Step, { what: 'decide' }>): Walked {
  if (!allowedDecisions(from, by).includes(action)) return from
  const decision = {
    action,
    reason: 'fit_to_publish',
    ...(by === 'handler' && { commissioned: 'locally' as const }),
    ...(privacy !== undefined && { privacy }),
    ...(text !== undefined && { moderatedText: text }),
  }
  const original = { title: null, text: 'What its reporter wrote. (Invented.)' }
  const { outcome, problems } = judge(from as unknown as CaseRow, by, decision, {
    original,
    name: 'Invented Person',
  })
  if (problems.length > 0) return from
  return {
    ...from,
    publication: outcome.publication,
    privacy: outcome.privacy,
    moderatedTitle: outcome.title,
    moderatedText: outcome.text,
    publicName: outcome.publicName,
    decisionReason: decision.reason,
    commissioned: decision.commissioned ?? from.commissioned,
    heldUntil: null,
  }
}

function reported(from: Walked, action: ReporterAction, now: string): Walked {
  switch (action) {
    case 'add':
    case 'answer_extension':
      return from
    case 'rate':
      return { ...from, outcomeAt: now }
    case 'reopen':
      return moved(from, 'reporter', 'open', now)
    case 'withdraw_case':
      return moved(
        {
          ...from,
          publication: 'removed',
          decisionReason: 'withdrawn_by_reporter',
          publicName: null,
          heldUntil: null,
        },
        'reporter',
        'withdrawn',
        now,
      )
    case 'withdraw_publication': {
      const shown = from.publication === 'published' || from.heldUntil !== null
      return {
        ...from,
        privacy: 'private',
        privacyChosen: 'private',
        publicName: null,
        heldUntil: null,
        ...(shown && { publication: 'kept_private' as const }),
      }
    }
  }
}

// The same as the checks of the table `cases`, and what section 4 of the design says beside.
function checkState(of: Walked): void {
  const published = of.publication === 'published'
  const rank = (privacy: Privacy) => privacies.indexOf(privacy)
  hold(
    !(published && (of.privacy === 'private' || of.privacyChosen === 'private')),
    'a private one published',
  )
  hold(!(published && of.test), 'a tried out one published')
  hold(!(published && of.moderatedText === null), 'published without a moderated text')
  hold(!(of.status === 'withdrawn' && of.publication !== 'removed'), 'withdrawn and not removed')
  hold(!(of.under16 && (of.privacy === 'named' || of.privacyChosen === 'named')), 'an under-16 named')
  hold(rank(of.privacy) <= rank(of.privacyChosen), 'more public than its reporter chose')
  hold(of.publicName === null || of.privacy === 'named', 'a name of somebody who is not named')
  hold(of.heldUntil === null || of.publication === 'awaiting_moderation', 'held and shown')
  hold(of.kind === 'feedback' || of.status !== 'no_action_needed', 'a concern that asks for nothing')
  hold(!isClosed(of.status) || of.closedAt !== null, 'closed without a time')
  hold(of.resolvedAt === null || of.closedAt !== null, 'resolved and never closed')
  hold(of.closedAt === null || of.acknowledgedAt !== null, 'closed and never acknowledged')
  hold(of.closedAt === null || (of.acknowledgedAt ?? '') <= of.closedAt, 'acknowledged after it was closed')
  hold(of.resolvedAt === null || (of.closedAt ?? '') <= of.resolvedAt, 'resolved before it was closed')
  hold(of.outcomeAt === null || of.closedAt !== null, 'rated before it was closed')
  hold(of.answer !== 'awaiting_second_tier' && of.answer !== 'kept_private', 'an answer has no such state')
}

function checkMove(before: Walked, after: Walked, step: Step): void {
  for (const name of ['acknowledgedAt', 'closedAt', 'resolvedAt', 'outcomeAt'] as const)
    hold(before[name] === null || before[name] === after[name], `${name} was set twice`)
  hold(before.status !== 'withdrawn' || after.status === 'withdrawn', 'a withdrawn case came back')
  hold(
    before.status !== 'withdrawn' || after.publication === before.publication,
    'a withdrawn case came back to the public',
  )
  const outsider = 'by' in step && !['handler', 'second_tier', 'provider', 'reporter'].includes(step.by)
  hold(!outsider || before === after, 'somebody who only reads changed it')
  const byProvider = 'by' in step && step.by === 'provider'
  hold(!byProvider || before.publication === after.publication, 'an organisation decided on publication')
  const referredOn = before.publication === 'awaiting_second_tier' && step.what === 'decide'
  hold(!referredOn || before === after || step.by === 'second_tier', 'the first tier decided for the second')
  const chosen = before.privacyChosen === after.privacyChosen || step.what === 'reporter'
  hold(chosen, "somebody else changed the reporter's choice")
}

function checkTotals(cases: readonly Walked[]): void {
  const count = (of: (one: Walked) => boolean) => cases.filter(of).length
  const open = count(({ status }) => (openStatuses as readonly CaseStatus[]).includes(status))
  hold(open + count(({ status }) => isClosed(status)) === cases.length, 'open and closed do not add up')
  const views = ['public', 'stub', 'hidden'].map((view) => count((one) => publicView(one) === view))
  hold(sum(views) === cases.length, 'what the public sees does not add up')
  hold(
    views[0] === count(({ publication, privacy }) => publication === 'published' && privacy !== 'private'),
    'the public list is not what is published and not private',
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

function hold(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken)
}
