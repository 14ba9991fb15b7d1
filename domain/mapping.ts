import { type Db, inTransaction, row, rows, type Sql, type TermKind, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { termOf } from './category-rules.ts'
import { DomainError, invalid, type Problem } from './errors.ts'
import { recordEvents } from './events.ts'
import { visibleSource } from './source-access.ts'

/** A word of a source and the category it means. */
export type MappingEntry = { kind: TermKind; term: string; category: string }

/** A word of a source that means no category yet, and how many of its cases have it. */
export type UnmappedTerm = { kind: TermKind; term: string; cases: number }

/** How a source's words become our categories. */
export type Mapping = {
  version: number
  /** The version that all of its cases follow. */
  normalisedVersion: number
  entries: MappingEntry[]
  unmapped: UnmappedTerm[]
}

/** Words to map; null unmaps one. */
export type MappingChange = readonly { kind: TermKind; term: string; category: string | null }[]

/**
 * The mapping of a source, and what it has sent that means nothing yet: tags, questions, and services by the name that
 * they have here. A service that we do not know can be mapped by the name it has there, and is not listed: no case names
 * it. Throws as `getSource` does.
 */
export async function getMapping(db: Db, client: ClientCaller, name: string): Promise<Mapping> {
  const { id } = await visibleSource(db.pool, client, name)
  return mappingOf(db.pool, id)
}

/**
 * Maps and unmaps words of a source; those that are not named stay, and what changes nothing makes no new version.
 * Cases that are there follow when they are normalised again. Throws `version_stale`, and as `getSource` does.
 */
export async function updateMapping(
  db: Db,
  client: ClientCaller,
  name: string,
  entries: MappingChange,
  { version }: { version: number },
): Promise<Mapping> {
  const { id } = await visibleSource(db.pool, client, name)
  const change = entries.map((entry) => ({ ...entry, term: termOf(entry.term) }))
  await inTransaction(db, async (tx) => {
    await holdVersion(tx, id, version)
    const problems = [...repeatedTerms(change), ...(await unknownCategories(tx, change))]
    if (problems.length > 0) throw invalid(...problems)
    const kinds = await writeChange(tx, id, change)
    if (kinds.length === 0) return
    await newVersion(tx, id)
    await recordEvents(tx, client, [{ type: 'source.mapping_changed', sourceId: id, fields: kinds }])
  })
  return mappingOf(db.pool, id)
}

const MOST_UNMAPPED = 500
const LONGEST_TERM = 500

async function mappingOf(sql: Sql, sourceId: number): Promise<Mapping> {
  const source = await row<Pick<Mapping, 'version' | 'normalisedVersion'>>(
    sql,
    `select mapping_version as version, normalised_version as "normalisedVersion" from sources where id = $1`,
    [sourceId],
    'mapping-version',
  )
  if (source === undefined) throw new Error(`there is no source with the key ${sourceId}`)
  const entries = await rows<MappingEntry>(
    sql,
    `select kind, term, category_code as category from category_mappings where source_id = $1 order by kind, term`,
    [sourceId],
    'mapping-entries',
  )
  return { ...source, entries, unmapped: await unmappedTerms(sql, sourceId) }
}

/**
 * Counts anew, for sources that have brought something since it was done last, how many of their terms mean no category;
 * how many sources that were, `most` at a time.
 */
export async function countUnmappedTerms(db: Db, now: Date, most: number): Promise<number> {
  const due = await rows<{ id: number }>(
    db.pool,
    `select id from sources where last_changed_at >= coalesce(unmapped_counted_at, '-infinity'::timestamptz)
     order by unmapped_counted_at nulls first, id limit $1`,
    [most],
    'unmapped-to-count',
  )
  for (const { id } of due) await noteUnmapped(db.pool, id, now)
  return due.length
}

async function noteUnmapped(sql: Sql, sourceId: number, now: Date): Promise<void> {
  const { length } = await unmappedTerms(sql, sourceId)
  await rows(
    sql,
    'update sources set unmapped_terms = $2, unmapped_counted_at = $3 where id = $1',
    [sourceId, length, now],
    'note-unmapped-terms',
  )
}

// Words are counted as they were written, and then made terms: a case with two spellings of one counts twice. PostgreSQL's
// idea of lower case and blanks may differ from ours in rare letters, so `termOf` has the last word.
async function unmappedTerms(sql: Sql, sourceId: number): Promise<UnmappedTerm[]> {
  const found = await rows<UnmappedTerm>(
    sql,
    `with said as (
       select 'tag'::term_kind as kind, t.words, count(*)::int as cases from cases c
         cross join lateral (select distinct words from unnest(c.tags) as words) t
         where c.source_id = $1 and c.publication <> 'removed' group by t.words
       union all
       select 'question', q.words, count(*)::int from cases c
         cross join lateral (select distinct rating->>'question' as words from jsonb_array_elements(c.ratings) as rating) q
         where c.source_id = $1 and c.publication <> 'removed' group by q.words
       union all
       select 'service', s.name, count(*)::int from cases c join services s on s.id = c.service_id
         where c.source_id = $1 and c.publication <> 'removed' group by s.name
     ), terms as (
       select kind, lower(btrim(regexp_replace(words, '\\s+', ' ', 'g'))) as term, sum(cases)::int as cases from said group by 1, 2
     )
     select kind, term, cases from terms t
     where length(term) between 1 and ${LONGEST_TERM}
       and not exists (select from category_mappings m where m.source_id = $1 and m.kind = t.kind and m.term = t.term)
       and not (kind = 'tag' and exists (select from categories y where t.term in (y.code, lower(y.label))))
     order by cases desc, kind, term limit ${MOST_UNMAPPED}`,
    [sourceId],
    'unmapped-terms',
  )
  return found.map(({ kind, term, cases }) => ({ kind, term: termOf(term), cases }))
}

async function holdVersion(tx: Tx, sourceId: number, version: number): Promise<void> {
  const held = await row<{ version: number }>(
    tx,
    'select mapping_version as version from sources where id = $1 for no key update',
    [sourceId],
    'hold-mapping',
  )
  if (held === undefined || held.version === version) return
  throw new DomainError('version_stale', {
    currentVersion: held.version,
    detail: `You sent version ${version} of the mapping; it is ${held.version} now. Read it again and decide again.`,
  })
}

function repeatedTerms(change: MappingChange): Problem[] {
  const seen = new Map<string, number>()
  return change.flatMap(({ kind, term }, n): Problem[] => {
    const pointer = `/entries/${n}/term`
    if (term === '') {
      return [
        { pointer, code: 'empty', detail: 'Give the word as the source writes it, and not only blanks.' },
      ]
    }
    const key = `${kind} ${term}`
    const first = seen.get(key)
    if (first !== undefined) {
      const detail = `Entry ${first} names the same ${kind} already; name each once, capitals and blanks aside.`
      return [{ pointer, code: 'repeated', detail }]
    }
    seen.set(key, n)
    return []
  })
}

async function unknownCategories(tx: Tx, change: MappingChange): Promise<Problem[]> {
  const found = await rows<{ code: string }>(tx, 'select code from categories')
  const known = new Set(found.map(({ code }) => code))
  return change.flatMap(({ category }, n) => {
    if (category === null || known.has(category)) return []
    const detail = `There is no category "${category}"; /v1/categories lists them.`
    return [{ pointer: `/entries/${n}/category`, code: 'unknown_category', detail }]
  })
}

/** Writes what differs; the kinds of which something did. */
async function writeChange(tx: Tx, sourceId: number, change: MappingChange): Promise<TermKind[]> {
  const written = await rows<{ kind: TermKind }>(
    tx,
    `with wanted as (
       select * from json_to_recordset($2::json) as w(kind term_kind, term text, category text)
     ), gone as (
       delete from category_mappings m using wanted w
       where m.source_id = $1 and m.kind = w.kind and m.term = w.term and w.category is null
       returning m.kind
     ), kept as (
       insert into category_mappings as m (source_id, kind, term, category_code)
       select $1, kind, term, category from wanted where category is not null
       on conflict (source_id, kind, term) do update set category_code = excluded.category_code
         where m.category_code <> excluded.category_code
       returning m.kind
     )
     select kind from gone union select kind from kept order by kind`,
    [sourceId, JSON.stringify(change)],
    'write-mapping',
  )
  return written.map(({ kind }) => kind)
}

// Where there is no item, every case follows every mapping. What means nothing yet is counted anew.
async function newVersion(tx: Tx, sourceId: number): Promise<void> {
  await rows(
    tx,
    `update sources set mapping_version = mapping_version + 1, unmapped_counted_at = null,
       normalised_version = case when exists (select from items where source_id = $1 and state <> 'deleted')
         then normalised_version else mapping_version + 1 end
     where id = $1`,
    [sourceId],
    'new-mapping-version',
  )
}
