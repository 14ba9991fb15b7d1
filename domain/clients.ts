import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Db, type Role, row, rows, type Sql } from '../prisma/client.ts'
import { type ClientCaller, roleScopes, type Scope } from './callers.ts'

/** What a key unlocks, and the origins from which a publishable one works. */
export type KnownClient = ClientCaller & { origins: readonly string[] }

export type NewClient = {
  name: string
  role: Role
  brand?: string
  origins?: readonly string[]
  organisationIds?: readonly number[]
  sourceId?: number
  test?: boolean
  followUrl?: string
  surveyUrl?: string
  digestUrl?: string
}

const KEY = /^cc_(pk|sk)_([0-9a-z]{12})_([0-9A-Za-z_-]{43})$/

/** Creates a client with its first key; the key is returned here and kept nowhere, only its hash is. */
export async function createClient(db: Db, client: NewClient): Promise<{ clientId: number; key: string }> {
  const { key, data } = newKey(client.role)
  const { id } = await db.prisma.apiClient.create({
    data: {
      name: client.name,
      role: client.role,
      brand: client.brand ?? null,
      origins: [...(client.origins ?? [])],
      sourceId: client.sourceId ?? null,
      test: client.test ?? false,
      followUrl: client.followUrl ?? null,
      surveyUrl: client.surveyUrl ?? null,
      digestUrl: client.digestUrl ?? null,
      organisations: { create: (client.organisationIds ?? []).map((organisationId) => ({ organisationId })) },
      keys: { create: data },
    },
  })
  return { clientId: id, key }
}

/** Makes a further key for a client; publishable for a form, secret for all others. */
export async function createKey(
  db: Db,
  clientId: number,
  role: Role,
  expiresAt: Date | null = null,
): Promise<string> {
  const { key, data } = newKey(role)
  await db.prisma.apiKey.create({ data: { ...data, clientId, expiresAt } })
  return key
}

type KeyData = { prefix: string; hash: Uint8Array<ArrayBuffer> }

/** A new key, publishable for a form and secret for all others, and what is kept of it. */
export function newKey(role: Role): { key: string; data: KeyData } {
  const prefix = randomBytes(6).toString('hex')
  const key = `cc_${role === 'form' ? 'pk' : 'sk'}_${prefix}_${randomBytes(32).toString('base64url')}`
  return { key, data: { prefix, hash: new Uint8Array(hashOf(key)) } }
}

/** Whether a text has the form of a key; says nothing about whether it works. */
export function looksLikeKey(text: string): boolean {
  return KEY.test(text)
}

/** The client behind a key, or null when it is unknown, expired or revoked. Compared in constant time. */
export async function findClient(db: Db, key: string): Promise<KnownClient | null> {
  const [, kind, prefix] = KEY.exec(key) ?? []
  if (prefix === undefined) return null

  const found = await row<KeyRow>(
    db.pool,
    `select k.id as "keyId", k.hash, k.scopes, c.id as "clientId", c.name, c.role, c.brand, c.test, c.origins, c.source_id as "sourceId"
     from api_keys k join api_clients c on c.id = k.client_id
     where k.prefix = $1 and k.revoked_at is null and c.revoked_at is null and (k.expires_at is null or k.expires_at > now())`,
    [prefix],
    'find-key',
  )
  if (found === undefined || !timingSafeEqual(found.hash, hashOf(key))) return null

  await noteUse(db.pool, found.keyId)
  return {
    kind: 'client',
    clientId: found.clientId,
    name: found.name,
    role: found.role,
    scopes: scopesOf(found),
    publishable: kind === 'pk',
    brand: found.brand,
    test: found.test,
    origins: found.origins,
    organisationIds: await boundOrganisations(db.pool, found.clientId, found.role),
    sourceId: found.sourceId,
    actingUser: null,
  }
}

/** The client as it is now, with all that its role may do, for work that is done for it without a key; null when revoked. */
export async function callerOf(sql: Sql, clientId: number): Promise<ClientCaller | null> {
  const found = await row<Pick<ClientCaller, 'name' | 'role' | 'brand' | 'test' | 'sourceId'>>(
    sql,
    `select name, role, brand, test, source_id as "sourceId" from api_clients where id = $1 and revoked_at is null`,
    [clientId],
    'caller-of',
  )
  if (found === undefined) return null
  return {
    kind: 'client',
    clientId,
    ...found,
    scopes: roleScopes[found.role],
    publishable: false,
    organisationIds: await boundOrganisations(sql, clientId, found.role),
    actingUser: null,
  }
}

type KeyRow = {
  keyId: number
  hash: Buffer
  scopes: Scope[]
  clientId: number
  name: string
  role: Role
  brand: string | null
  test: boolean
  origins: string[]
  sourceId: number | null
}

/** What a key may do: less than its role where it says so, never more; and it gains what its role gains. */
export function scopesOf({ role, scopes }: { role: Role; scopes: readonly string[] }): Scope[] {
  return roleScopes[role].filter((scope) => scopes.length === 0 || scopes.includes(scope))
}

// A key has 256 random bits: a plain hash is enough, nobody can try them all.
function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

// To the minute is enough, and keeps a busy key from being a busy row.
async function noteUse(sql: Sql, keyId: number): Promise<void> {
  await rows(
    sql,
    `update api_keys set last_used_at = now() where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
    [keyId],
    'note-key-use',
  )
}

async function boundOrganisations(sql: Sql, clientId: number, role: Role): Promise<number[]> {
  if (role !== 'provider' && role !== 'commissioner') return []
  const found = await rows<{ id: number }>(
    sql,
    `with recursive named(id) as (
       select organisation_id from api_client_organisations where client_id = $1
       union
       select o.id from organisations o join named on o.succeeded_by_id = named.id
     ), bound(id) as (
       select id from named where $2 = 'provider'
       union
       select m.organisation_id from commissioning m join named on named.id = m.commissioner_id where $2 = 'commissioner'
       union
       select o.id from organisations o join bound on o.parent_id = bound.id or o.succeeded_by_id = bound.id
     )
     select id from bound`,
    [clientId, role],
    'bound-organisations',
  )
  return found.map(({ id }) => id)
}
