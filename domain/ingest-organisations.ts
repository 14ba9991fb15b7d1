import { rows, type Tx } from '../prisma/client.ts'
import type { HeldSource } from './ingest-items.ts'
import type { OrganisationKey, Story } from './items.ts'
import { canonicalCode, FORMER_CODES } from './organisations.ts'

/** What a story is about, and where that stands on the map. */
export type Subject = {
  organisationId: number
  serviceId: number | null
  category: string
  latitude: number | null
  longitude: number | null
}

/**
 * What each story is about: the first of its organisations that resolves, or the source's own when it names none;
 * null when nothing resolves. A closed organisation is taken too: reviews of the past are about it.
 */
export async function subjectsOf(
  tx: Tx,
  source: HeldSource,
  stories: readonly Story[],
): Promise<Map<Story, Subject | null>> {
  if (stories.length === 0) return new Map()
  const resolved = await resolveKeys(
    tx,
    source,
    stories.flatMap(({ organisations }) => organisations),
  )
  const chosen = new Map(stories.map((story) => [story, organisationOf(source, story, resolved)]))
  const ids = [...new Set(chosen.values())].filter((id) => id !== null)
  const [places, services, categories] = [
    await placesOf(tx, ids),
    await servicesOf(tx, ids),
    await categoryCodes(tx),
  ]
  return new Map(
    stories.map((story) => {
      const organisationId = chosen.get(story) ?? null
      if (organisationId === null) return [story, null]
      const place = places.get(organisationId)
      return [
        story,
        {
          organisationId,
          serviceId: serviceOf(story, services.get(organisationId) ?? []),
          category: categoryOf(story, categories),
          latitude: place?.latitude ?? null,
          longitude: place?.longitude ?? null,
        },
      ]
    }),
  )
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
  const codes = (scheme: OrganisationKey['scheme']): string[] =>
    [...new Set(keys.filter((key) => key.scheme === scheme).map(nameOf))].map((name) =>
      name.slice(scheme.length + 1),
    )
  const found = await rows<{ name: string; id: number }>(
    tx,
    `select 'ods ' || code as name, organisation_id as id from organisation_external_ids
       where scheme = '${FORMER_CODES}' and code = any($1::text[])
     union all
     select 'source ' || code, organisation_id from organisation_external_ids where scheme = $3 and code = any($2::text[])
     union all
     select 'ods ' || code, id from organisations where code = any($1::text[])`,
    [codes('ods'), codes('source'), source.organisationScheme],
    'resolve-organisations',
  )
  // A code in use today stands last and wins over the same as a former one.
  return new Map(found.map(({ name, id }) => [name, id]))
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
    'select id, organisation_id as "organisationId", code, name from services where organisation_id = any($1::int[]) order by id',
    [ids],
    'services-of-organisations',
  )
  return Map.groupBy(found, ({ organisationId }) => organisationId)
}

function serviceOf({ service }: Story, known: readonly ServiceName[]): number | null {
  if (service === null) return null
  const byCode = known.find(({ code }) => service.code !== null && same(code, service.code))
  return (byCode ?? known.find(({ name }) => same(name, service.name)))?.id ?? null
}

async function categoryCodes(tx: Tx): Promise<Map<string, string>> {
  const found = await rows<{ code: string; label: string }>(
    tx,
    'select code, label from categories',
    [],
    'category-codes',
  )
  return new Map(
    found.flatMap(({ code, label }) => [
      [label.toLowerCase(), code] as const,
      [code.toLowerCase(), code] as const,
    ]),
  )
}

function categoryOf({ tags }: Story, categories: Map<string, string>): string {
  const tag = tags.find((one) => categories.has(one.trim().toLowerCase()))
  return (tag && categories.get(tag.trim().toLowerCase())) ?? 'other'
}

function same(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase()
}
