import { arePublicFiguresDue, countPublicFigures } from '../domain/public-figures.ts'
import type { Context } from './context.ts'

/** Counts the figures that the public reads, when that is due. */
export async function countFigures({ db, log, now }: Context): Promise<void> {
  if (!(await arePublicFiguresDue(db, now()))) return
  const changed = await countPublicFigures(db, now())
  log.info({ changed }, "the public's figures were counted")
}
