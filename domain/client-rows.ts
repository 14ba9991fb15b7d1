import { type Role, row, rows, type Sql, type Tx } from '../prisma/client.ts'
import { roleScopes, type Scope } from './callers.ts'
import { scopesOf } from './clients.ts'
import { DomainError } from './errors.ts'
import { jsonArray, jsonObject } from './json-sql.ts'
import type { OrganisationName } from './organisations.ts'

/** An API client as its administrator sees it; of its keys nothing that makes them work. */
export type ClientDetail = {
  id: number
  name: string
  role: Role
  scopes: readonly Scope[]
  brand: string | null
  origins: string[]
  organisations: OrganisationName[]
  source: string | null
  test: boolean
  followUrl: string | null
  surveyUrl: string | null
  digestUrl: string | null
  keys: KeyDetail[]
  createdAt: string
  revokedAt: string | null
  version: number
}

export type KeyDetail = {
  prefix: string
  scopes: Scope[]
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
  /** To the minute. */
  lastUsedAt: string | null
}

/** SQL for a key that works, as `k`. */
export const WORKING_KEY = '(k.revoked_at is null and (k.expires_at is null or k.expires_at > now()))'

const CLIENT = `
  c.id, c.name, c.role, c.brand, c.origins, c.test, c.follow_url as "followUrl", c.survey_url as "surveyUrl", c.digest_url as "digestUrl",
  c.created_at as "createdAt", c.revoked_at as "revokedAt", c.version,
  (select s.name from sources s where s.id = c.source_id) as source,
  ${jsonArray(
    jsonObject({ code: 'o.code', name: 'o.name' }),
    'from api_client_organisations b join organisations o on o.id = b.organisation_id where b.client_id = c.id',
    'o.code',
  )} as organisations,
  ${jsonArray(
    jsonObject({
      prefix: 'k.prefix',
      scopes: 'k.scopes',
      createdAt: 'utc(k.created_at)',
      expiresAt: 'utc(k.expires_at)',
      revokedAt: 'utc(k.revoked_at)',
      lastUsedAt: `utc(date_trunc('minute', k.last_used_at))`,
    }),
    'from api_keys k where k.client_id = c.id',
    'k.id',
  )} as keys`

/** One client by its number; throws `not_found`. */
export async function clientById(sql: Sql, id: number): Promise<ClientDetail> {
  const found = await row<Omit<ClientDetail, 'scopes'>>(
    sql,
    `select ${CLIENT} from api_clients c where c.id = $1`,
    [id],
    'client-by-id',
  )
  if (found === undefined) throw unknownClient(id)
  return withScopes(found)
}

/** The clients after this number, oldest first. */
export async function clientsAfter(sql: Sql, after: number, limit: number): Promise<ClientDetail[]> {
  const found = await rows<Omit<ClientDetail, 'scopes'>>(
    sql,
    `select ${CLIENT} from api_clients c where c.id > $1 order by c.id limit $2`,
    [after, limit],
    'clients-after',
  )
  return found.map(withScopes)
}

/** A client whose row is held, so that whatever changes it or its keys waits. */
export type HeldClient = { id: number; role: Role; version: number; revoked: boolean }

/** Holds a client's row until the transaction ends; throws `not_found`. */
export async function holdClient(tx: Tx, id: number): Promise<HeldClient> {
  const held = await row<HeldClient>(
    tx,
    `select id, role, version, revoked_at is not null as revoked from api_clients where id = $1 for no key update`,
    [id],
    'hold-client',
  )
  if (held === undefined) throw unknownClient(id)
  return held
}

function withScopes(client: Omit<ClientDetail, 'scopes'>): ClientDetail {
  const { role, keys } = client
  return {
    ...client,
    scopes: roleScopes[role],
    keys: keys.map((key) => ({ ...key, scopes: scopesOf({ role, scopes: key.scopes }) })),
  }
}

function unknownClient(id: number): DomainError {
  return new DomainError('not_found', { detail: `There is no API client ${id}.` })
}
