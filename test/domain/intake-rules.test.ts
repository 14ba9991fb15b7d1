import fc from 'fast-check'
import t from 'tap'
import { type ClientCaller, roleScopes } from '../../domain/callers.ts'
import { type CaseDraft, decideIntake, priorityOf } from '../../domain/intake-rules.ts'
import { CaseKind, type Role } from '../../prisma/client.ts'

const NOW = new Date('2026-11-22T12:00:00.000Z')
const kinds = Object.values(CaseKind)
const channels = ['web', 'phone', 'sms', 'email', 'social'] as const
const contacts = {
  nothing: undefined,
  empty: {},
  name: { name: 'Invented' },
  email: { email: 'invented@example.org' },
  phone: { phone: '020 7946 0000' },
  'name and email': { name: 'Invented', email: 'invented@example.org' },
  'name and phone': { name: 'Invented', phone: '020 7946 0000' },
}

t.test('kind by channel by answer by contact: the whole table', async (t) => {
  for (const kind of kinds)
    for (const channel of channels)
      for (const wantsResponse of [undefined, true, false])
        for (const [named, contact] of Object.entries(contacts)) {
          const row = `${kind} by ${channel}, answer ${wantsResponse ?? 'unsaid'}, with ${named}`
          const { intake, codes } = decide({ kind, channel, wantsResponse, contact })
          const asConcern = kind === 'concern' && (channel === 'web' || channel === 'phone')
          t.equal(intake.kind, kind === 'concern' && !asConcern ? 'feedback' : kind, row)
          t.equal(intake.takenAsFeedback, kind === 'concern' && !asConcern, row)
          const wants = wantsResponse ?? (asConcern || kind === 'question')
          t.equal(intake.wantsResponse, wants, row)
          const reachable = /email|phone/.test(named)
          const isNamed = named.startsWith('name')
          const wanted = [
            ...(wants && !reachable ? ['/contact contact_missing'] : []),
            ...(wants && asConcern && !isNamed ? ['/contact/name name_missing'] : []),
          ]
          t.same(codes, wanted, row)
          const preferred = named.includes('email') ? 'email' : named.includes('phone') ? 'phone' : null
          t.equal(intake.preferredContact, preferred, row)
        }
})

t.test('S03: the preferred way must be there', async (t) => {
  const email = { name: 'Invented', email: 'invented@example.org' }
  const phone = { name: 'Invented', phone: '020 7946 0000' }
  const preferred = (contact: object, way: 'email' | 'phone') =>
    decide({ contact: { ...contact, preferred: way } })
  t.same(preferred(email, 'phone').codes, ['/contact/phone preferred_contact_missing'])
  t.same(preferred(phone, 'email').codes, ['/contact/email preferred_contact_missing'])
  t.equal(preferred({ ...email, ...phone }, 'phone').intake.preferredContact, 'phone')
})

t.test('a role says only the channels that are its own, and gets its first when it says none', async (t) => {
  for (const role of ['form', 'integrator'] as const) {
    t.equal(decide({ channel: undefined }, role).intake.channel, 'web')
    for (const channel of channels)
      t.same(
        decide({ channel }, role).codes,
        channel === 'web' ? [] : ['/channel channel_not_allowed'],
        `${role} ${channel}`,
      )
  }
  for (const channel of channels) t.same(decide({ channel }).codes, [], `case handler ${channel}`)
  t.same(decide({ channel: undefined }).codes, ['/channel missing'], 'a case handler says it')
})

t.test('S14: terms are needed on the web, and there only', async (t) => {
  for (const acceptsTerms of [undefined, false])
    for (const channel of channels)
      t.same(
        decide({ channel, acceptsTerms, kind: 'feedback' }).codes,
        channel === 'web' ? ['/acceptsTerms terms_not_accepted'] : [],
      )
})

t.test('a visit is between this month and 24 months ago', async (t) => {
  const month = (visitMonth: string, now: string) =>
    decide({ visitMonth }, 'case_handler', new Date(now)).codes
  const refused = ['/visitMonth visit_month_out_of_range']
  t.same(month('2026-11', '2026-11-01T00:00:00Z'), [])
  t.same(month('2026-11', '2026-11-30T23:59:59Z'), [])
  t.same(month('2026-12', '2026-11-30T23:59:59Z'), refused)
  t.same(month('2024-11', '2026-11-22T00:00:00Z'), [])
  t.same(month('2024-10', '2026-11-22T00:00:00Z'), refused)
  t.same(month('2025-12', '2026-01-01T00:00:00Z'), [])
  t.same(month('0000-01', '2026-01-01T00:00:00Z'), refused)
})

t.test('S05: an under-16 who asked to be named is published without the name', async (t) => {
  t.equal(decide({ privacy: 'named', under16: true }).intake.privacy, 'anonymous')
  t.equal(decide({ privacy: 'named', under16: false }).intake.privacy, 'named')
  t.equal(decide({ privacy: 'private', under16: true }).intake.privacy, 'private')
})

t.test('S06: who says nothing of privacy is private', async (t) => {
  t.equal(decide({ privacy: undefined }).intake.privacy, 'private')
})

t.test('priority is high only when it is happening now and the category allows it', async (t) => {
  t.equal(priorityOf(true, { allowsHighPriority: true }), 'high')
  t.equal(priorityOf(true, { allowsHighPriority: false }), 'normal')
  t.equal(priorityOf(false, { allowsHighPriority: true }), 'normal')
})

t.test('whatever is sent, the rules answer, and every problem names a field', async (t) => {
  const draft = fc.record(
    {
      kind: fc.constantFrom(...kinds),
      organisation: fc.constant('T01'),
      text: fc.string({ minLength: 1 }),
      channel: fc.constantFrom(...channels),
      wantsResponse: fc.boolean(),
      acceptsTerms: fc.boolean(),
      visitMonth: fc.stringMatching(/^[0-9]{4}-(0[1-9]|1[0-2])$/),
      contact: fc.record(
        {
          name: fc.string(),
          email: fc.emailAddress(),
          phone: fc.constant('1'),
          preferred: fc.constantFrom('email', 'phone'),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['kind', 'organisation', 'text'] },
  )
  fc.assert(
    fc.property(draft, (one) => {
      const { problems, intake } = decideIntake(client('case_handler'), one as CaseDraft, NOW)
      return (
        problems.every(
          ({ pointer, code, detail }) => pointer.startsWith('/') && code !== '' && detail !== '',
        ) &&
        (intake.kind !== 'concern' || ['web', 'phone'].includes(intake.channel))
      )
    }),
  )
  t.pass()
})

function decide(
  changes: { [K in keyof CaseDraft]?: CaseDraft[K] | undefined },
  role: Role = 'case_handler',
  now = NOW,
) {
  const draft = {
    kind: 'concern',
    organisation: 'T01',
    text: 'Invented.',
    channel: 'web',
    contact: { name: 'Invented', email: 'invented@example.org' },
    acceptsTerms: true,
    ...(role === 'case_handler' && { moderation: { commissioned: 'locally', moderatedText: 'Invented.' } }),
    ...changes,
  } as CaseDraft
  const { intake, problems } = decideIntake(client(role), draft, now)
  return { intake, codes: problems.map(({ pointer, code }) => `${pointer} ${code}`) }
}

function client(role: Role): ClientCaller {
  return {
    kind: 'client',
    clientId: 1,
    name: 'invented',
    role,
    scopes: roleScopes[role],
    publishable: role === 'form',
    brand: null,
    test: false,
    organisationIds: [],
    sourceId: null,
    actingUser: null,
  }
}
