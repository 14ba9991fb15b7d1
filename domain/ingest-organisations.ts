import { rows, type TermKind, type Tx } from '../prisma/client.ts'
import { type CategoryRules, categoryOf, termKey, termOf } from './category-rules.ts'
import { publishedTime } from './ingest-entries.ts'
import type { HeldSource } from './ingest-items.ts'
import type { OrganisationKey, Story } from './items.ts'
import { canonicalCode, FORMER_CODES } from './organisations.ts'
import { organisationAt, successionsOf } from './succession.ts'

/** What a story is about, and where that stands on the map. */
export type Subject = {
  organisationId: number
  /** The one that it names, which may be closed: what came after it has what was said later. */
  namedId: number
  serviceId: number | null
  category: string
  latitude: number | null
  longitude: number | null
}

/**
 * What each story is about: the first of its organisations that resolves, or the source's own when it names none;
 * null when nothing resolves. A closed organisation is taken too, and a closed department: reviews of the past are about
 * it. What was said when another organisation had come after it is about that one.
 */
export async function subjectsOf(
  tx: Tx,
  source: HeldSource,
  stories: readonly Story[],
  now: Date,
): Promise<Map<Story, Subject | null>> {
  if (stories.length === 0) return new Map()
  const resolved = await resolveKeys(
    tx,
    source,
    stories.flatMap(({ organisations }) => organisations),
  )
  const named = new Map(stories.map((story) => [story, organisationOf(source, story, resolved)]))
  const successions = await successionsOf(tx, idsIn(named))
  const chosen = new Map(
    [...named].map(([story, id]) => [
      story,
      id === null ? null : organisationAt(id, new Date(publishedTime(story.publishedAt, now)), successions),
    ]),
  )
  const ids = idsIn(chosen)
  const [places, services, rules] = [
    await placesOf(tx, ids),
    await servicesOf(tx, ids),
    await categoryRules(tx, source.id),
  ]
  return new Map(
    stories.map((story) => {
      const organisationId = chosen.get(story) ?? null
      if (organisationId === null) return [story, null]
      const place = places.get(organisationId)
      const service = serviceOf(story, services.get(organisationId) ?? [])
      return [
        story,
        {
          organisationId,
          namedId: named.get(story) ?? organisationId,
          serviceId: service?.id ?? null,
          category: categoryOf({ ...story, ourService: service?.name ?? null }, rules),
          latitude: place?.latitude ?? null,
          longitude: place?.longitude ?? null,
        },
      ]
    }),
  )
}

function idsIn(found: ReadonlyMap<Story, number | null>): number[] {
  return [...new Set(found.values())].filter((id) => id !== null)
}

type Place = { id: number; latitude: number; longitude: number }
type ServiceName = { id: number; organisationId: number; code: string; name: string }

/** Where a key and its organisation meet. */
function nameOf({ scheme, code }: OrganisationKey): string {
  return `${scheme} ${scheme === 'ods' ? canonicalCode(code) : code.trim()}`
}

async function resolveKeys(
  tx: Tx,
  source: HeldSource,
  keys: readonly OrganisationKey[],
): Promise<Map<string, number>> {
  const [ods, own] = [codesOf(keys, 'ods'), codesOf(keys, 'source')]
  const found = await rows<{ scheme: OrganisationKey['scheme']; code: string; id: number }>(
    tx,
    `select 'ods' as scheme, code, organisation_id as id from organisation_external_ids
       where scheme = $4 and code = any($1::text[] || $2::text[])
     union all
     select 'ods', code, organisation_id from organisation_external_ids where scheme = '${FORMER_CODES}' and code = any($1::text[])
     union all
     select 'source', code, organisation_id from organisation_external_ids where scheme = $4 and code = any($3::text[])
     union all
     select 'ods', code, id from organisations where code = any($1::text[])`,
    [ods.map(canonicalCode), ods, own, source.organisationScheme],
    'resolve-organisations',
  )
  // A code in use today stands last and wins over the same as a former one, and both over what a source calls it.
  return new Map(found.map(({ id, ...key }) => [nameOf(key), id]))
}

function codesOf(keys: readonly OrganisationKey[], scheme: OrganisationKey['scheme']): string[] {
  const codes = keys.filter((key) => key.scheme === scheme).map(({ code }) => code.trim())
  return [...new Set(codes)]
}

// A story that names only organisations nobody knows is not taken for one about the source's own.
function organisationOf(source: HeldSource, story: Story, resolved: Map<string, number>): number | null {
  if (story.organisations.length === 0) return source.organisationId
  const known = story.organisations.find((key) => resolved.has(nameOf(key)))
  return known === undefined ? null : (resolved.get(nameOf(known)) ?? null)
}

/** A case stands at its organisation, or at the nearest one above it that has a position. */
async function placesOf(tx: Tx, ids: readonly number[]): Promise<Map<number, Place>> {
  const found = await rows<Place>(
    tx,
    `with recursive up(id, at, depth) as (
       select id, id, 0 from unnest($1::int[]) as wanted(id)
       union all
       select up.id, o.parent_id, up.depth + 1 from up join organisations o on o.id = up.at
       where o.latitude is null and o.parent_id is not null and up.depth < 10
     )
     select up.id, o.latitude, o.longitude from up join organisations o on o.id = up.at where o.latitude is not null`,
    [ids],
    'places-of-organisations',
  )
  return new Map(found.map((place) => [place.id, place]))
}

async function servicesOf(tx: Tx, ids: readonly number[]): Promise<Map<number, ServiceName[]>> {
  const found = await rows<ServiceName>(
    tx,
    'select id, organisation_id as "organisationId", code, name from services where organisation_id = any($1::int[]) order by active desc, id',
    [ids],
    'services-of-organisations',
  )
  return Map.groupBy(found, ({ organisationId }) => organisationId)
}

function serviceOf({ service }: Story, known: readonly ServiceName[]): ServiceName | undefined {
  if (service === null) return undefined
  const byCode = known.find(({ code }) => service.code !== null && same(code, service.code))
  return byCode ?? known.find(({ name }) => same(name, service.name))
}

/** What decides about categories; the source is held, so its mapping stays the same for the whole batch. */
async function categoryRules(tx: Tx, sourceId: number): Promise<CategoryRules> {
  const found = await rows<{ kind: TermKind | null; words: string; code: string }>(
    tx,
    `select kind, term as words, category_code as code from category_mappings where source_id = $1
     union all select null, label, code from categories
     union all select null, code, code from categories`,
    [sourceId],
    'category-rules',
  )
  const mapped = new Map<string, string>()
  const ours = new Map<string, string>()
  for (const { kind, words, code } of found) {
    if (kind === null) ours.set(termOf(words), code)
    else mapped.set(termKey(kind, words), code)
  }
  return { mapped, ours }
}

function same(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase()
}
