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
  freshMinutes: number | null
  freshness: 'fresh' | 'stale' | 'never' | null
  fullListing: boolean
  goneLimitPercent: number
  maxDocumentBytes: number | null
  mappingVersion: number
  normalisedVersion: number
  bookmark: string | null
  nextCheckAt: string | null
  lastSuccessAt: string | null
  lastChangedAt: string | null
  failures: number
  failingSince: string | null
  lastFailure: SourceFailure | null
  circuit: 'closed' | 'open'
  version: number
  createdAt: string
}

/** Why a poll brought no answer. */
export type SourceFailure = { at: string; reason: string; detail: string | null }

/** After so many failures in a row a source is asked once a day only, until it answers. */
export const CIRCUIT_OPENS_AFTER = 8

export type SourceRow = Omit<SourceDetail, 'address'> & { id: number; addressSealed: string | null }

/** SQL for whether a source `s` keeps its promise at the moment; null when it has given none. */
const FRESHNESS = `case
  when s.fresh_minutes is null or s.state = 'paused' then null
  when s.last_success_at is null then 'never'
  when s.last_success_at < now() - make_interval(mins => s.fresh_minutes) then 'stale'
  else 'fresh' end`

/** SQL for the fields of a source `s`. */
export const SOURCE = `
  s.id, s.name, s.title, s.connector, s.address_sealed as "addressSealed", s.settings, s.organisation_scheme as "organisationScheme",
  s.site_url as "siteUrl", s.attribution, s.licence, s.interval_minutes as "intervalMinutes", s.max_age_days as "maxAgeDays",
  s.trusted, s.state, s.flagged, s.opinion as "secondOpinion", s.next_check_at as "nextCheckAt",
  s.fresh_minutes as "freshMinutes", ${FRESHNESS} as freshness, s.full_listing as "fullListing",
  s.gone_limit_percent as "goneLimitPercent", s.max_document_bytes as "maxDocumentBytes", s.mapping_version as "mappingVersion",
  s.normalised_version as "normalisedVersion", s.bookmark, s.last_success_at as "lastSuccessAt", s.last_changed_at as "lastChangedAt",
  s.failures, s.failing_since as "failingSince",
  case when s.last_failure_at is not null then json_build_object(
    'at', utc(s.last_failure_at), 'reason', s.last_failure_reason, 'detail', s.last_failure_detail) end as "lastFailure",
  case when s.failures >= ${CIRCUIT_OPENS_AFTER} then 'open' else 'closed' end as circuit, s.version, s.created_at as "createdAt"`

/** What the connector of a source needs to know. */
export async function settingsOf(sql: Sql, sourceId: number): Promise<SourceSettings> {
  const found = await row<{ settings: SourceSettings }>(
    sql,
    'select settings from sources where id = $1',
    [sourceId],
    'settings-of-source',
  )
  if (found === undefined) throw new Error(`there is no source with the key ${sourceId}`)
  return found.settings
}

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

/** Host and port of an address, by which few of its sources are polled at a time. */
export function hostOf(address: string): string | null {
  return URL.parse(address)?.host ?? null
}

/** Whether these failures in a row open or close the circuit of a source that had so many before. */
export function circuitChange(before: number, now: number): 'opened' | 'closed' | null {
  if (before < CIRCUIT_OPENS_AFTER && now >= CIRCUIT_OPENS_AFTER) return 'opened'
  return before >= CIRCUIT_OPENS_AFTER && now < CIRCUIT_OPENS_AFTER ? 'closed' : null
}

function shownAddress(address: string): string {
  const url = new URL(address)
  return url.origin + url.pathname
}
