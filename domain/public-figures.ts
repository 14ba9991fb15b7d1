import { type Db, inTransaction, row, rows, type Sql, type Tx } from '../prisma/client.ts'
import { noteDataChange } from './data-version.ts'
import { londonDay } from './digest-times.ts'
import { countPublished, readTree, withheldByWeek } from './public-figures-counts.ts'
import { classesWith, windowNames } from './public-figures-dimensions.ts'
import { figuresOf, ownFiguresOf } from './public-figures-said.ts'
import { publicSums, type Subject, type Sum, subjectsIn } from './public-figures-sums.ts'
import { figuresTree } from './public-figures-tree.ts'
import { type WithheldWeek, withheldIn, withheldSaid } from './public-figures-withheld.ts'
import { nothingSaid } from './statistics-figures.ts'

/** Figures are counted again when so much more or less is public than they say. */
const GROWN = 0.2
const BATCH = 1_000

/**
 * Whether the public's figures are to be counted: on a new day in London, and when very much has become public since. Not
 * more often: between two counts there must be more than one case for anybody who compares them.
 */
export async function arePublicFiguresDue(db: Db, now: Date): Promise<boolean> {
  const found = await row<{ asOf: string | null; cases: number | null; published: number }>(
    db.pool,
    `select f.as_of as "asOf", f.cases, (select coalesce(sum(n), 0)::int from place_counts where scope = -2) as published
     from (select 1) as one left join public_figures f on f.scope = 'nation' and f.subject = '' and f."window" = 'all'`,
    [],
    'are-public-figures-due',
  )
  if (found === undefined || found.asOf === null || londonDay(new Date(found.asOf)) !== londonDay(now))
    return true
  const counted = found.cases ?? 0
  return Math.abs(found.published - counted) > Math.max(MOST_UNNOTICED, GROWN * counted)
}

// What was reported today is public but not counted yet: on a small store that is no growth.
const MOST_UNNOTICED = 50

/**
 * Counts the figures that the public reads, of the published cases reported before this day in London, and how many cases it
 * does not see. Writes only what is another number than before, and moves the version of the data. It may run twice, and
 * be killed anywhere: what is there stays until all of it is replaced at once. Resolves to how many figures have changed.
 */
export async function countPublicFigures(db: Db, now: Date): Promise<number> {
  const counted = await inTransaction(db, async (tx) => {
    // All that is counted is of one moment: else a case that moves in between could stand in two groups.
    await tx.query('set transaction isolation level repeatable read, read only')
    // Of millions of cases it takes longer than any other statement may.
    await tx.query(`set local statement_timeout = '5min'`)
    return countAll(tx, now)
  })
  return inTransaction(db, async (tx) => {
    await rows(tx, LOCK_WRITING, [], 'lock-writing-figures')
    const newer = await row(
      tx,
      `select 1 from public_figures where scope = 'nation' and "window" = 'all' and as_of > $1`,
      [now],
    )
    if (newer !== undefined) return 0
    const changed =
      (await writeFigures(tx, counted.figures, now)) + (await writeWithheld(tx, counted.withheld))
    await noteDataChange(tx)
    return changed
  })
}

const LOCK_WRITING = `select pg_advisory_xact_lock(hashtext('care_connect public figures'))`

type Counted = { figures: Row[]; withheld: WithheldWeek[] }
type Row = Subject & { window: string; cases: number | null; body: object }

async function countAll(sql: Sql, now: Date): Promise<Counted> {
  const today = londonDay(now)
  const { organisations, commissioners } = await readTree(sql)
  const { tallies, categories } = await countPublished(sql, today, now)
  const organisationIds = organisations.map(({ id }) => id)
  const tree = figuresTree(organisations)
  const classes = classesWith(categories)
  const weeks = withheldSaid(
    figuresTree(organisations, { withRegions: false }),
    await withheldByWeek(sql, today),
  )
  const withheld = withheldIn(weeks, today, subjectsIn({ tree, organisationIds, commissioners }))
  const sums = publicSums({ tree, organisationIds, commissioners, tallies, classes })
  const rowsOf = (sum: Sum): Row => {
    const { scope, subject, window } = sum
    if (scope === 'own') return { scope, subject, window, cases: null, body: ownFiguresOf(sum) }
    const key = `${scope}/${window}/${subject}`
    const body = figuresOf(sum, classes, withheld.get(key)?.cases ?? null)
    withheld.delete(key)
    return { scope, subject, window, cases: body.cases, body }
  }
  const counted = sums.map(rowsOf)
  const onlyWithheld = [...withheld.values()].map(
    ({ cases, ...of }): Row => ({ ...of, cases: null, body: { ...nothingSaid(), withheld: cases } }),
  )
  return { figures: withNation([...counted, ...onlyWithheld]), withheld: weeks }
}

// The nation is always there: it says when all of it was counted.
function withNation(figures: readonly Row[]): Row[] {
  const there = new Set(figures.filter(({ scope }) => scope === 'nation').map(({ window }) => window))
  const missing = windowNames.filter((window) => !there.has(window))
  return [
    ...figures,
    ...missing.map(
      (window): Row => ({ scope: 'nation', subject: '', window, cases: null, body: nothingSaid() }),
    ),
  ]
}

async function writeFigures(tx: Tx, figures: readonly Row[], now: Date): Promise<number> {
  let changed = 0
  for (let from = 0; from < figures.length; from += BATCH) {
    const given = figures.slice(from, from + BATCH)
    const written = await tx.query(WRITE, [JSON.stringify(given), now])
    changed += written.rowCount ?? 0
  }
  const gone = await tx.query(FORGET, [
    figures.map(({ scope }) => scope),
    figures.map(({ subject }) => subject),
    figures.map(({ window }) => window),
  ])
  await tx.query(`update public_figures set as_of = $1 where scope = 'nation'`, [now])
  return changed + (gone.rowCount ?? 0)
}

const WRITE = `
  insert into public_figures as f (scope, subject, "window", cases, body, as_of)
  select g.scope, g.subject, g."window", g.cases, g.body, $2
  from json_to_recordset($1::json) as g(scope text, subject text, "window" text, cases int, body jsonb)
  order by g.scope, g.subject, g."window"
  on conflict (scope, subject, "window") do update set cases = excluded.cases, body = excluded.body, as_of = excluded.as_of
  where f.body is distinct from excluded.body`

const FORGET = `
  delete from public_figures f where not exists (
    select from unnest($1::text[], $2::text[], $3::text[]) as g(scope, subject, "window")
    where g.scope = f.scope and g.subject = f.subject and g."window" = f."window")`

async function writeWithheld(tx: Tx, weeks: readonly WithheldWeek[]): Promise<number> {
  const values = [
    weeks.map(({ organisationId }) => organisationId),
    weeks.map(({ week }) => week),
    weeks.map(({ cases }) => cases),
  ]
  const gone = await tx.query(
    `delete from withheld_counts w where not exists (select from ${GIVEN}
       where g.organisation_id is not distinct from w.organisation_id and g.week = w.week and g.cases = w.cases)`,
    values,
  )
  const added = await tx.query(
    `insert into withheld_counts (organisation_id, week, cases) select g.* from ${GIVEN} where not exists (
       select from withheld_counts w where g.organisation_id is not distinct from w.organisation_id and g.week = w.week)`,
    values,
  )
  return (gone.rowCount ?? 0) + (added.rowCount ?? 0)
}

const GIVEN = `unnest($1::int[], $2::date[], $3::int[]) as g(organisation_id, week, cases)`
