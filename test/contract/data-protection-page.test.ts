import { readFileSync } from 'node:fs'
import t from 'tap'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

t.test('docs/data-protection.md has every field that is sealed, and none that is not there', async (t) => {
  const page = read('docs/data-protection.md')
  const named = new Set([...page.matchAll(/`([a-z_]+\.[a-z_0-9]+)`/g)].map(([, name = '']) => name))
  const fields = new Set<string>()
  const sealed = new Set<string>()
  const tables = new Set<string>()
  for (const [, body = ''] of read('prisma/schema.prisma').matchAll(/^model \w+ \{\n([\s\S]*?)^\}/gm)) {
    const [, table = ''] = /@@map\("(\w+)"\)/.exec(body) ?? []
    tables.add(table)
    for (const line of body.split('\n')) {
      const [, field] =
        /^ {2}(\w+) +(?:String|Bytes|Int|BigInt|Float|Boolean|DateTime|Json|[A-Z]\w+)/.exec(line) ?? []
      if (field === undefined) continue
      const name = `${table}.${/@map\("(\w+)"\)/.exec(line)?.[1] ?? field}`
      fields.add(name)
      if (/\.(\w+_)?sealed$/.test(name)) sealed.add(name)
    }
  }
  t.ok(sealed.size > 20)
  t.same(
    [...sealed].filter((name) => !named.has(name)),
    [],
    'all that is sealed is on the page',
  )
  const known = (name: string) => fields.has(name) || !tables.has(name.split('.')[0] ?? '')
  t.same(
    [...named].filter((name) => !known(name)),
    [],
    'all that is on the page is in the store',
  )
})
