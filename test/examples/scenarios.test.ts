import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs/decisions/0022-acceptance-scenarios.md'), 'utf8')
const rows = [...page.matchAll(/^\| ([A-Z]\d\d) \| [^|]+ \| ([^|]+) \|$/gm)].map(
  ([, number = '', where = '']) => ({ number, where, tested: /\btested\b/.test(where) }),
)
const files = new Map(globSync('test/**/*.test.ts', { cwd: root }).map((file) => [file, numbersIn(file)]))

t.test('each scenario has one line: tested, void, overruled or later', async (t) => {
  t.equal(new Set(rows.map(({ number }) => number)).size, rows.length)
  t.equal(rows.length, 80)
  for (const { number, where } of rows) t.match(where, /^(tested: |void: |overruled: |later \()/, number)
})

t.test('what the page calls tested is the name of a test in the files that it names', async (t) => {
  for (const { number, where } of rows.filter(({ tested }) => tested)) {
    const named = [...where.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file)
    t.not(named.length, 0, number)
    for (const file of named) t.ok(files.get(file)?.includes(number), `${number} in ${file}`)
  }
})

t.test('a number at the head of a test stands on the page, with that file', async (t) => {
  for (const [file, numbers] of files)
    for (const number of numbers)
      t.match(rows.find((row) => row.number === number)?.where, file, `${number} of ${file}`)
})

function numbersIn(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const heads = text.matchAll(/test\(\s*['"`]((?:[A-Z]\d\d[:,]? )+)/g)
  return [...heads].flatMap(([, head = '']) => head.match(/[A-Z]\d\d/g) ?? [])
}
