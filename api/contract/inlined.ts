import type { Contract, Schema } from './contract.ts'

/** A schema of the contract that stands alone: what it refers to is written out in it. */
export function inlined(contract: Contract, name: string): Schema {
  const schema = contract.document.components.schemas[name]
  if (schema === undefined) throw new Error(`the contract has no schema ${name}`)
  return writtenOut(contract, schema) as Schema
}

function writtenOut(contract: Contract, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => writtenOut(contract, item))
  if (typeof value !== 'object' || value === null) return value
  const { $ref, ...own } = value as Schema
  const referred = typeof $ref === 'string' ? inlined(contract, $ref.split('/').at(-1) as string) : {}
  // What is said beside a reference is said of this use of it.
  return {
    ...referred,
    ...Object.fromEntries(Object.entries(own).map(([key, item]) => [key, writtenOut(contract, item)])),
  }
}
