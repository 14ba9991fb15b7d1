import { type Db, row } from '../prisma/client.ts'
import { londonDay } from './digest-times.ts'

/** SQL for when the figures that the public reads were counted; null when they never were. */
export const FIGURES_AS_OF = `select as_of from public_figures where scope = 'nation' and subject = '' and "window" = 'all'`

/** When the public's figures were counted, and the day of London before which they end; now when they never were. */
export async function publicFiguresAsOf(db: Db, now: Date): Promise<{ asOf: string; today: string }> {
  const found = await row<{ as_of: string }>(db.pool, FIGURES_AS_OF, [], 'public-figures-as-of')
  const asOf = found?.as_of ?? now.toISOString()
  return { asOf, today: londonDay(new Date(asOf)) }
}
