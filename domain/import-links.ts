import type { OrganisationKind } from '../prisma/client.ts'
import type { Family } from './import-layouts.ts'
import { isAbove, type Known, lastOf, named, type Registry } from './import-registry.ts'
import { RowLeft, type RowProblemCode, type Wanted } from './import-rows.ts'
import { parentProblem, successorProblem } from './registry-rules.ts'

/** The other organisations that a row names, by their keys; absent is not said. */
export type Links = {
  parentId?: number | null
  commissionerIds?: readonly number[]
  successorId?: number
  /** What was left out, as a code and a sentence. */
  note?: { problem: RowProblemCode; detail: string }
}

type Whose = { kind: OrganisationKind; known: Known | undefined; family: Family }

/** Finds what a row names; throws `RowLeft` for what is not registered, and for what the tree has no place for. */
export function linksOf(registry: Registry, wanted: Wanted, whose: Whose): Links {
  return {
    ...parentIn(registry, wanted, whose),
    ...commissionersIn(registry, wanted, whose),
    ...successorIn(registry, wanted, whose),
  }
}

function parentIn(registry: Registry, { parent }: Wanted, { kind, known, family }: Whose): Links {
  if (parent === undefined) return {}
  if (parent === null) return { parentId: null }
  // Most of what the national files name is none of this service's.
  const left = family === 'national' ? 'skipped' : 'refused'
  const found = named(registry, parent)
  if (found === undefined)
    throw new RowLeft(left, 'unknown_parent', `What it belongs to, ${parent}, is not registered.`)
  const { parentId: before = null } = known ?? {}
  if (before !== null && lastOf(registry, before) === found.id) return { parentId: found.id }
  const problem =
    parentProblem(kind, found.kind) ??
    (found.active ? null : `What it belongs to, ${found.code}, is closed.`) ??
    (known !== undefined && isAbove(registry, known.id, found.id)
      ? `${found.code} belongs to it, or came after it.`
      : null)
  if (problem !== null) throw new RowLeft(left, 'tree_conflict', problem)
  return { parentId: found.id }
}

function commissionersIn(
  registry: Registry,
  { commissioners }: Wanted,
  { kind, known, family }: Whose,
): Links {
  if (commissioners === undefined) return {}
  if (kind === 'commissioner' && commissioners.length > 0)
    throw new RowLeft('refused', 'tree_conflict', 'What commissions care is commissioned by nobody here.')
  const found = commissioners.map((code) => ({ code, is: named(registry, code) }))
  const wrong = found.find(({ is }) => is?.kind !== 'commissioner')
  if (wrong !== undefined) {
    const detail = `${wrong.code} ${wrong.is === undefined ? 'is not registered' : 'is no commissioner'}.`
    if (family !== 'national')
      throw new RowLeft('refused', 'unknown_commissioner', `The commissioner ${detail}`)
    return { note: { problem: 'unknown_commissioner', detail: `Its commissioner was left out: ${detail}` } }
  }
  const ids = [...new Set(found.flatMap(({ is }) => is?.id ?? []))]
  // They name the first one only: who else commissions it is not theirs to say.
  const others = family === 'national' ? (known?.commissionerIds ?? []).slice(1) : []
  return { commissionerIds: [...new Set([...ids, ...others])] }
}

function successorIn(registry: Registry, { successor }: Wanted, { kind, known, family }: Whose): Links {
  if (successor === undefined) return {}
  const found = named(registry, successor)
  if (found === undefined)
    throw new RowLeft('refused', 'unknown_successor', `What came after it, ${successor}, is not registered.`)
  // It came after it already, or what came after that did.
  if (known?.successorId != null && lastOf(registry, known.id) === found.id) return { successorId: found.id }
  const problem =
    successorProblem(kind, found.kind) ??
    (found.active ? null : `What came after it, ${found.code}, is closed.`) ??
    (known !== undefined && isAbove(registry, known.id, found.id)
      ? `${found.code} is itself, or belongs to it.`
      : null)
  if (problem !== null)
    throw new RowLeft(family === 'national' ? 'skipped' : 'refused', 'tree_conflict', problem)
  return { successorId: found.id }
}
