import { row, type SourceState, type Sql, type Vault } from '../prisma/client.ts'
import type { OrganisationKey } from './items.ts'

/** What a connector needs to know, as its `settingsProblems` has checked it; ours is only the default organisation. */
export type SourceSettings = { organisation?: OrganisationKey; [name: string]: unknown }

/** What the second reader said of a source's document. */
export type SourceOpinion = { verdict: 'agrees' | 'differs' | 'none'; at: string; differences: string[] }

/** A source as those see it who look after it. */
export type SourceDetail = {
  name: string
  title: string
  connector: string | null
  /** Without its query, which may hold a key. */
  address: string | null
  settings: SourceSettings
  organisationScheme: string
  siteUrl: string | null
  attribution: string | null
  licence: string | null
  intervalMinutes: number
  maxAgeDays: number | null
  trusted: boolean
  state: SourceState
  flagged: boolean
  secondOpinion: SourceOpinion | null
  nextCheckAt: string | null
  lastSuccessAt: string | null
  failures: number
  version: number
  createdAt: string
}

export type SourceRow = Omit<SourceDetail, 'address'> & { id: number; addressSealed: string | null }

/** SQL for the fields of a source `s`. */
export const SOURCE = `
  s.id, s.name, s.title, s.connector, s.address_sealed as "addressSealed", s.settings, s.organisation_scheme as "organisationScheme",
  s.site_url as "siteUrl", s.attribution, s.licence, s.interval_minutes as "intervalMinutes", s.max_age_days as "maxAgeDays",
  s.trusted, s.state, s.flagged, s.opinion as "secondOpinion", s.next_check_at as "nextCheckAt",
  s.last_success_at as "lastSuccessAt", s.failures, s.version, s.created_at as "createdAt"`

/** One source by its name, which is known to exist. */
export async function sourceByName(sql: Sql, vault: Vault, name: string): Promise<SourceDetail> {
  const found = await row<SourceRow>(
    sql,
    `select ${SOURCE} from sources s where s.name = $1`,
    [name],
    'source-by-name',
  )
  if (found === undefined) throw new Error(`there is no source with the name ${name}`)
  return detailOf(vault, found)
}

/** A row as it is shown: its address without credentials, query and fragment. */
export function detailOf(vault: Vault, { id: _, addressSealed, ...source }: SourceRow): SourceDetail {
  return { ...source, address: addressSealed && shownAddress(openAddress(vault, source.name, addressSealed)) }
}

/** Seals an address, which may hold a key, bound to its source. */
export function sealAddress(vault: Vault, name: string, address: string): string {
  return vault.seal(`sources.address:${name}`, address)
}

/** The whole address, for who asks there. */
export function openAddress(vault: Vault, name: string, sealed: string): string {
  return vault.open(`sources.address:${name}`, sealed)
}

function shownAddress(address: string): string {
  const url = new URL(address)
  return url.origin + url.pathname
}
