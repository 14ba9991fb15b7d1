import { type Db, inTransaction, type Role, row, rows, type Tx } from '../prisma/client.ts'
import { type ClientCaller, roleScopes, type Scope } from './callers.ts'
import { type HeldClient, holdClient, WORKING_KEY } from './client-rows.ts'
import { newKey, scopesOf } from './clients.ts'
import { DomainError, type FieldError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'

/** A key to be made: with fewer scopes than its role, and an end, where that is said. */
export type KeyDraft = { scopes?: readonly string[] | undefined; expiresAt?: string | undefined }

const MOST_KEYS = 2

/**
 * Gives a client another key, which is returned here and kept nowhere. Throws `too_many_keys` when two work already, so
 * that one can replace the other without a gap, and no more.
 */
export async function addKey(
  db: Db,
  administrator: ClientCaller,
  clientId: number,
  draft: KeyDraft,
  now: Date,
): Promise<{ key: string; prefix: string }> {
  return inTransaction(db, async (tx) => {
    const client = await holdClient(tx, clientId)
    const problems = keyProblems(client, draft, now)
    if (problems.length > 0) throw invalid(...problems)
    if ((await workingKeys(tx, clientId)).length >= MOST_KEYS) {
      throw new DomainError('too_many_keys', {
        detail: `${MOST_KEYS} keys of this client work; revoke the one that is to go first.`,
      })
    }
    const made = await insertKey(tx, client, draft)
    await recordEvents(tx, administrator, [{ type: 'key.created', aboutClientId: clientId }])
    return made
  })
}

/**
 * Revokes one key; a second time changes nothing. Throws `not_found` for one that is not this client's, and refuses
 * the last key with which the caller's own client can look after clients.
 */
export async function revokeKey(
  db: Db,
  administrator: ClientCaller,
  clientId: number,
  prefix: string,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const client = await holdClient(tx, clientId)
    const key = await row<{ id: number; revoked: boolean }>(
      tx,
      'select id, revoked_at is not null as revoked from api_keys where client_id = $1 and prefix = $2',
      [clientId, prefix],
      'key-of-client',
    )
    if (key === undefined) throw new DomainError('not_found', { detail: 'The client has no such key.' })
    if (key.revoked) return
    if (clientId === administrator.clientId) await keepOneKey(tx, client, key.id)
    await rows(tx, 'update api_keys set revoked_at = now() where id = $1', [key.id])
    await recordEvents(tx, administrator, [{ type: 'key.revoked', aboutClientId: clientId }])
  })
}

/** Makes a key in the caller's transaction; only its hash is kept. */
export async function insertKey(
  tx: Tx,
  { id, role }: { id: number; role: Role },
  { scopes = [], expiresAt }: KeyDraft,
): Promise<{ key: string; prefix: string }> {
  const { key, data } = newKey(role)
  await rows(
    tx,
    'insert into api_keys (client_id, prefix, hash, scopes, expires_at) values ($1, $2, $3, $4, $5)',
    [id, data.prefix, data.hash, [...new Set(scopes)], expiresAt ?? null],
    'insert-key',
  )
  return { key, prefix: data.prefix }
}

function keyProblems({ id, role, revoked }: HeldClient, draft: KeyDraft, now: Date): ProblemAt[] {
  const scopes: readonly string[] = roleScopes[role]
  const strange = (draft.scopes ?? []).flatMap((scope, n): ProblemAt[] => {
    if (scopes.includes(scope)) return []
    const detail = scopes.length === 0 ? `A ${role} has none.` : `A ${role} has ${scopes.join(', ')}.`
    return [{ pointer: `/scopes/${n}`, code: 'scope_not_in_role', detail }]
  })
  const over = draft.expiresAt !== undefined && Date.parse(draft.expiresAt) <= now.getTime()
  return [
    ...(revoked
      ? [
          {
            in: 'path' as const,
            pointer: '/client',
            code: 'client_revoked',
            detail: `The client ${id} is revoked; no key of it would work. Create another client.`,
          },
        ]
      : []),
    ...strange,
    ...(over
      ? [
          {
            pointer: '/expiresAt',
            code: 'not_in_future',
            detail: 'A key that is to work ends in the future.',
          },
        ]
      : []),
  ]
}

type ProblemAt = Omit<FieldError, 'in'> & { in?: FieldError['in'] }

async function keepOneKey(tx: Tx, { id, role }: HeldClient, keyId: number): Promise<void> {
  const others = (await workingKeys(tx, id)).filter((key) => key.id !== keyId)
  if (others.some(({ scopes }) => scopesOf({ role, scopes }).includes('clients:manage'))) return
  throw invalid({
    in: 'path',
    pointer: '/key',
    code: 'last_key',
    detail: 'Without it your client cannot look after clients any more; make the other key first.',
  })
}

async function workingKeys(tx: Tx, clientId: number): Promise<Array<{ id: number; scopes: Scope[] }>> {
  return rows(
    tx,
    `select k.id, k.scopes from api_keys k where k.client_id = $1 and ${WORKING_KEY}`,
    [clientId],
    'working-keys',
  )
}
