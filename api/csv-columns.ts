import type { Contract, Operation, Schema } from './contract/contract.ts'

/** How an item becomes cells of a row: one cell, or the cells of what lies in it. */
export type Column =
  | { key: string; cell: 'plain' | 'list' | 'json' }
  | { key: string; columns: readonly Column[] }

/** A value as it goes into a cell: text, a number, true or false, or nothing. */
export type Cell = string | number | boolean | null

/** The columns of a list, as the contract describes its items; `view` says which, where they come in several. */
export function columnsOf({ document }: Contract, operation: Operation, view: string | undefined): Column[] {
  const { schemas } = document.components
  const { items } = propertiesOf(schemas, pageSchema(operation))
  if (items === undefined) throw new Error(`the contract gives ${operation.id} no items`)
  return columnsIn(schemas, variantOf(schemas, items.items as Schema, view))
}

/** What a page of a list has beside its items. */
export function pageNames({ document }: Contract, operation: Operation): string[] {
  return Object.keys(propertiesOf(document.components.schemas, pageSchema(operation)))
}

/** Only the columns of these fields, in this order. */
export function pickedColumns(columns: readonly Column[], fields: readonly string[]): Column[] {
  return fields.flatMap((field) => columns.filter(({ key }) => key === field))
}

/** The headings; what lies in something else has its name in front, with a dot. */
export function headingsOf(columns: readonly Column[], prefix = ''): string[] {
  return columns.flatMap((column) =>
    'columns' in column ? headingsOf(column.columns, `${prefix}${column.key}.`) : [`${prefix}${column.key}`],
  )
}

/** The cells of an item; throws when it holds what no column is for, so that nothing is left out in silence. */
export function cellsOf(columns: readonly Column[], item: object): Cell[] {
  const stray = strayIn(columns, item)
  if (stray !== undefined) throw new Error(`the contract has no "${stray}" in the items of this list`)
  return pickedCellsOf(columns, item)
}

/** The same of an item of which only some fields are wanted. */
export function pickedCellsOf(columns: readonly Column[], item: object): Cell[] {
  return columns.flatMap((column) => {
    const value = (item as Record<string, unknown>)[column.key] ?? null
    if ('cell' in column) return [cellOf(column.cell, value)]
    return value === null ? emptyCells(column.columns) : cellsOf(column.columns, value as object)
  })
}

type Schemas = Readonly<Record<string, Schema>>

function pageSchema({ responses }: Operation): Schema {
  return Object.values(responses['200']?.content ?? {})[0]?.schema ?? {}
}

function columnsIn(schemas: Schemas, schema: Schema): Column[] {
  return Object.entries(propertiesOf(schemas, schema)).map(([key, raw]): Column => {
    const property = unwrapped(schemas, raw)
    if (property.properties !== undefined) return { key, columns: columnsIn(schemas, property) }
    return { key, cell: kindOf(schemas, property) }
  })
}

function kindOf(schemas: Schemas, schema: Schema): 'plain' | 'list' | 'json' {
  if (isOf(schema, 'object')) return 'json'
  if (!isOf(schema, 'array')) return 'plain'
  const item = unwrapped(schemas, (schema.items ?? {}) as Schema)
  return isOf(item, 'object') || isOf(item, 'array') ? 'json' : 'list'
}

function propertiesOf(schemas: Schemas, schema: Schema): Record<string, Schema> {
  return (unwrapped(schemas, schema).properties ?? {}) as Record<string, Schema>
}

// A reference, or something that may be null besides, stands for what is behind it.
function unwrapped(schemas: Schemas, schema: Schema): Schema {
  if (typeof schema.$ref === 'string') return unwrapped(schemas, named(schemas, schema.$ref))
  const choices = (schema.oneOf ?? []) as Schema[]
  const [only, another] = choices.filter((choice) => choice.type !== 'null')
  return only === undefined || another !== undefined ? schema : unwrapped(schemas, only)
}

function named(schemas: Schemas, reference: string): Schema {
  const schema = schemas[reference.split('/').at(-1) ?? '']
  if (schema === undefined) throw new Error(`the contract has no ${reference}`)
  return schema
}

function variantOf(schemas: Schemas, schema: Schema, view: string | undefined): Schema {
  const several = unwrapped(schemas, schema)
  const { mapping } = (several.discriminator ?? {}) as { mapping?: Record<string, string> }
  if (mapping === undefined) return several
  const reference = mapping[view ?? '']
  if (reference === undefined) throw new Error(`the contract has no view "${view}" of these items`)
  return unwrapped(schemas, { $ref: reference })
}

function isOf({ type }: Schema, wanted: string): boolean {
  return [type].flat().includes(wanted)
}

function strayIn(columns: readonly Column[], item: object): string | undefined {
  return Object.entries(item).find(
    ([name, value]) => value !== undefined && !columns.some(({ key }) => key === name),
  )?.[0]
}

function cellOf(kind: 'plain' | 'list' | 'json', value: unknown): Cell {
  if (value === null) return null
  if (kind === 'list') return (value as unknown[]).join('; ')
  if (kind === 'json' || typeof value === 'object') return JSON.stringify(value)
  return value as Cell
}

function emptyCells(columns: readonly Column[]): null[] {
  return headingsOf(columns).map(() => null)
}
