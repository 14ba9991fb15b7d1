import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { catalogue } from '../../api/problems.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
const sections = page.split(/^## /m).slice(1)
const titles = sections.map((section) => section.split('\n')[0] as string)
const documented = titles.map((title) => title.replaceAll('`', ''))

t.test('docs/errors.md has one section for each code that this service can say, and no others', async (t) => {
  t.same(
    documented.filter((code, n) => documented.indexOf(code) !== n),
    [],
    'no code has two sections',
  )
  t.same([...documented].sort(), [...new Set([...Object.keys(catalogue), ...fieldCodes()])].sort())
})

t.test('a section is named for its code and says something', async (t) => {
  for (const [n, section] of sections.entries()) {
    t.match(titles[n] as string, /^`[a-z_]+`$/)
    t.ok(section.length > 60, `${titles[n]} says what it means and what to do`)
  }
})

t.test('a section of a problem says its status', async (t) => {
  for (const [code, { status }] of Object.entries(catalogue)) {
    const section = sections[documented.indexOf(code)] ?? ''
    t.ok(section.includes(`**${status}**`), `${code} is ${status}`)
  }
})

// Codes of single fields stand where the rule stands; those of the schemas in the contract's validation.
function fieldCodes(): string[] {
  const written = globSync('{domain,api,connectors}/**/*.ts', { cwd: root }).flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\bcode: '([a-z_]+)'/g)].map(([, code]) => code),
  )
  const validation = readFileSync(join(root, 'api/contract/validation.ts'), 'utf8')
  const [, schemas = ''] = /const CODES[^{]+\{([^}]+)\}/.exec(validation) ?? []
  const ofSchemas = [...schemas.matchAll(/: '([a-z_]+)'/g)].map(([, code]) => code)
  return [...written, ...ofSchemas] as string[]
}
