import { type Db, inTransaction, row, rows, type Sql } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { holdSource } from './ingest-items.ts'
import { newReference, parseReference } from './references.ts'
import { visibleSource } from './source-access.ts'
import { newWebhookSecret } from './webhook-signatures.ts'

/** A webhook secret of a source, without itself. */
export type SourceSecret = { id: string; createdAt: string }

/** So many work at a time, so that one can replace the other without a gap. */
export const MOST_SECRETS = 2

/** The secrets of a source that work, oldest first; throws as `getSource` does. */
export async function listSourceSecrets(db: Db, client: ClientCaller, name: string): Promise<SourceSecret[]> {
  const { id } = await visibleSource(db.pool, client, name)
  return workingSecrets(db.pool, id)
}

/**
 * Makes a secret, which is returned here and never shown again. Throws `too_many_keys` when two work already, and as
 * `getSource` does.
 */
export async function addSourceSecret(
  db: Db,
  client: ClientCaller,
  name: string,
  now: Date,
): Promise<SourceSecret & { secret: string }> {
  return inTransaction(db, async (tx) => {
    const { id: sourceId } = await visibleSource(tx, client, name)
    await holdSource(tx, sourceId)
    if ((await workingSecrets(tx, sourceId)).length >= MOST_SECRETS) {
      throw new DomainError('too_many_keys', {
        detail: `${MOST_SECRETS} secrets of this source work; end the one that is to go first.`,
      })
    }
    const secret = newWebhookSecret()
    const id = newReference()
    await rows(
      tx,
      'insert into source_secrets (reference, source_id, sealed, created_at) values ($1, $2, $3, $4)',
      [id, sourceId, tx.vault.seal(placeOf(id), secret), now],
    )
    await recordEvents(tx, client, [{ type: 'source.secret_created', sourceId }])
    return { id, secret, createdAt: now.toISOString() }
  })
}

/** Ends a secret at once; a second time changes nothing. Throws `not_found`, and as `getSource` does. */
export async function revokeSourceSecret(
  db: Db,
  client: ClientCaller,
  { name, secret }: { name: string; secret: string },
  now: Date,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { id: sourceId } = await visibleSource(tx, client, name)
    const found = await row<{ id: number; revoked: boolean }>(
      tx,
      `select id, revoked_at is not null as revoked from source_secrets where source_id = $1 and reference = $2
       for no key update`,
      [sourceId, parseReference(secret) ?? ''],
    )
    if (found === undefined) throw new DomainError('not_found', { detail: 'The source has no such secret.' })
    if (found.revoked) return
    await rows(tx, 'update source_secrets set revoked_at = $2 where id = $1', [found.id, now])
    await recordEvents(tx, client, [{ type: 'source.secret_revoked', sourceId }])
  })
}

/** A source with the secrets that work; undefined when there is none of that name. */
export async function sourceToSign(
  db: Db,
  name: string,
): Promise<{ id: number; name: string; secrets: string[] } | undefined> {
  const found = await row<{
    id: number
    name: string
    secrets: Array<{ reference: string; sealed: string }>
  }>(
    db.pool,
    `select s.id, s.name, coalesce(
       (select json_agg(json_build_object('reference', k.reference, 'sealed', k.sealed) order by k.id)
        from source_secrets k where k.source_id = s.id and k.revoked_at is null), '[]') as secrets
     from sources s where s.name = $1`,
    [name],
    'source-to-sign',
  )
  if (found === undefined) return undefined
  const { secrets, ...source } = found
  return { ...source, secrets: secrets.map((one) => db.vault.open(placeOf(one.reference), one.sealed)) }
}

async function workingSecrets(sql: Sql, sourceId: number): Promise<SourceSecret[]> {
  return rows(
    sql,
    `select reference as id, created_at as "createdAt" from source_secrets
     where source_id = $1 and revoked_at is null order by source_secrets.id`,
    [sourceId],
    'working-source-secrets',
  )
}

function placeOf(reference: string): string {
  return `source_secrets.sealed:${reference}`
}
