import type { AskedRunEnd, TakenUpRun } from '../domain/asked-runs.ts'
import { countForgotten, itemsToReadAgain, type KeptItem, type ReadAgain } from '../domain/items-again.ts'
import { beginNormalisation, noteNormalised, takeAgain } from '../domain/normalisations.ts'
import type { Context } from './context.ts'
import { readAgain } from './read-again.ts'

/** What a normalisation has at hand; it fetches nothing. */
export type NormaliseContext = Pick<Context, 'db' | 'now' | 'reader' | 'settings' | 'signal'>

/**
 * Derives the cases of a source again from its raw items, batch by batch in the order of their keys; only what comes out
 * differently changes, and in a dry run nothing does. After a kill it goes on behind the last batch that was kept.
 */
export async function normalise(context: NormaliseContext, run: TakenUpRun): Promise<AskedRunEnd | 'lost'> {
  const { db, now, settings, signal } = context
  const until = () => new Date(now().getTime() + settings.leaseMs)
  let begun = await beginNormalisation(db, run, until())
  for (;;) {
    if (begun === null || signal.aborted) return 'lost'
    const items = await itemsToReadAgain(db, begun.sourceId, begun.way.after)
    if (items.length === 0) break
    const batch = await readEach(context, items, begun.settings)
    begun = await takeAgain(db, run, begun, batch, { now: now(), until: until() })
  }
  if (!run.dryRun && !(await noteNormalised(db, run, begun))) return 'lost'
  const forgotten = await countForgotten(db, begun.sourceId)
  return {
    state: 'succeeded',
    outcome: 'normalised',
    detail: forgotten === 0 ? null : forgottenDetail(forgotten),
    counts: begun.counts,
  }
}

// As it was sent nobody has it any more: what was made of it stays.
function forgottenDetail(forgotten: number): string {
  const these =
    forgotten === 1
      ? 'One item stays as it is: its text was'
      : `${forgotten} items stay as they are: their texts were`
  return `${these} forgotten, as the retention policies want it.`
}

async function readEach(
  context: NormaliseContext,
  items: readonly KeptItem[],
  settings: object,
): Promise<ReadAgain[]> {
  const entries = new Map<KeptItem, ReadAgain>()
  for (const [readBy, same] of Map.groupBy(items, (item) => item.readBy)) {
    const read = await readAgain(
      context,
      readBy,
      same.map(({ raw }) => raw),
      settings,
    )
    same.forEach((kept, n) => {
      const entry = read[n]
      if (entry === undefined)
        throw new Error(`the connector "${readBy}" has read fewer entries than it was given`)
      entries.set(kept, { kept, entry })
    })
  }
  return items.flatMap((item) => entries.get(item) ?? [])
}
