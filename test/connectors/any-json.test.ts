import fc from 'fast-check'
import t from 'tap'
import { documentFindings } from '../../connectors/contract.ts'
import { readAny, subjectOf } from './documents.ts'

const connectors = ['care-opinion', 'nhs-comments', 'feed']

t.test('any JSON at all is a reading or a failure, never an exception', async () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      for (const name of connectors) readAny(name, Buffer.from(JSON.stringify(value)))
      return true
    }),
    { numRuns: 500 },
  )
})

const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '1',
    '',
    'removed',
    'https://a.example/?apikey=K"\\',
    '2024-06-01T10:00:00+01:00',
    'XXX01',
    '<b>',
  ),
)
const field = fc.oneof(word, fc.integer(), fc.constantFrom(null, true, {}, []))

/** Something with the names of a format, each of which may hold anything. */
function recordOf(names: string[], values: Record<string, fc.Arbitrary<unknown>> = {}) {
  const fields = Object.fromEntries(names.map((name) => [name, field]))
  const rare = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, fc.oneof({ weight: 4, arbitrary: value }, field)]),
  )
  return fc.record({ ...fields, ...rare }, { requiredKeys: [] })
}

const link = recordOf(['rel', 'relation', 'id', 'href'])
const response = recordOf(['id', 'responseId', 'body', 'responseText', 'status', 'author', 'opinionId'], {
  links: fc.array(link, { maxLength: 2 }),
})
const responses = fc.array(fc.oneof({ weight: 4, arbitrary: response }, field), { maxLength: 3 })

const opinion = recordOf(
  [
    'id',
    'title',
    'body',
    'status',
    'restricted',
    'authorName',
    'dateOfPublication',
    'lastUpdated',
    '_care_connect',
  ],
  {
    responses,
    links: fc.array(link, { maxLength: 3 }),
    tags: fc.array(field, { maxLength: 3 }),
    healthservices: fc.array(recordOf(['id', 'nacs', 'siteNacs', 'name', 'type']), { maxLength: 2 }),
    ratings: fc.array(recordOf(['questionText', 'score', 'scoreText']), { maxLength: 2 }),
  },
)

const comment = recordOf(
  ['commentId', 'commentRef', 'title', 'commentText', 'status', 'odsCode', 'dateSubmitted', 'lastUpdated'],
  {
    response: responses,
    ratings: fc.array(recordOf(['question', 'rating']), { maxLength: 2 }),
    visit: recordOf(['month', 'year']),
  },
)

/** What hostile words may do is to stand there as words, and two things may say that they have one id. */
const theirs = /text: markup|share one id/

function ours(file: string, document: unknown): string[] {
  const subject = subjectOf(file, Buffer.from(JSON.stringify(document)))
  return documentFindings(subject, 10).filter((finding) => !theirs.test(finding))
}

t.test('whatever stands in the fields of Care Opinion, the contract is kept', async (t) => {
  fc.assert(
    fc.property(fc.array(opinion, { maxLength: 4 }), (list) => {
      const findings = ours('care-opinion', list)
      if (findings.length > 0) t.comment(findings.join('; '))
      return findings.length === 0
    }),
    { numRuns: 300 },
  )
})

t.test('whatever stands in the fields of the NHS comments, the contract is kept', async (t) => {
  fc.assert(
    fc.property(fc.array(comment, { maxLength: 4 }), (comments) => {
      const findings = ours('nhs-comments', { comments })
      if (findings.length > 0) t.comment(findings.join('; '))
      return findings.length === 0
    }),
    { numRuns: 300 },
  )
})
