import { type Db, rows } from '../prisma/client.ts'

/** How far the change log goes, and how far each of its taps has come. */
export type LogMarks = { placed: number; taps: { tap: string; at: number }[] }

const MOST_TAPS = 20

/** The last position, and that of each tap: the index of cases, those of `log_taps`, and the active subscription furthest behind. */
export async function readLogMarks(db: Db): Promise<LogMarks> {
  const found = await rows<{ tap: string; at: number }>(
    db.pool,
    `(select 'placed' as tap, placed as at from log_state)
     union all (select 'index', position from log_state)
     union all (select name, position from log_taps order by name limit ${MOST_TAPS})
     union all (select 'subscriptions', min(position) from subscriptions where state = 'active' having count(*) > 0)`,
    [],
    'log-marks',
  )
  const [placed, ...taps] = found
  return { placed: placed?.at ?? 0, taps }
}
