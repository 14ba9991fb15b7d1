import { randomBytes } from 'node:crypto'
import { row, rows, type Sql, type Vault } from '../prisma/client.ts'

/** What the store's own secrets are for; they outlive a change of the encryption keys. */
export type SecretName = 'receipt' | 'survey' | 'contact_index' | 'mail' | 'digest' | 'erasure'

const known = new WeakMap<Vault, Map<SecretName, Buffer>>()
/** Transactions that made a secret, and may still be undone with it. */
const makers = new WeakSet<Sql>()

/** The store's secret of this name, 32 random bytes, made when it is first needed and kept encrypted. */
export async function secretOf(sql: Sql, vault: Vault, name: SecretName): Promise<Buffer> {
  const mine = known.get(vault) ?? new Map<SecretName, Buffer>()
  known.set(vault, mine)
  const remembered = mine.get(name)
  if (remembered !== undefined) return remembered

  const found = (await keptSecret(sql, vault, name)) ?? (await makeSecret(sql, vault, name))
  if (!makers.has(sql)) mine.set(name, found)
  return found
}

/** Keeps a secret of this name that was made elsewhere, unless there is one; the one that is kept then. */
export async function keepSecret(sql: Sql, vault: Vault, name: SecretName, secret: Buffer): Promise<Buffer> {
  return (await keptSecret(sql, vault, name)) ?? (await insertSecret(sql, vault, name, secret))
}

async function makeSecret(sql: Sql, vault: Vault, name: SecretName): Promise<Buffer> {
  if ('vault' in sql) makers.add(sql)
  return insertSecret(sql, vault, name, randomBytes(32))
}

async function insertSecret(sql: Sql, vault: Vault, name: SecretName, secret: Buffer): Promise<Buffer> {
  await rows(sql, 'insert into store_secrets (name, sealed) values ($1, $2) on conflict do nothing', [
    name,
    vault.seal(placeOf(name), secret.toString('base64')),
  ])
  return (await keptSecret(sql, vault, name)) as Buffer
}

async function keptSecret(sql: Sql, vault: Vault, name: SecretName): Promise<Buffer | undefined> {
  const kept = await row<{ sealed: string }>(
    sql,
    'select sealed from store_secrets where name = $1',
    [name],
    'store-secret',
  )
  return kept && Buffer.from(vault.open(placeOf(name), kept.sealed), 'base64')
}

function placeOf(name: SecretName): string {
  return `store_secrets:${name}`
}
