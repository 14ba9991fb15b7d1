import t from 'tap'
import { filledIn, placeholderProblems } from '../../domain/template-text.ts'

const filling = {
  reference: 'K7QD-M2XW-9TRB-H',
  organisation: 'Example Trust',
  service: 'Example Ward',
  category: 'Delays',
  status: 'Closed: resolved',
}

t.test('every placeholder is filled in wherever it stands', async (t) => {
  const text = '{organisation}, {service}: {category} ({status}). {reference} {organisation}'
  t.equal(
    filledIn(text, filling),
    'Example Trust, Example Ward: Delays (Closed: resolved). K7QD-M2XW-9TRB-H Example Trust',
  )
})

t.test('what a name brings along is filled in by nothing, and signs of a pattern are none', async (t) => {
  const odd = { ...filling, organisation: '{reference} $& $1 {odd' }
  t.equal(filledIn('At {organisation}.', odd), 'At {reference} $& $1 {odd.')
})

t.test('a brace that nothing fills is refused with its place, in characters', async (t) => {
  const cases: Array<[string, number | null]> = [
    ['', null],
    ['No braces at all.', null],
    ['{reference}{service}', null],
    ['{name}', 1],
    ['Dear {name}', 6],
    ['🦄 {name}', 3],
    ['{Reference}', 1],
    ['{ reference }', 1],
    ['{}', 1],
    ['a { b', 3],
    ['a } b', 3],
    ['{{reference}}', 1],
    ['{reference} and {reference', 17],
    ['{reference}}', 12],
    ['{service{reference}', 1],
    ['{toString}', 1],
  ]
  for (const [text, place] of cases) {
    const problems = placeholderProblems(text)
    if (place === null) t.same(problems, [], text)
    else {
      t.match(problems, [{ pointer: '/text', code: 'unknown_placeholder' }], text)
      t.match(problems[0]?.detail, new RegExp(`^At character ${place} `), text)
    }
  }
})
