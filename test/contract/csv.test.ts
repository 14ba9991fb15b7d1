import t from 'tap'
import { type Operation, readContract } from '../../api/contract/contract.ts'
import { inlined } from '../../api/contract/inlined.ts'
import { cellsOf, columnsOf, headingsOf, pickedColumns } from '../../api/csv-columns.ts'

// biome-ignore lint/suspicious/noExplicitAny: the contract is read as it is.
type Node = any

const contract = readContract()
const asTables = contract.operations.filter(takesCsv)
const operation = (id: string) => contract.operations.find((one) => one.id === id) as Operation

// The map's changes are read in JSON alone, by clients that go on from them.
const inJsonAlone = ['listEvents', 'listMapChanges']

t.test('every list of ours is there as CSV too, and nothing else is', async (t) => {
  const lists = contract.operations.filter(({ id, path }) => /^list/.test(id) && path.startsWith('/v1/'))
  t.same(
    asTables.map(({ id }) => id).sort(),
    lists
      .map(({ id }) => id)
      .filter((id) => !inJsonAlone.includes(id))
      .sort(),
  )
  for (const { id, responses } of contract.operations)
    t.equal('text/csv' in (responses['200']?.content ?? {}), takesCsv(operation(id)), id)
})

t.test('every column comes from the schema, and everything in the schema has a column', async (t) => {
  for (const one of asTables) {
    const views = one.id === 'listCases' ? ['public', 'own', 'staff'] : [undefined]
    for (const view of views)
      t.same(
        headingsOf(columnsOf(contract, one, view)),
        leavesOf(itemSchema(one, view)),
        `${one.id} ${view ?? ''}`,
      )
  }
})

t.test('columns are named by where a value lies, in the order of the contract', async (t) => {
  const of = (id: string, view?: string) => headingsOf(columnsOf(contract, operation(id), view))
  t.same(of('listCategories'), ['code', 'label', 'help', 'allowsHighPriority'])
  t.same(of('listCases', 'public').slice(7, 13), [
    'category',
    'organisation.code',
    'organisation.name',
    'service.code',
    'service.name',
    'status',
  ])
  t.ok(of('listQueue').includes('case.contact.email'))
  t.throws(() => columnsOf(contract, operation('listCases'), 'other'), /no view "other"/)
})

t.test('an item becomes cells', async (t) => {
  const columns = pickedColumns(columnsOf(contract, operation('listCases'), 'public'), [
    'tags',
    'ratings',
    'service',
    'organisation',
    'formalComplaint',
    'title',
  ])
  t.same(headingsOf(columns), [
    'tags',
    'ratings',
    'service.code',
    'service.name',
    'organisation.code',
    'organisation.name',
    'formalComplaint',
    'title',
  ])
  const organisation = { code: 'T01', name: 'Example' }
  t.same(
    cellsOf(columns, {
      tags: ['a', 'b'],
      ratings: [{ n: 1 }],
      service: null,
      organisation,
      formalComplaint: false,
      title: null,
    }),
    ['a; b', '[{"n":1}]', null, null, 'T01', 'Example', false, null],
  )
  t.same(cellsOf(columns, { tags: [], ratings: [], organisation }), [
    ...['', '[]', null, null, 'T01', 'Example', null, null],
  ])
  t.throws(() => cellsOf(columns, { organisation, unheardOf: 1 }), /no "unheardOf"/)
  t.throws(() => cellsOf(columns, { organisation: { ...organisation, unheardOf: 1 } }), /no "unheardOf"/)
})

function takesCsv({ parameters }: Operation): boolean {
  return parameters.some(({ name }) => name === 'format')
}

function itemSchema({ responses }: Operation, view: string | undefined): Node {
  const [content] = Object.values(responses['200']?.content ?? {})
  const page: Node = inlined(contract, String(content?.schema.$ref).split('/').at(-1) as string)
  const item = page.properties.items.items
  return view === undefined ? item : item.oneOf.find((one: Node) => one.properties.view.const === view)
}

function leavesOf(schema: Node, prefix = ''): string[] {
  return Object.entries<Node>(schema.properties).flatMap(([name, property]) => {
    const [one = property] = (property.oneOf ?? []).filter(({ type }: Node) => type !== 'null')
    return one.properties ? leavesOf(one, `${prefix}${name}.`) : [`${prefix}${name}`]
  })
}
