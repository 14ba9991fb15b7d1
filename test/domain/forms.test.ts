import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { createForms } from '../../api/forms.ts'
import { type Accepted, choiceProblems } from '../../domain/accepted.ts'
import { type ClientCaller, roleScopes } from '../../domain/callers.ts'
import { formFor } from '../../domain/forms.ts'
import { instruments, instrumentsFor } from '../../domain/instruments.ts'
import { type CaseDraft, decideIntake, visitMonths } from '../../domain/intake-rules.ts'
import { CaseKind, type OrganisationKind } from '../../prisma/client.ts'

const NOW = new Date('2026-11-22T12:00:00.000Z')
const forms = createForms(readContract())
const organisations = (['site', 'gp_practice', 'local_authority'] as const).map((kind) => acceptedBy(kind))
const client = {
  kind: 'client',
  clientId: 1,
  name: 'invented',
  role: 'form',
  scopes: roleScopes.form,
  publishable: true,
  brand: null,
  test: false,
  organisationIds: [],
  sourceId: null,
  actingUser: null,
} as const satisfies ClientCaller

t.test(
  'what the schema of a form takes the rules of the intake take, and what it refuses they refuse',
  async (t) => {
    const seen = { taken: 0, refused: 0 }
    fc.assert(
      fc.property(fc.constantFrom(...organisations), drafts(), (accepted, made) => {
        const draft = { ...made, organisation: accepted.organisation.code } as CaseDraft
        const form = formFor(draft.kind, accepted, forms.fields, NOW)
        const bySchema = forms.problemsOf(form, draft).length === 0
        const problems = [
          ...decideIntake(client, draft, NOW).problems,
          ...choiceProblems({ accepted, categories: accepted.categories, refused: null }, draft),
        ]
        seen[bySchema ? 'taken' : 'refused']++
        return bySchema === (problems.length === 0)
      }),
      { numRuns: 4_000 },
    )
    t.ok(seen.taken > 200 && seen.refused > 200, JSON.stringify(seen))
  },
)

t.test('a form has a hint for each field of its schema, at a pointer that its schema knows', async (t) => {
  for (const accepted of organisations)
    for (const kind of Object.values(CaseKind)) {
      const { hints, schema } = formFor(kind, accepted, forms.fields, NOW)
      const fields = Object.keys(schema.properties as object).filter((field) => field !== 'channel')
      const hinted = new Set(hints.map(({ pointer }) => pointer.split('/')[1]))
      t.same(
        [...hinted].sort(),
        fields.filter((field) => kind === 'concern' || field !== 'happeningNow').sort(),
      )
      const pointers = hints.map(({ pointer }) => pointer)
      t.equal(new Set(pointers).size, pointers.length, 'each once')
    }
})

t.test('what is chosen by the hints is in the schema', async (t) => {
  for (const accepted of organisations) {
    const { hints, schema } = formFor('feedback', accepted, forms.fields, NOW)
    for (const field of ['service', 'category', 'visitMonth']) {
      const options = hints.find(({ pointer }) => pointer === `/${field}`)?.options.map(({ value }) => value)
      t.same(options, (schema.properties as Record<string, { enum?: unknown[] }>)[field]?.enum, field)
    }
  }
})

t.test('the schema is one that a validator of its own takes', async (t) => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  for (const accepted of organisations)
    for (const kind of Object.values(CaseKind))
      t.ok(ajv.validateSchema(formFor(kind, accepted, forms.fields, NOW).schema), JSON.stringify(ajv.errors))
})

t.test('the version changes with what is accepted and with nothing else', async (t) => {
  const [hospital = acceptedBy('site')] = organisations
  const version = (accepted: Accepted, now = NOW) => formFor('concern', accepted, forms.fields, now).version
  t.equal(version(hospital), version(acceptedBy('site')))
  t.equal(version(hospital), version(hospital, new Date('2026-11-23T00:00:00Z')), 'not with the day')
  const service = { id: 9, code: 'SRV9', name: 'Another Ward' }
  t.not(version(hospital), version({ ...hospital, services: [...hospital.services, service] }))
  t.not(version(hospital), version({ ...hospital, categories: hospital.categories.slice(1) }))
  t.not(version(hospital), version(hospital, new Date('2026-12-01T12:00:00Z')), 'with the months of a visit')
})

t.test('a month of a visit is one in London', async (t) => {
  t.equal(visitMonths(new Date('2026-06-30T23:30:00Z'))[0], '2026-07')
  t.equal(visitMonths(new Date('2026-12-31T23:30:00Z'))[0], '2026-12')
  t.same(visitMonths(NOW).length, 25)
  t.equal(visitMonths(NOW).at(-1), '2024-11')
})

// Right and wrong values of every field that has a rule; the rest is the contract's own matter.
function drafts() {
  const ratings = fc.oneof(
    fc.constantFrom(...instruments).chain(({ code, questions }) =>
      fc.subarray([...questions]).map((some) =>
        some.map((question) => ({
          instrument: code,
          question: question.code,
          answer: question.answers[0]?.code,
        })),
      ),
    ),
    fc.array(
      fc.record({
        instrument: fc.constantFrom('hospital_stars', 'practice_stars', 'friends_and_family_2020', 'none'),
        question: fc.constantFrom('recommend', 'dignity', 'overall', 'none'),
        answer: fc.constantFrom('likely', 'always', 'satisfied', 'very_good', 'none'),
      }),
      { maxLength: 3 },
    ),
  )
  const contact = fc.record(
    {
      name: fc.constant('Invented'),
      email: fc.constant('invented@example.org'),
      phone: fc.constant('020 7946 0000'),
      preferred: fc.constantFrom('email', 'phone'),
    },
    { requiredKeys: [] },
  )
  const mostly = <T>(right: T, ...wrong: T[]) =>
    fc.oneof(
      { weight: 9, arbitrary: fc.constant(right) },
      { weight: 1, arbitrary: fc.constantFrom(right, ...wrong) },
    )
  return fc
    .record(
      {
        kind: fc.constantFrom(...Object.values(CaseKind)),
        text: fc.constant('Invented.'),
        acceptsTerms: mostly<boolean | undefined>(true, false, undefined),
        channel: mostly<string>('web', 'phone', 'sms'),
        service: mostly('SRV1', 'SRV2'),
        category: mostly('delays', 'other', 'weather'),
        wantsResponse: fc.boolean(),
        privacy: fc.constantFrom('private', 'anonymous', 'named'),
        under16: fc.boolean(),
        happeningNow: fc.boolean(),
        contact,
        visitMonth: mostly('2026-11', '2024-11', '2024-10', '2026-12'),
        ratings,
      },
      { requiredKeys: ['kind', 'text', 'acceptsTerms'] },
    )
    .map((draft) => JSON.parse(JSON.stringify(draft)))
}

function acceptedBy(kind: OrganisationKind): Accepted {
  return {
    organisation: {
      code: 'T0101',
      name: 'Example Organisation',
      kind,
      place: { organisationId: 1, latitude: null, longitude: null },
    },
    services: kind === 'site' ? [{ id: 1, code: 'SRV1', name: 'Example Ward' }] : [],
    servicesBefore: [],
    categories: ['delays', 'other'].map((code) => ({
      code,
      label: code,
      help: null,
      allowsHighPriority: code === 'delays',
    })),
    instruments: instrumentsFor(kind),
  }
}
