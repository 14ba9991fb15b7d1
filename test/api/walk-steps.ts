import { type Answer, type Call, draft, type Harness, type Keys, staff } from './harness.ts'

/** What a walk begins with; fast-check chooses. */
export type Beginning = {
  by: 'integrator' | 'case_handler'
  kind: 'concern' | 'question' | 'feedback'
  privacy: 'private' | 'anonymous' | 'named'
  under16: boolean
  happeningNow: boolean
  organisation: 'T01' | 'T02' | 'T0101'
  test: boolean
}

/** One step: which, by whom, and a number to choose with among what they read. */
export type Step = { what: keyof typeof steps; by: keyof Keys; n: number }

/** A case on its walk, and what those who walk it have been told. */
export type Walk = {
  harness: Harness
  keys: Keys
  test: boolean
  reference: string
  url: string
  receipt: string
  requests: string[]
  /** Which steps were taken, and not refused. */
  done: string[]
  /** What the case handler has read last. */
  seen?: Answer['body']
}

/** What nobody outside may ever read; in every text that is not for the public. */
export const CANARY = 'canary'
export const NAME = 'Nadia Example'
export const PHONE = '020 7946 0999'
export const PUBLIC_WORDS = 'What everybody may read. (Invented.)'

const secret = (what: string) => `The ${CANARY} of ${what}. (Invented.)`

/** Creates the case of a walk. */
export async function begin(harness: Harness, keys: Keys, beginning: Beginning): Promise<Walk> {
  const { by, test, ...wishes } = beginning
  const body = draft({
    ...wishes,
    category: 'treatment',
    title: secret('the title'),
    text: secret('the original'),
    contact: { name: NAME, email: `${CANARY}@example.org`, phone: PHONE },
    ...(by === 'case_handler' && {
      channel: 'phone',
      moderation: { commissioned: 'locally', moderatedText: PUBLIC_WORDS },
    }),
  })
  const created = await harness.call({
    method: 'POST',
    url: '/v1/cases',
    key: keys[by],
    headers: { 'acting-user': 'person-1' },
    body,
  })
  if (created.status !== 201) throw new Error(`the case was not created: ${created.text}`)
  const { reference, receipt } = created.body
  return { harness, keys, test, reference, url: `/v1/cases/${reference}`, receipt, requests: [], done: [] }
}

/** The case as the people see it who work on it. */
export async function read(walk: Walk, by: keyof Keys = 'case_handler'): Promise<Answer['body']> {
  const { body } = await walk.harness.call({ url: walk.url, key: walk.keys[by] })
  return body
}

type Taken = (walk: Walk, seen: Answer['body'], step: Step) => Call | undefined

/** What may happen next, from what whoever does it reads; what the rules refuse is refused by the service. */
const steps = {
  decide: (walk, seen, { n }) =>
    write(walk, 'decisions', {
      action: of(n, [...seen.allowedDecisions, 'publish', 'keep_private', 'refer', 'reject', 'remove']),
      reason: 'fit_to_publish',
      note: secret('a decision'),
      ...(n % 3 > 0 && { moderatedText: PUBLIC_WORDS }),
      ...(n % 5 === 0 && { privacy: of(n, ['private', 'anonymous', 'named']) }),
      ...(seen.commissioned === null && { commissioned: 'locally' }),
    }),
  move: (walk, seen, { n }) => ({
    method: 'PATCH',
    url: walk.url,
    body: { status: of(n, [...seen.allowedStatuses, 'open', 'resolved']) },
  }),
  close: (walk) => ({ method: 'PATCH', url: walk.url, body: { status: 'resolved' } }),
  change: (walk, _seen, { n }) => ({
    method: 'PATCH',
    url: walk.url,
    body: of(n, [
      { urgent: n % 2 === 0 },
      { breach: true },
      { priority: 'high' },
      { formalComplaint: true },
      { passedOn: true },
      { category: 'delays' },
      { assignee: 'person-3' },
      { organisation: of(n, ['T01', 'T02']) },
    ]),
  }),
  respond: (walk, seen, { n }) =>
    write(walk, 'responses', {
      text: 'We are sorry. (Invented.)',
      ...(n % 2 === 0 && { status: of(n, [...seen.allowedStatuses, 'resolved']) }),
    }),
  judgeResponse: (walk, seen, { n }) =>
    seen.responses.length === 0
      ? undefined
      : write(walk, `responses/${of<{ reference: string }>(n, seen.responses).reference}/decisions`, {
          action: of(n, ['publish', 'reject', 'remove']),
          reason: 'not_suitable',
        }),
  refer: (walk, _seen, { n }) =>
    write(walk, 'referrals', { organisation: of(n, ['T01', 'T02']), note: secret('a referral') }),
  answerReferral: (walk, _seen, { n }) =>
    write(walk, 'referral-answers', { action: of(n, ['accept', 'decline']), note: secret('an answer') }),
  note: (walk, _seen, { n }) => write(walk, 'notes', { text: secret('a note'), shared: n % 2 === 0 }),
  message: (walk) => write(walk, 'messages', { text: secret('a message') }),
  pause: (walk, _seen, { n }) => write(walk, 'pause', { text: secret('a pause'), workingDays: 1 + (n % 40) }),
  endPause: (walk) => ({ method: 'DELETE', url: `${walk.url}/pause` }),
  extend: (walk, _seen, { n }) =>
    write(walk, 'extensions', {
      workingDays: 1 + (n % 30),
      reason: secret('an extension'),
      consent: of(n, ['asked', 'phone']),
    }),
  escalate: (walk) => write(walk, 'escalations', { reason: 'overdue', text: secret('an escalation') }),
  answerEscalation: (walk, _seen, { n }) =>
    write(walk, 'escalation-answers', {
      answer: of(n, ['acknowledged', 'resolved']),
      text: secret('what was said to it'),
    }),
  claim: (walk) => write(walk, 'claims', { minutes: 1 }),
  endClaim: (walk) => ({ method: 'DELETE', url: `${walk.url}/claims` }),
  askRemoval: (walk, _seen, { n }) =>
    write(walk, 'removal-requests', {
      reason: of(n, ['personal_data', 'names_staff', 'threat', 'vexatious', 'untrue']),
      text: secret('a removal request'),
    }),
  decideRemoval: (walk, _seen, { n }) =>
    walk.requests.length === 0
      ? undefined
      : {
          method: 'POST',
          url: `/v1/removal-requests/${walk.requests.at(-1)}/decisions`,
          body: { action: of(n, ['remove', 'decline']), reason: 'vexatious' },
        },
  renewReceipt: (walk) => write(walk, 'receipts', undefined),
} satisfies Record<string, Taken>

