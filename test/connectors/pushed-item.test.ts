import t from 'tap'
import { pushedEntry } from '../../connectors/pushed-item.ts'

t.test('an item that is nested too deeply is a problem, not an error', async (t) => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const nested = JSON.parse(`${open.repeat(200_000)}1${close.repeat(200_000)}`)
    t.same(pushedEntry({ type: 'story', externalId: 'deep', tags: nested }, 3, ['/tags: Must be array.']), {
      raw: '{"unreadable":"nested too deeply"}',
      problem: 'nested more than 64 deep',
      place: 'items/3',
      externalId: 'deep',
    })
  }
})

t.test('what is nested 64 deep is kept as it is', async (t) => {
  const item = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  const problems = [': Must be object.']
  t.match(pushedEntry(item(64), 0, problems), { raw: /^\[{64}\]{64}$/, problem: ': Must be object.' })
  t.match(pushedEntry(item(65), 0, problems), { raw: /unreadable/, problem: /deep/ })
})

t.test('a field that nobody knows is named only when its name can hold nothing', async (t) => {
  const unknown = 'Is not known here; leave it out.'
  const problemOf = (pointer: string) => {
    const entry = pushedEntry({ type: 'story' }, 0, [`${pointer}: ${unknown}`, '/externalId: Is needed.'])
    return 'problem' in entry ? entry.problem : null
  }
  t.equal(problemOf('/colour'), `/colour: ${unknown}; /externalId: Is needed.`)
  for (const odd of ['/jo@example.org', '/a: b', '/line\nbreak: c', '/\u0000', `/${'x'.repeat(60)}`]) {
    t.equal(problemOf(odd), `an unknown field: ${unknown}; /externalId: Is needed.`)
  }
})
