import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, PUBLIC_URL, SERVICE, startHarness } from './harness.ts'

type Hint = {
  pointer: string
  widget: string
  required: boolean
  options: Array<{ value: string | number | boolean }>
}

const KINDS = ['concern', 'question', 'feedback'] as const
const ORGANISATIONS = { T0101: 'a hospital', G01: 'a GP practice', L01: 'a local authority' }
const words: Readonly<Record<string, unknown>> = {
  text: 'Said in a form. (Invented.)',
  textarea: 'Said in a form. (Invented.)',
  email: 'invented@example.org',
  tel: '020 7946 0000',
  place: { latitude: 51.5, longitude: -0.12 },
}

t.test('forms', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const create = (data: object) => db.prisma.organisation.create({ data: data as never })
  await create({ code: 'G01', name: 'Example Practice', kind: 'gp_practice' })
  await create({ code: 'L01', name: 'Example Council', kind: 'local_authority' })
  const form = (kind: string, organisation: string): Promise<Answer> =>
    call({ url: `/v1/forms/${kind}?organisation=${encodeURIComponent(organisation)}` })
  const submit = (body: unknown, key = keys.form): Promise<Answer> =>
    call({ method: 'POST', url: '/v1/cases', key, body })

  for (const [organisation, what] of Object.entries(ORGANISATIONS))
    for (const kind of KINDS)
      await t.test(`a page made of hints alone sends a ${kind} for ${what}`, async (t) => {
        const { status, body } = await form(kind, organisation)
        t.equal(status, 200)
        t.match(body, { kind, organisation: { code: organisation }, notice: SERVICE.notice })
        t.match(body.submit, { method: 'POST', url: `${PUBLIC_URL}/v1/cases` })
        t.match(body.images, { url: `${PUBLIC_URL}/v1/images`, most: 3, maxBytes: 5_242_880 })
        for (const filled of [allOf(body.hints), neededOf(body.hints)]) {
          const answer = await submit(filled)
          t.equal(answer.status, 201, answer.text)
          t.match(answer.body, { kind, organisation: { code: organisation } })
        }
      })

  await t.test('an organisation is asked for by its code in any form', async (t) => {
    for (const code of ['t01', 'T 01', 'OLD1'])
      t.equal((await form('concern', code)).body.organisation.code, 'T01')
  })

  await t.test('there is no form for what takes no cases, nor for another kind', async (t) => {
    for (const code of ['NONE1', 'T09', 'T0901', 'XCM01'])
      refused(t, await form('concern', code), 404, 'not_found')
    refused(t, await form('complaint', 'T01'), 400, 'validation_failed', ['path /kind unknown_value'])
    refused(t, await call({ url: '/v1/forms/concern' }), 400, 'validation_failed', [
      'query /organisation missing',
    ])
  })

  await t.test(
    'it offers the services and the ratings of that organisation, and changes its version with them',
    async (t) => {
      const before = (await form('feedback', 'T02')).body
      t.equal(before.schema.properties.service, undefined)
      const { id } = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T02' } })
      await db.prisma.service.create({ data: { organisationId: id, code: 'SRV7', name: 'Another Ward' } })
      const after = (await form('feedback', 'T02')).body
      t.same(after.schema.properties.service.enum, ['SRV7'])
      t.not(after.version, before.version)
      t.equal((await form('feedback', 'T02')).body.version, after.version)
      t.equal((await form('concern', 'T02')).body.schema.properties.ratings, undefined)
      const instrumentsOf = async (code: string): Promise<string[]> => {
        const { body } = await form('feedback', code)
        const asked = body.hints.filter((hint: Hint) => hint.pointer.endsWith('/instrument'))
        return [...new Set<string>(asked.map((hint: Hint) => hint.options[0]?.value))]
      }
      t.same(await instrumentsOf('T0101'), ['hospital_stars', 'friends_and_family_2020'])
      t.same(await instrumentsOf('G01'), ['practice_stars', 'friends_and_family_2020'])
      t.same(await instrumentsOf('L01'), ['council_stars', 'friends_and_family_2020'])
    },
  )

  await t.test(
    'what its schema takes the intake takes, and what it refuses the intake refuses',
    async (t) => {
      const ajv = new Ajv2020({ strict: false })
      addFormats.default(ajv)
      const schemas = new Map<string, ReturnType<typeof ajv.compile>>()
      for (const kind of KINDS) schemas.set(kind, ajv.compile((await form(kind, 'T0101')).body.schema))
      const text = fc.constantFrom('Invented.', 'x'.repeat(2_000), 'x'.repeat(2_001), ' ', '')
      const draft = fc.record(
        {
          kind: fc.constantFrom(...KINDS),
          organisation: fc.constant('T0101'),
          text: fc.oneof({ weight: 9, arbitrary: fc.constant('Invented.') }, { weight: 1, arbitrary: text }),
          acceptsTerms: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.boolean()),
          service: mostly('SRV1', 'NONE'),
          category: mostly('delays', 'weather'),
          wantsResponse: fc.boolean(),
          privacy: fc.constantFrom('private', 'anonymous', 'named'),
          contact: fc.record(
            {
              name: fc.constant('Invented'),
              email: mostly('invented@example.org', 'nobody'),
              phone: mostly('020 7946 0000', 'none'),
              preferred: fc.constantFrom('email', 'phone'),
            },
            { requiredKeys: ['name'] },
          ),
          ratings: fc.array(
            fc.record({
              instrument: fc.constant('hospital_stars'),
              question: fc.constantFrom('recommend', 'dignity'),
              answer: fc.constantFrom('likely', 'satisfied'),
            }),
            { maxLength: 2 },
          ),
          website: mostly('', 'https://spam.example'),
          colour: fc.constant('red'),
        },
        { requiredKeys: ['kind', 'organisation', 'text', 'acceptsTerms'] },
      )
      const seen = { taken: 0, refused: 0 }
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            { weight: 5, arbitrary: draft.map(({ colour: _, ratings: __, ...rest }) => rest) },
            { weight: 2, arbitrary: draft.map(({ colour: _, ...rest }) => rest) },
            draft,
          ),
          async (one) => {
            const takes = schemas.get(one.kind)?.(one) === true
            const { status } = await submit(one)
            seen[takes ? 'taken' : 'refused']++
            return status === (takes ? 201 : 400)
          },
        ),
        { numRuns: 120, seed: Number(process.env.FAST_CHECK_SEED ?? 20261122) },
      )
      t.comment(JSON.stringify(seen))
      t.ok(seen.taken > 5 && seen.refused > 5, JSON.stringify(seen))
    },
  )
})

/** Nearly always the first. */
function mostly<T>(right: T, wrong: T): fc.Arbitrary<T> {
  return fc.oneof({ weight: 9, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: fc.constant(wrong) })
}

/** A body with every field filled in, the first choice of each. */
function allOf(hints: Hint[]): object {
  return filled(hints.filter(({ widget, pointer }) => widget !== 'images' && pointer !== '/website'))
}

/** As little as the form asks for, and an address where an answer is to go. */
function neededOf(hints: Hint[]): object {
  return filled(
    hints.filter(
      ({ required, pointer }) =>
        (required && !pointer.startsWith('/ratings')) || pointer === '/contact/email',
    ),
  )
}

function filled(hints: Hint[]): object {
  const body = {}
  for (const { pointer, widget, options } of hints) {
    const [first] = options
    put(body, pointer.split('/').slice(1), first?.value ?? words[widget] ?? true)
  }
  return body
}

function put(target: Record<string, unknown>, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    target[name] = value
    return
  }
  target[name] ??= /^\d+$/.test(rest[0] ?? '') ? [] : {}
  put(target[name] as Record<string, unknown>, rest, value)
}
