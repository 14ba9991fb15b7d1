import { type CaseKind, type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'

/** After how many days something goes; null for never. */
export type RetentionDays = {
  anonymiseAfterDays: number | null
  deleteAfterDays: number | null
  /** For what a source sent, as it sent it. */
  rawAfterDays: number | null
}

/** How long the cases of a source and kind are kept; null for all of them. */
export type RetentionPolicy = RetentionDays & {
  id: number
  kind: CaseKind | null
  source: string | null
  version: number
}

export type NewRetentionPolicy = Partial<RetentionDays> & { kind?: CaseKind; source?: string }

/** All policies: the one for everything else first, the most exact ones last. */
export async function listRetentionPolicies(db: Db): Promise<RetentionPolicy[]> {
  return rows<RetentionPolicy>(
    db.pool,
    `${POLICY} order by p.source_id is not null, s.name, p.kind is not null, p.kind`,
    [],
    'list-retention-policies',
  )
}

/** Adds a policy for a kind, a source or both. Throws `validation_failed`, and `policy_exists`. */
export async function createRetentionPolicy(
  db: Db,
  client: ClientCaller,
  draft: NewRetentionPolicy,
  { key, now }: { key: string | undefined; now: Date },
): Promise<RetentionPolicy> {
  const { kind, source, anonymiseAfterDays = null, deleteAfterDays = null, rawAfterDays = null } = draft
  const days = { anonymiseAfterDays, deleteAfterDays, rawAfterDays }
  checkDays(days)
  const { id } = await once(
    db,
    client,
    { key, operation: 'createRetentionPolicy', body: draft },
    async (tx) => {
      const sourceId = source === undefined ? null : await sourceNamed(tx, source)
      const made = await row<{ id: number }>(
        tx,
        `insert into retention_policies (kind, source_id, anonymise_after_days, delete_after_days, raw_after_days, updated_at)
       values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id`,
        [kind ?? null, sourceId, anonymiseAfterDays, deleteAfterDays, rawAfterDays, now],
        'create-retention-policy',
      )
      if (made === undefined) {
        throw new DomainError('policy_exists', {
          detail: 'There is one for exactly this already: change that one.',
        })
      }
      const fields = DAYS.filter((field) => days[field] !== null)
      await recordEvents(tx, client, [{ type: 'retention.policy_changed', reason: 'created', fields }])
      return { id: made.id }
    },
  )
  const policy = await row<RetentionPolicy>(db.pool, `${POLICY} where p.id = $1`, [id])
  if (policy === undefined) throw new DomainError('not_found')
  return policy
}

/** Changes how long something is kept, from the next run on. Throws `not_found`, `version_stale` and `validation_failed`. */
export async function updateRetentionPolicy(
  db: Db,
  client: ClientCaller,
  id: number,
  changes: Partial<RetentionDays>,
  { version, now }: { version: number; now: Date },
): Promise<RetentionPolicy> {
  return inTransaction(db, async (tx) => {
    const before = await holdPolicy(tx, id)
    if (before.version !== version) {
      throw new DomainError('version_stale', {
        currentVersion: before.version,
        detail: `You sent version ${version}; it is ${before.version} now. Read it again and decide again.`,
      })
    }
    const after = { ...before, ...changes }
    checkDays(after)
    const fields = DAYS.filter((field) => after[field] !== before[field])
    if (fields.length === 0) return before
    await rows(
      tx,
      `update retention_policies set anonymise_after_days = $2, delete_after_days = $3, raw_after_days = $4,
         version = version + 1, updated_at = $5 where id = $1`,
      [id, after.anonymiseAfterDays, after.deleteAfterDays, after.rawAfterDays, now],
      'update-retention-policy',
    )
    await recordEvents(tx, client, [{ type: 'retention.policy_changed', reason: 'changed', fields }])
    return { ...after, version: version + 1 }
  })
}

/** Removes a policy; the next less exact one holds then. Throws `not_found`, and `policy_needed` for the one for everything else. */
export async function removeRetentionPolicy(db: Db, client: ClientCaller, id: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { kind, source } = await holdPolicy(tx, id)
    if (kind === null && source === null) {
      const detail = 'Everything that has no policy of its own goes by this one. Change it; null means never.'
      throw new DomainError('policy_needed', { detail })
    }
    await rows(tx, 'delete from retention_policies where id = $1', [id], 'remove-retention-policy')
    await recordEvents(tx, client, [{ type: 'retention.policy_changed', reason: 'removed' }])
  })
}

const DAYS = ['anonymiseAfterDays', 'deleteAfterDays', 'rawAfterDays'] as const

const POLICY = `
  select p.id, p.kind, s.name as source, p.anonymise_after_days as "anonymiseAfterDays",
    p.delete_after_days as "deleteAfterDays", p.raw_after_days as "rawAfterDays", p.version
  from retention_policies p left join sources s on s.id = p.source_id`

function checkDays({ anonymiseAfterDays, deleteAfterDays }: RetentionDays): void {
  if (anonymiseAfterDays === null || deleteAfterDays === null || deleteAfterDays >= anonymiseAfterDays) return
  throw invalid({
    pointer: '/deleteAfterDays',
    code: 'before_anonymising',
    detail: `What is anonymised after ${anonymiseAfterDays} days cannot be deleted before: set as many or more, or null.`,
  })
}

async function sourceNamed(tx: Tx, name: string): Promise<number> {
  const found = await row<{ id: number }>(tx, 'select id from sources where name = $1', [name])
  if (found !== undefined) return found.id
  throw invalid({
    pointer: '/source',
    code: 'unknown_source',
    detail: `There is no source "${name}"; /v1/sources lists them.`,
  })
}

async function holdPolicy(tx: Tx, id: number): Promise<RetentionPolicy> {
  const policy = await row<RetentionPolicy>(tx, `${POLICY} where p.id = $1 for no key update of p`, [id])
  if (policy !== undefined) return policy
  throw new DomainError('not_found', {
    detail: `There is no retention policy ${id}; /v1/retention-policies lists them.`,
  })
}
