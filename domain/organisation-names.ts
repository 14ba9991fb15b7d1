import { type Db, row, rows } from '../prisma/client.ts'
import { canonicalCode, FORMER_CODES } from './organisations.ts'
import type { Conditions } from './sql-conditions.ts'

/**
 * SQL for the organisations that a query means by name or code, as rows of `organisation_id` and `rank`, the higher the
 * better; its values are added to the conditions. A code in any form comes before every name. What is not half as good
 * as the best name is left out.
 */
export async function meantBy(db: Db, q: string, { values }: Conditions): Promise<string> {
  const value: Value = (one) => `$${values.push(one)}`
  const code = value(canonicalCode(q))
  const asked = await fittingWords(db, q)
  return `
    with by_code as (
      select organisation_id, max(rank) as rank from (
        select id as organisation_id, 2000 as rank from organisations where code = ${code}::text
        union all
        select organisation_id, 1500 from organisation_external_ids where scheme = '${FORMER_CODES}' and code = ${code}::text
      ) as either group by organisation_id)
    select organisation_id, rank from by_code
    ${
      asked.length === 0
        ? ''
        : `union all select organisation_id, rank from (${byName(asked, value)}) as named
           where organisation_id not in (select organisation_id from by_code)`
    }`
}

/** Adds a value, and gives the name of its parameter. */
type Value = (one: unknown) => string

function byName(asked: readonly Asked[], value: Value): string {
  const rarest = Math.min(...asked.map(({ names }) => names))
  const finding = asked.filter(({ names }) => names <= Math.max(rarest, COMMON))
  const found = finding.length === asked.length ? undefined : value(finding.flatMap(({ words }) => words))
  const hits = asked.map((one) => {
    const words = value(one.words)
    const only =
      finding.includes(one) || found === undefined
        ? ''
        : `and organisation_id in (select organisation_id from organisation_words where word = any(${found}::text[]))`
    const points = `(${value(one.points)}::float8[])[array_position(${words}::text[], word)]`
    return one.words.length === 1
      ? `select organisation_id, ${points} as points, words from organisation_words where word = any(${words}::text[]) ${only}`
      : `select organisation_id, max(${points}), min(words) from organisation_words where word = any(${words}::text[]) ${only} group by organisation_id`
  })
  const most = value(asked.reduce((sum, { weight }) => sum + weight, 0))
  return `
    select organisation_id, (900 * points / ${most}::float8 + 98 * share)::int as rank
    from (
      select organisation_id, sum(points) as points, count(*)::float8 / min(words) as share, max(sum(points)) over () as greatest
      from (${hits.join(' union all ')}) as hits(organisation_id, points, words) group by organisation_id
    ) as scores
    where points >= greatest / 2`
}

/** A word asked, the words of names that fit it, and what it is worth to have each of them. */
type Asked = { words: string[]; points: number[]; weight: number; names: number }

/** More names than this, and a word finds none by itself but only says which is meant, unless it is the rarest. */
const COMMON = 1_000

/*
 * A word of a name fits when it is the same, begins with what was asked, or differs from it in one letter, from six
 * letters on in two, and its initial is right. It is worth more the more like it is, and the fewer names have it: so
 * "gys hospital" means Guy's, and not every hospital.
 */
async function fittingWords(db: Db, q: string): Promise<Asked[]> {
  const alike = await rows<Alike>(db.pool, ALIKE, [q], 'words-alike')
  const [names, total] = await Promise.all([countNames(db, alike), countOrganisations(db)])
  return [...Map.groupBy(alike, ({ asked }) => asked).values()].flatMap((fitting) => {
    const having = fitting.reduce((sum, { word }) => sum + (names.get(word) ?? 0), 0)
    // A word may still be filed that no name has any more.
    if (having === 0) return []
    const weight = Math.log1p(total / having)
    const words = fitting.map(({ word }) => word)
    return [{ words, points: fitting.map(({ likeness }) => likeness * weight), weight, names: having }]
  })
}

type Alike = { asked: number; word: string; likeness: number }

const ALIKE = `
  with asked as materialized (
    select word, number, length(word) as size,
      case when length(word) < 3 then 0 when length(word) < 6 then 1 else 2 end as allowed
    from unnest(compared_words($1)) with ordinality as one(word, number))
  select a.number as asked, v.word, fit.likeness
  from asked a join name_words v on left(v.word, 1) = left(a.word, 1)
  cross join lateral (select case when abs(length(v.word) - a.size) > a.allowed then a.allowed + 1
    else levenshtein_less_equal(v.word, a.word, a.allowed) end as slips) as made
  cross join lateral (select case
    when v.word = a.word then 1
    when a.size > 2 and starts_with(v.word, a.word) then 0.7 + 0.3 * a.size / length(v.word)
    when made.slips <= a.allowed then 0.9 * (1 - made.slips::float8 / greatest(a.size, length(v.word)))
    else 0 end as likeness) as fit
  where fit.likeness > 0`

async function countNames(db: Db, alike: readonly Alike[]): Promise<Map<string, number>> {
  const found = await rows<{ word: string; names: number }>(
    db.pool,
    'select word, count(*) as names from organisation_words where word = any($1::text[]) group by word',
    [alike.map(({ word }) => word)],
  )
  return new Map(found.map(({ word, names }) => [word, names]))
}

// Of very many the statistics know well enough how many they are.
async function countOrganisations(db: Db): Promise<number> {
  const found = await row<{ n: number }>(
    db.pool,
    `select case when reltuples > 10000 then reltuples else (select count(*) from organisations) end::float8 as n
     from pg_class where oid = 'organisations'::regclass`,
    [],
    'count-organisations',
  )
  return found?.n ?? 0
}
