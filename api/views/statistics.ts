import type { Statistics } from '../../domain/statistics.ts'
import type { Answers, Figure, Times } from '../../domain/statistics-figures.ts'
import type { StatisticsRow } from '../../domain/statistics-rows.ts'
import type { Withheld } from '../../domain/withheld-weeks.ts'
import type { Schemas } from '../contract/handler.ts'
import { isoWeek } from './case.ts'

/** Figures of one subject and window. */
export function statisticsView({ of, view, window, asOf, figures }: Statistics): Schemas['Statistics'] {
  return {
    of: { organisation: of.organisation, commissioner: of.commissioner, region: of.region },
    view,
    window: { name: window.name, from: window.from, to: window.to },
    asOf,
    cases: figures.cases,
    withheld: figures.withheld,
    open: figures.open,
    closed: figures.closed,
    byStatus: figures.byStatus.map(figureView),
    byKind: figures.byKind.map(figureView),
    byChannel: figures.byChannel.map(figureView),
    byCategory: figures.byCategory.map(figureView),
    acknowledge: timesView(figures.acknowledge),
    resolve: timesView(figures.resolve),
    resolved: answersView(figures.resolved),
    manner: answersView(figures.manner),
  }
}

/** The same as lines: the name of the figure, of what, and the number. */
export function figureLines(statistics: Statistics): Schemas['FigureLine'][] {
  const { cases, withheld, open, closed, ...others } = statistics.figures
  const plain = Object.entries({ cases, withheld, open, closed }).map(([figure, number]) =>
    line(figure, number),
  )
  const by = (['byStatus', 'byKind', 'byChannel', 'byCategory'] as const).flatMap((figure) =>
    others[figure].map(({ value, cases: number }) => line(figure, number, value)),
  )
  const times = (['acknowledge', 'resolve'] as const).flatMap((name) => {
    const { distribution, ...numbers } = timesView(others[name])
    return [
      ...Object.entries(numbers).map(([part, number]) => line(`${name}.${part}`, number)),
      ...distribution.map(({ upToMinutes, cases: number }) =>
        line(`${name}.distribution`, number, upToMinutes === null ? 'longer' : String(upToMinutes)),
      ),
    ]
  })
  const answers = (['resolved', 'manner'] as const).flatMap((name) =>
    Object.entries(answersView(others[name])).map(([part, number]) => line(`${name}.${part}`, number)),
  )
  return [...plain, ...by, ...times, ...answers]
}

/** Figures of one of many. */
export function statisticsRowView(found: StatisticsRow): Schemas['StatisticsRow'] {
  return {
    level: found.level,
    organisation: found.organisation,
    region: found.region,
    cases: found.cases,
    open: found.open,
    closed: found.closed,
    acknowledgeMedianMinutes: found.acknowledgeMedianMinutes,
    acknowledgeMeanMinutes: found.acknowledgeMeanMinutes,
    resolveMedianMinutes: found.resolveMedianMinutes,
    resolveMeanMinutes: found.resolveMeanMinutes,
    resolved: answersView(found.resolved),
    manner: answersView(found.manner),
  }
}

/** How many cases of a week the public does not see. */
export function withheldView({ organisation, monday, cases }: Withheld): Schemas['Withheld'] {
  return { organisation, week: isoWeek(monday), cases }
}

function figureView({ value, cases }: Figure): Schemas['Figure'] {
  return { value, cases }
}

function timesView({ cases, meanMinutes, medianMinutes, p90Minutes, distribution }: Times): Schemas['Times'] {
  return {
    ...{ cases, meanMinutes, medianMinutes, p90Minutes },
    distribution: distribution.map(({ upToMinutes, cases: took }) => ({ upToMinutes, cases: took })),
  }
}

function answersView({ answered, yes, no, share, low, high }: Answers): Schemas['Answers'] {
  return { answered, yes, no, share, low, high }
}

function line(figure: string, number: number | null, value: string | null = null): Schemas['FigureLine'] {
  return { figure, value, number }
}
