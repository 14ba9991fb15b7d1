import type { OrganisationKind, Sector } from '../prisma/client.ts'
import type { HeldOrganisation } from './registry.ts'

/** What to change of an organisation: absent means leave, null means clear. */
export type OrganisationChange = {
  name?: string | undefined
  kind?: OrganisationKind | undefined
  sector?: Sector | null | undefined
  region?: string | null | undefined
  /** In one line, without the postcode. */
  address?: string | null | undefined
  postcode?: string | null | undefined
  website?: string | null | undefined
  position?: { latitude: number; longitude: number } | null | undefined
  /** The code of what it belongs to. */
  parent?: string | null | undefined
  /** All of them; the first is the primary one. */
  commissioners?: readonly string[] | undefined
  /** Are filed beside those that it has. */
  formerCodes?: readonly string[] | undefined
}

/** What of an organisation stands in its own row. */
export type Columns = Pick<
  HeldOrganisation,
  | ('name' | 'kind' | 'sector' | 'region' | 'address' | 'postcode' | 'website')
  | ('latitude' | 'longitude' | 'parentId')
>

/** Of an organisation of which nothing is said. */
export const NOTHING = {
  sector: null,
  region: null,
  address: null,
  postcode: null,
  website: null,
  latitude: null,
  longitude: null,
}

/** The columns in the order in which they are written. */
export function columnsOf(of: Columns): unknown[] {
  const { name, kind, sector, region, address, postcode, website, latitude, longitude, parentId } = of
  return [name, kind, sector, region, address, postcode, website, latitude, longitude, parentId]
}

/** What a change gives, as it is kept: what is absent must not overwrite what is there. */
export function givenIn<C extends OrganisationChange>(change: C): C & Partial<Columns> {
  const { position, postcode } = change
  const given = {
    ...change,
    ...(postcode != null && { postcode: normalPostcode(postcode) }),
    ...(position !== undefined && {
      latitude: position?.latitude ?? null,
      longitude: position?.longitude ?? null,
    }),
  }
  for (const name of ['name', 'region', 'address'] as const) {
    const text = given[name]
    if (typeof text === 'string') given[name] = text.trim()
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given
}

// The inward half is the last three signs (BS 7666).
function normalPostcode(text: string): string {
  const compact = text.replaceAll(/\s/g, '').toUpperCase()
  return compact.replace(/^(.+)(\d[A-Z]{2})$/, '$1 $2')
}

/** The names of what is different, as the contract has them. */
export function changedColumns(before: Columns, after: Columns): string[] {
  const simple = ['name', 'kind', 'sector', 'region', 'address', 'postcode', 'website'] as const
  const moves = before.latitude !== after.latitude || before.longitude !== after.longitude
  return [
    ...simple.filter((name) => before[name] !== after[name]),
    ...(moves ? ['position'] : []),
    ...(before.parentId === after.parentId ? [] : ['parent']),
  ]
}
