import { row, type SourceState, type Sql } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'

export type VisibleSource = { id: number; name: string; state: SourceState }

/**
 * The source of that name for who may see it: an administrator, or the feedback provider it belongs to. Throws
 * `not_found` for an unknown one and `not_your_source` for another's.
 */
export async function visibleSource(sql: Sql, client: ClientCaller, name: string): Promise<VisibleSource> {
  const found = await row<VisibleSource>(
    sql,
    'select id, name, state from sources where name = $1',
    [name],
    'visible-source',
  )
  if (found === undefined) {
    throw new DomainError('not_found', { detail: `There is no source with the name "${name}".` })
  }
  if (client.role === 'administrator' || client.sourceId === found.id) return found
  throw new DomainError('not_your_source')
}
