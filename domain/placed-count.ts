import { type Db, row } from '../prisma/client.ts'
import { isArea } from './areas.ts'
import { countPlacedIfReady } from './case-counts.ts'
import { type CaseFilter, type ResolvedFilter, resolveFilter } from './case-filter.ts'
import { keysOf } from './case-keys.ts'

const MOST_COUNTED = 10_000
const FEW_ORGANISATIONS = 64

/**
 * How many published cases of a filter stand somewhere: as it is kept ready, or up to 10,000 of an organisation, counted.
 * Undefined above that, and where all cases would have to be gone through; `onlyReady` counts nothing.
 */
export async function countPlaced(
  db: Db,
  filter: CaseFilter,
  { onlyReady }: { onlyReady: boolean },
): Promise<number | undefined> {
  const resolved = await resolveFilter(db, filter)
  const ready = await countPlacedIfReady(db, resolved)
  if (ready !== undefined || onlyReady || !isOfFew(resolved)) return ready
  const { text, values } = await keysOf(db, resolved, { wanted: MOST_COUNTED + 1, placed: true })
  const found = await row<{ n: number | null }>(
    db.pool,
    `select nullif(count(*)::int, $1::int) as n from (${text}) as found`,
    [MOST_COUNTED + 1, ...values],
  )
  return found?.n ?? undefined
}

// Their index leads to them, and to nothing else.
function isOfFew({ filter, organisationIds, words }: ResolvedFilter): boolean {
  const few = organisationIds !== undefined && organisationIds.length <= FEW_ORGANISATIONS
  return few && words === undefined && filter.language === undefined && !isArea(filter)
}
