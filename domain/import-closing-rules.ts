import type { Links } from './import-links.ts'
import type { Asked } from './import-plan.ts'
import { type Known, lastOf, type Registry } from './import-registry.ts'
import { RowLeft, type Wanted } from './import-rows.ts'

/** Why a successor alone is not enough. */
export const NO_DAY = 'The column "successor" needs "closedOn" beside it.'

/** Why a successor does not count yet. */
export const NOT_YET = 'It has not closed yet, or the file does not say when.'

type Where = { registry: Registry; asked: Pick<Asked, 'family' | 'today'> }

/** What of a closing is new: its day, and what came after it. */
export type Closing = { fields: string[]; on?: string; successorId?: number }

/** What a row says of the closing of a registered organisation; null when nothing of it is new. Throws `RowLeft`. */
export function closingOf(
  { registry, asked }: Where,
  known: Known,
  wanted: Wanted,
  { successorId }: Links,
): Closing | null {
  const on = closedOnIn(wanted, asked)
  if (!known.active) return laterClosing({ registry, asked }, known, { on, successorId })
  if (on !== undefined) {
    const fields = ['closedOn', ...(successorId === undefined ? [] : ['successor'])]
    return { fields, on, ...(successorId !== undefined && { successorId }) }
  }
  if (successorId === undefined) return null
  if (asked.family === 'own') throw new RowLeft('refused', 'missing', NO_DAY)
  throw new RowLeft('skipped', 'in_the_future', NOT_YET)
}

/** What a file adds to what is closed already. */
function laterClosing(
  { registry, asked }: Where,
  known: Known,
  { on, successorId }: { on: string | undefined; successorId: number | undefined },
): Closing | null {
  if (asked.family === 'own' && on !== undefined && known.closedOn !== null && known.closedOn !== on)
    throw new RowLeft(
      'refused',
      'already_closed',
      `It has been closed since ${known.closedOn}; no file changes that.`,
    )
  const newDay = on !== undefined && known.closedOn === null
  const next = lastOf(registry, known.id)
  const newSuccessor = successorId !== undefined && successorId !== next
  if (newSuccessor && known.successorId !== null) {
    const left = asked.family === 'national' ? 'skipped' : 'refused'
    throw new RowLeft(left, 'other_successor', `${registry.byId.get(next)?.code} came after it already.`)
  }
  if (!newDay && !newSuccessor) return null
  return {
    fields: [...(newDay ? ['closedOn'] : []), ...(newSuccessor ? ['successor'] : [])],
    ...(newDay && { on }),
    ...(newSuccessor && { successorId }),
  }
}

/**
 * The day on which it closed, as far as that has come: the national files say beforehand what will close. Throws `RowLeft` where an
 * administrator's own file has a later one.
 */
export function closedOnIn(
  { closedOn }: Wanted,
  { today, family }: Pick<Asked, 'family' | 'today'>,
): string | undefined {
  if (closedOn === undefined || closedOn <= today) return closedOn
  if (family === 'own')
    throw new RowLeft(
      'refused',
      'in_the_future',
      'The column "closedOn" must have a day that is not after today.',
    )
  return undefined
}
