import { type Db, rows } from '../prisma/client.ts'
import { chanceFrom } from './chance.ts'
import { caseInventor, type InventedCase, reportTimes } from './invented-cases.ts'
import { inventOrganisations } from './invented-organisations.ts'

export type Filling = {
  cases: number
  /** The same seed and the same day make the same data. */
  seed: number
  now: Date
  /** Hears how many are there. */
  progress: (cases: number) => void
}

/**
 * Fills an empty, migrated database with invented organisations, cases and responses, the oldest first, as a service
 * that has run for five years. The sealed columns hold one text that is no case's own: only what the public reads can
 * be read.
 */
export async function fillDatabase(db: Db, { cases, seed, now, progress }: Filling): Promise<void> {
  const chance = chanceFrom(seed)
  const organisations = inventOrganisations(seed, Math.max(100, Math.round(cases / 100)))
  await writeOrganisations(db, organisations)
  const sources = await writeSources(db)
  const categories = await rows<{ code: string }>(db.pool, 'select code from categories order by rank')
  const invent = caseInventor(chance, {
    organisations,
    sources,
    categories: categories.map(({ code }) => code),
    now,
  })
  const sealed = db.vault.seal(
    'cases.original:invented',
    JSON.stringify({ title: null, text: '(Invented.)' }),
  )

  let writing: Promise<unknown> = Promise.resolve()
  let batch: InventedCase[] = []
  let written = 0
  const write = async () => {
    const next = JSON.stringify(batch)
    written += batch.length
    batch = []
    // While the store writes some, the next are invented.
    await writing
    progress(written)
    writing = db.pool.query(CASES, [next, sealed])
    writing.catch(() => undefined)
  }
  for (const reportedAt of reportTimes(chance, cases, now)) {
    batch.push(invent(reportedAt))
    if (batch.length === BATCH) await write()
  }
  if (batch.length > 0) await write()
  await writing
}

const BATCH = 2_000

const CASES = `
  with d as materialized (
    select * from json_to_recordset($1::json) as d(reference text, kind case_kind, channel channel, status case_status,
      publication publication, privacy privacy, organisation text, category text, source text, source_link text, title text,
      text text, public_name text, language text, tags text[], ratings jsonb, place_given boolean, latitude float8,
      longitude float8, reported_at timestamptz, acknowledged_at timestamptz, closed_at timestamptz,
      respond_due_at timestamptz, response json)
  ), made as (
    insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, organisation_id,
      category_code, original_sealed, moderated_title, moderated_text, public_name, language, tags, ratings, place_given,
      latitude, longitude, pt, source_id, source_link, reported_at, created_at, updated_at, acknowledged_at, closed_at,
      resolved_at, respond_due_at, due_at)
    select case_key(d.reported_at), d.reference, d.kind, d.channel, d.status, d.publication, d.privacy, d.privacy, o.id,
      d.category, $2, case when shown then d.title end, case when shown then d.text end, d.public_name, d.language, d.tags,
      d.ratings, d.place_given, d.latitude, d.longitude, mercator(d.latitude, d.longitude), s.id, d.source_link,
      d.reported_at, d.reported_at, coalesce(d.closed_at, d.acknowledged_at, d.reported_at), d.acknowledged_at, d.closed_at,
      case when d.status = 'resolved' then d.closed_at end, d.respond_due_at, d.respond_due_at
    from d join organisations o on o.code = d.organisation left join sources s on s.name = d.source
    cross join lateral (select d.publication in ('published', 'removed') as shown) as p
    returning id, reference
  )
  insert into responses (reference, case_id, organisation_id, text, publication, responded_at, created_at, updated_at)
  select r.reference, made.id, o.id, r.text, 'published', r.responded_at, r.responded_at, r.responded_at
  from d join made on made.reference = d.reference join organisations o on o.code = d.organisation
  cross join lateral json_to_record(d.response) as r(reference text, text text, responded_at timestamptz)
  where d.response is not null and json_typeof(d.response) <> 'null'`

async function writeOrganisations(
  db: Db,
  organisations: ReturnType<typeof inventOrganisations>,
): Promise<void> {
  await rows(
    db.pool,
    `insert into organisations (code, name, kind, sector, region, latitude, longitude)
     select code, name, kind, sector, region, latitude, longitude
     from json_to_recordset($1::json) as o(code text, name text, kind organisation_kind, sector sector, region text,
       latitude float8, longitude float8)`,
    [JSON.stringify(organisations)],
  )
  await rows(
    db.pool,
    `update organisations o set parent_id = p.id
     from json_to_recordset($1::json) as x(code text, parent text) join organisations p on p.code = x.parent
     where o.code = x.code`,
    [JSON.stringify(organisations)],
  )
}

async function writeSources(db: Db): Promise<string[]> {
  const names = ['stories', 'comments', 'reviews', 'surveys'].map((word) => `invented-${word}`)
  await rows(
    db.pool,
    `insert into sources (name, title, organisation_scheme, state, trusted, site_url, attribution, licence)
     select name, 'Invented ' || name, name, 'active', true, 'https://stories.example/', 'Invented by a benchmark.', 'CC0 1.0'
     from unnest($1::text[]) as s(name)`,
    [names],
  )
  return names
}
