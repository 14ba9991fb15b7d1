import { type Db, row } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import { type DomainError, invalid } from './errors.ts'
import { publicFiguresAsOf } from './public-figures-as-of.ts'
import type { Scope } from './public-figures-sums.ts'
import { ALL_AGGREGATES, type AllAggregates, COUNTED_COLUMNS, countedFigures } from './statistics-counted.ts'
import { type Figures, nothingSaid } from './statistics-figures.ts'
import {
  countedCases,
  figuresReader,
  refuseOwnOnly,
  type Scoped,
  type StatisticsFilter,
  type StatisticsOf,
  type StatisticsWindow,
  scopeOf,
  windowBefore,
  windowOf,
} from './statistics-scope.ts'

/** Figures of one subject and window. */
export type Statistics = {
  of: StatisticsOf
  view: 'public' | 'mine'
  window: StatisticsWindow
  /** When they were counted. */
  asOf: string
  figures: Figures
}

export type StatisticsAsked = StatisticsFilter & { view: 'public' | 'mine'; now: Date }

/**
 * The figures of an organisation, a commissioner, a region or the nation: as the public may have them, which are counted
 * beforehand, or exact ones of what the caller relates to. Throws `validation_failed` for an unknown organisation, for
 * filters that only one's own figures have, and for several subjects at once in public; `not_your_figures` for who has none.
 */
export async function getStatistics(db: Db, caller: Caller, asked: StatisticsAsked): Promise<Statistics> {
  return asked.view === 'mine' ? ownStatistics(db, figuresReader(caller), asked) : publicStatistics(db, asked)
}

async function ownStatistics(db: Db, client: ClientCaller, asked: StatisticsAsked): Promise<Statistics> {
  const window = windowOf(asked, asked.now)
  const scoped = await scopeOf(db, asked)
  const { sql, values } = countedCases(client, asked, { scoped, window, first: 1 })
  const found = await row<AllAggregates>(
    db.pool,
    `with found as materialized (select ${COUNTED_COLUMNS} from cases c where ${sql.join(' and ')}) ${ALL_AGGREGATES}`,
    values,
  )
  const figures = found === undefined ? nothingSaid() : countedFigures(found)
  return { of: scoped.of, view: 'mine', window, asOf: asked.now.toISOString(), figures }
}

async function publicStatistics(db: Db, asked: StatisticsAsked): Promise<Statistics> {
  refuseOwnOnly(asked)
  const several = (['organisation', 'commissioner', 'region'] as const).filter(
    (name) => asked[name] !== undefined,
  )
  if (several.length > 1) throw oneAtATime(several.at(-1) as string)
  const { window = 'year', now } = asked
  const scoped = await scopeOf(db, asked)
  const { asOf, today } = await publicFiguresAsOf(db, now)
  const { scope, subject } = subjectOf(scoped)
  const found = await row<{ body: Figures }>(
    db.pool,
    `select body from public_figures where scope = $1 and subject = $2 and "window" = $3`,
    [scope, subject, window],
    'public-figures-of',
  )
  const figures = found?.body ?? nothingSaid()
  return { of: scoped.of, view: 'public', window: windowBefore(window, today), asOf, figures }
}

function subjectOf({ of, organisationId, commissionerId }: Scoped): { scope: Scope; subject: string } {
  if (organisationId !== null) return { scope: 'organisation', subject: String(organisationId) }
  if (commissionerId !== null) return { scope: 'commissioner', subject: String(commissionerId) }
  if (of.region !== null) return { scope: 'region', subject: of.region }
  return { scope: 'nation', subject: '' }
}

function oneAtATime(name: string): DomainError {
  return invalid({
    in: 'query',
    pointer: `/${name}`,
    code: 'one_subject',
    detail:
      'Figures for everybody are of one organisation, one commissioner or one region; view=mine takes them together.',
  })
}