const reporterSteps = {
  add: (walk: Walk) => write(walk, 'additions', { text: secret('an addition') }),
  withdraw: (walk: Walk, n: number) =>
    write(walk, 'withdrawals', { what: of(n, ['publication', 'case', 'publication']) }),
  reopen: (walk: Walk) => write(walk, 'reopenings', { reason: 'disagree', text: secret('a dispute') }),
  rate: (walk: Walk, n: number) => write(walk, 'outcomes', { resolved: n % 2 === 0, manner: null }),
  answerExtension: (walk: Walk, n: number) =>
    write(walk, 'extension-answers', { answer: of(n, ['agreed', 'declined']) }),
}

export const staffSteps = Object.keys(steps) as Array<keyof typeof steps>
export const ownSteps = Object.keys(reporterSteps) as Array<keyof typeof reporterSteps>

/** A step of somebody with a key: they read the case, and do something to it. */
export async function take(walk: Walk, wanted: Step): Promise<void> {
  const step = await prepared(walk, wanted)
  const seen = (step.by === 'case_handler' ? walk.seen : undefined) ?? (await read(walk, step.by))
  delete walk.seen
  // Who sees a part only tries it all the same, with what everybody knows.
  const known = seen?.view === 'staff' ? seen : { ...UNKNOWN, version: seen?.version ?? 1 }
  const call = (steps[step.what] as Taken)(walk, known, step)
  if (call === undefined) return
  const user = `person-${step.n % 2}`
  const answer = await walk.harness.call({
    ...call,
    key: walk.keys[step.by],
    headers: staff(known.version, user),
  })
  note(walk, step.what, answer)
  if (answer.status === 201 && step.what === 'askRemoval') walk.requests.push(answer.body.request)
  if (answer.status === 201 && step.what === 'renewReceipt') walk.receipt = answer.body.receipt
}

// Most of what needs something before it would come to nothing if it were left to chance.
async function prepared(walk: Walk, step: Step): Promise<Step> {
  if (step.what === 'decideRemoval') {
    // Nobody decides on what they have asked for themselves.
    const asked = { ...step, what: 'askRemoval', n: step.n + 1 } as const
    await take(walk, { ...asked, by: 'provider' })
    await take(walk, { ...asked, by: 'other_provider' })
  }
  if (step.what === 'endPause') await take(walk, { ...step, what: 'pause', by: 'case_handler' })
  if (step.what === 'answerEscalation') {
    await take(walk, { ...step, what: 'escalate', by: 'case_handler' })
    return { ...step, by: 'commissioner' }
  }
  if (step.what === 'judgeResponse') await take(walk, { ...step, what: 'respond', by: 'provider' })
  if (step.what !== 'answerReferral') return step
  await take(walk, { ...step, what: 'refer', by: 'case_handler' })
  return { ...step, by: of(step.n, ['provider', 'other_provider']) }
}

/** A step of the reporter, with the receipt. */
export async function takeOwn(walk: Walk, what: keyof typeof reporterSteps, n: number): Promise<void> {
  if (what === 'reopen' || what === 'rate') await take(walk, { what: 'close', by: 'case_handler', n })
  if (what === 'answerExtension') await take(walk, { what: 'extend', by: 'case_handler', n: 2 * n })
  const headers = { 'case-receipt': walk.receipt }
  const answer = await walk.harness.call({ ...reporterSteps[what](walk, n), headers })
  note(walk, what, answer)
}

/** Somebody in public holds something against the case. */
export async function report(walk: Walk, n: number): Promise<void> {
  const reason = of(n, ['personal_data', 'threat', 'vexatious', 'other'])
  const answer = await walk.harness.call(write(walk, 'reports', { reason, text: secret('a report') }))
  note(walk, 'report', answer)
}

function note(walk: Walk, what: string, answer: Answer): void {
  if (answer.status >= 500) throw new Error(`${what}: ${answer.text}`)
  if (answer.status < 300) walk.done.push(what)
}

const UNKNOWN = { allowedDecisions: [], allowedStatuses: [], responses: [], commissioned: null }

function write(walk: Walk, under: string, body: unknown): Call {
  return { method: 'POST', url: `${walk.url}/${under}`, ...(body !== undefined && { body }) }
}

function of<T>(n: number, choices: readonly T[]): T {
  return choices[n % choices.length] as T
}
