import {
  type Db,
  type NotificationKind,
  type NotificationState,
  row,
  rows,
  type Sql,
  type Tx,
} from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { parseReference } from './references.ts'
import { type Conditions, conditionsFrom } from './sql-conditions.ts'

/** A notification as those see it who run the service: neither whom it goes to, nor what it says. */
export type ListedNotification = {
  id: number
  kind: NotificationKind
  /** Reference of the case. */
  case: string | null
  /** Code of the organisation. */
  organisation: string | null
  state: NotificationState
  attempts: number
  problem: string | null
  /** Only of one that waits. */
  nextAttemptAt: string | null
  createdAt: string
  sentAt: string | null
}

export type NotificationFilter = {
  state?: readonly NotificationState[] | undefined
  kind?: readonly NotificationKind[] | undefined
  /** Reference of a case; nothing is about one that is none. */
  case?: string | undefined
}

/** What was told and what could not be, newest first. Throws `validation_failed` for a cursor that is none of ours. */
export async function listNotifications(
  db: Db,
  filter: NotificationFilter,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<ListedNotification>> {
  const cursor = readCursor(after, ['number'])
  const { sql, values } = conditionsOf(filter, cursor?.[0])
  const found = await rows<ListedNotification>(
    db.pool,
    `${LISTED} ${sql.length > 0 ? `where ${sql.join(' and ')}` : ''} order by n.id desc limit $1`,
    [limit + 1, ...values],
  )
  return pageOf(found, limit, (last) => [last.id])
}

/** Everything that was, or was to be, told of a case, oldest first. */
export async function notificationsOf(db: Db, caseId: number): Promise<ListedNotification[]> {
  return rows<ListedNotification>(db.pool, `${LISTED} where n.case_id = $1 order by n.id`, [caseId])
}

/**
 * Has one that failed, or that there was nobody for, told once more, with all its attempts and to whoever it is for now.
 * Throws `not_found`, and `notification_not_failed` for one that waits or was sent.
 */
export async function retryNotification(
  db: Db,
  client: ClientCaller,
  id: number,
  { key, now }: { key: string | undefined; now: Date },
): Promise<ListedNotification> {
  const operation = `createNotificationRetry ${id}`
  await once(db, client, { key, operation, body: null }, async (tx) => {
    const held = await holdNotification(tx, id)
    if (held.state !== 'failed' && held.state !== 'dropped') {
      const detail = held.state === 'sent' ? 'It was sent.' : 'It waits to be sent.'
      throw new DomainError('notification_not_failed', { detail })
    }
    await rows(
      tx,
      `update notifications set state = 'waiting', attempts = 0, next_attempt_at = $2, provider_id = null where id = $1`,
      [id, now],
      'retry-notification',
    )
    await recordEvents(tx, client, [{ ...held.about, type: 'notification.retried', reason: held.kind }])
    return { id }
  })
  const listed = await findListed(db.pool, id)
  if (listed === undefined) throw new DomainError('not_found')
  return listed
}

function conditionsOf(
  { state, kind, case: typed }: NotificationFilter,
  before: number | undefined,
): Conditions {
  const { conditions, add } = conditionsFrom(2)
  // One state alone is read in the order of its index.
  const [only, another] = state ?? []
  if (only !== undefined && another === undefined) add((one) => `n.state = ${one}::notification_state`, only)
  else if (only !== undefined) add((all) => `n.state = any(${all}::notification_state[])`, state)
  if (kind?.length) add((all) => `n.kind = any(${all}::notification_kind[])`, kind)
  if (typed !== undefined)
    add((one) => `n.case_id = (select id from cases where reference = ${one})`, parseReference(typed))
  if (before !== undefined) add((one) => `n.id < ${one}::bigint`, before)
  return conditions
}

const LISTED = `
  select n.id, n.kind, c.reference as "case", o.code as organisation, n.state, n.attempts, n.problem,
    case when n.state = 'waiting' then n.next_attempt_at end as "nextAttemptAt", n.created_at as "createdAt", n.sent_at as "sentAt"
  from notifications n left join cases c on c.id = n.case_id left join organisations o on o.id = n.organisation_id`

async function findListed(sql: Sql, id: number): Promise<ListedNotification | undefined> {
  return row<ListedNotification>(sql, `${LISTED} where n.id = $1`, [id], 'listed-notification')
}

type HeldNotification = {
  kind: NotificationKind
  state: NotificationState
  /** What its events are about. */
  about: { caseId?: number; caseReference?: string; organisationId?: number }
}

// The case first: its events are numbered in the order of its changes.
async function holdNotification(tx: Tx, id: number): Promise<HeldNotification> {
  const aboutCase = await row<{ id: number; reference: string; organisationId: number }>(
    tx,
    `select c.id, c.reference, c.organisation_id as "organisationId" from cases c
     where c.id = (select case_id from notifications where id = $1) for no key update`,
    [id],
    'hold-notified-case',
  )
  const held = await row<{ kind: NotificationKind; state: NotificationState; organisationId: number | null }>(
    tx,
    `select kind, state, organisation_id as "organisationId" from notifications where id = $1 for update`,
    [id],
    'hold-notification',
  )
  if (held === undefined) throw new DomainError('not_found')
  const { kind, state, organisationId } = held
  if (aboutCase === undefined)
    return { kind, state, about: organisationId === null ? {} : { organisationId } }
  const { reference: caseReference, ...place } = aboutCase
  return { kind, state, about: { caseId: place.id, caseReference, organisationId: place.organisationId } }
}
