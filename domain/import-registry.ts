import type { OrganisationKind } from '../prisma/client.ts'
import type { FieldName, SaidFields } from './import-rows.ts'

/** What is registered of an organisation, as far as files may say it. */
export type Known = Required<SaidFields> & {
  id: number
  code: string
  kind: OrganisationKind
  active: boolean
  /** A day, as 2026-04-01. */
  closedOn: string | null
  parentId: number | null
  successorId: number | null
  /** The primary one first. */
  commissionerIds: readonly number[]
  /** The names of its services, by their codes. */
  services: Map<string, string>
}

/** What a batch of rows needs of the registry, and what the rows before made of it. */
export type Registry = {
  byId: Map<number, Known>
  idOf: Map<string, number>
  /** Whose former code it is. */
  formerly: Map<string, number>
  /** Whose name it is on the website of the first service's day. */
  aliases: Map<string, number>
}

/** The organisation that has a code now. */
export function withCode({ byId, idOf }: Registry, code: string): Known | undefined {
  return byId.get(idOf.get(code) ?? -1)
}

/** The organisation that a code leads to: what has it or had it, or the last of what came after that. */
export function named(registry: Registry, code: string): Known | undefined {
  const id = registry.idOf.get(code) ?? registry.formerly.get(code)
  return id === undefined ? undefined : registry.byId.get(lastOf(registry, id))
}

/** The last of what came after an organisation; itself when nothing did. */
export function lastOf({ byId }: Registry, id: number): number {
  let last = byId.get(id)
  while (last !== undefined && !last.active && last.successorId !== null) {
    const next = byId.get(last.successorId)
    if (next === undefined) break
    last = next
  }
  return last?.id ?? id
}

/** Whether `id` is above another organisation, or came after it or what is above it. */
export function isAbove({ byId }: Registry, id: number, below: number): boolean {
  const seen = new Set([below])
  for (const one of seen) {
    const { parentId = null, successorId = null } = byId.get(one) ?? {}
    for (const next of [parentId, successorId]) if (next !== null) seen.add(next)
  }
  return seen.has(id)
}

/** Fields that are settings, with a version of their own. */
export const SETTINGS: readonly FieldName[] = ['notifyEmail', 'notifyEmail2', 'acceptsCasesFrom']
