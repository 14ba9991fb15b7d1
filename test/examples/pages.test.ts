import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..', '..')
const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).map((file) => ({ file, text: read(file) }))

t.test('what the pages link to is there', async (t) => {
  for (const { file, text } of pages) {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)) {
      t.ok(existsSync(join(root, dirname(file), target)), `${file}: ${target}`)
    }
  }
})

t.test('the commands that the pages name are those of package.json', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const { file, text } of pages) {
    for (const [, name = ''] of text.matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g))
      t.ok(scripts[name], `${file}: ${name}`)
  }
})

t.test('the deployment page has every setting of .env.example, and no other', async (t) => {
  const settings = [...read('.env.example').matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name)
  const [, table = ''] = read('docs/deployment.md').split('\n## Settings\n')
  const rows = [...(table.split('\n## ')[0] ?? '').matchAll(/^\| (`[^|]+) \|/gm)].map(
    ([, cell]) => cell ?? '',
  )
  const named = rows.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name))
  t.same(named.sort(), settings.sort())
})

t.test('decisions are numbered without a gap', async (t) => {
  const numbers = globSync('docs/decisions/*.md', { cwd: root }).map((file) =>
    Number(/(\d{4})-/.exec(file)?.[1]),
  )
  t.same(
    numbers.sort((a, b) => a - b),
    numbers.map((_, n) => n + 1),
  )
})

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
