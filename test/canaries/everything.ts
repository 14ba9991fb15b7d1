import { readContract } from '../../api/contract/contract.ts'
import type { Call, Harness } from '../api/harness.ts'
import { ask } from '../api/permission-asks.ts'
import { build } from '../api/permission-fixtures.ts'
import { callers, rows, wanted } from '../api/permission-table.ts'

const { operations } = readContract()
const byPattern = operations.map((operation) => ({ operation, pattern: patternOf(operation.path) }))

/** The operation that a request is for. */
export function operationOf({ method = 'GET', url }: Call): string | undefined {
  const path = url.split('?')[0] as string
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase()
  const found = byPattern.filter(({ operation, pattern }) => operation.method === verb && pattern.test(path))
  // A path without places in it is more exact than one with them.
  return found.sort(
    (one, other) => one.operation.path.split('{').length - other.operation.path.split('{').length,
  )[0]?.operation.id
}

/** Does once, as somebody who may, each operation that nobody has done yet; what nobody managed to do is left over. */
export async function doTheRest(harness: Harness, done: Set<string>): Promise<string[]> {
  let n = 0
  for (const row of rows) {
    for (const caller of callers) {
      if (done.has(row.operation) || wanted(row, caller) !== 'yes') continue
      const { status } = await ask(harness, row, caller, await build(harness, row.of), ++n)
      if (status < 300) done.add(row.operation)
    }
  }
  return operations.map(({ id }) => id).filter((id) => !done.has(id))
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`)
}
