import {
  type Db,
  type QueryView,
  row,
  rows,
  type Sql,
  type SubscriptionState,
  type Tx,
  type Vault,
} from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { parseReference } from './references.ts'

/** A subscription as its client sees it; its secrets are apart. */
export type SubscriptionDetail = {
  id: number
  reference: string
  url: string
  description: string | null
  view: QueryView
  /** The reference of the saved query that selects its cases. */
  query: string | null
  /** All of its view when empty. */
  types: string[]
  /** Somebody is told when it is paused. */
  notice: boolean
  state: SubscriptionState
  stateReason: string | null
  /** Every line of the log up to it has been looked at. */
  position: number
  /** So many deliveries wait. */
  waiting: number
  failingSince: string | null
  version: number
  createdAt: string
  updatedAt: string
}

/** A subscription whose row is held, so that whatever changes it waits. */
export type HeldSubscription = {
  id: number
  reference: string
  clientId: number
  view: QueryView
  state: SubscriptionState
  failingSince: string | null
  notice: boolean
  version: number
}

/** A subscription of the client's own; throws `not_found`, the same for another's and for one that is not there. */
export async function ownSubscription(
  db: Pick<Db, 'pool' | 'vault'>,
  client: ClientCaller,
  reference: string,
): Promise<SubscriptionDetail> {
  const found = await row<SubscriptionRow>(
    db.pool,
    `${SUBSCRIPTION} where s.client_id = $1 and s.reference = $2`,
    [client.clientId, parseReference(reference) ?? ''],
    'own-subscription',
  )
  if (found === undefined) throw unknownSubscription()
  return opened(db.vault, found)
}

/** The subscriptions of a client after this number, oldest first. */
export async function subscriptionsAfter(
  db: Pick<Db, 'pool' | 'vault'>,
  client: ClientCaller,
  after: number,
  limit: number,
): Promise<SubscriptionDetail[]> {
  const found = await rows<SubscriptionRow>(
    db.pool,
    `${SUBSCRIPTION} where s.client_id = $1 and s.id > $2 order by s.id limit $3`,
    [client.clientId, after, limit],
    'subscriptions-after',
  )
  return found.map((one) => opened(db.vault, one))
}

/** Holds a subscription of the client's own until the transaction ends; throws as `ownSubscription` does. */
export async function holdOwnSubscription(
  tx: Tx,
  client: ClientCaller,
  reference: string,
): Promise<HeldSubscription> {
  const held = await row<HeldSubscription>(
    tx,
    `${HELD} where client_id = $1 and reference = $2 for no key update`,
    [client.clientId, parseReference(reference) ?? ''],
    'hold-own-subscription',
  )
  if (held === undefined) throw unknownSubscription()
  return held
}

/** The same of one that has not ended; throws `subscription_ended` too. */
export async function holdLiveSubscription(
  tx: Tx,
  client: ClientCaller,
  reference: string,
): Promise<HeldSubscription> {
  const held = await holdOwnSubscription(tx, client, reference)
  if (held.state !== 'ended') return held
  throw new DomainError('subscription_ended', { detail: 'It has ended, and stays so; make another.' })
}

/** Holds a subscription by its key, for whoever works for it. */
export async function holdSubscription(tx: Tx, id: number): Promise<HeldSubscription | undefined> {
  return row<HeldSubscription>(tx, `${HELD} where id = $1 for no key update`, [id], 'hold-subscription')
}

/**
 * Forgets an address that is told when a subscription is paused, in all subscriptions of `clients` (a condition on the
 * client `k`); whose those were.
 */
export async function forgetNotices(
  tx: Tx,
  isTheirs: (address: string) => boolean,
  clients: string,
  now: Date,
): Promise<{ clientId: number }[]> {
  const theirs = await noticesTo({ sql: tx, vault: tx.vault }, isTheirs, clients, 'for no key update of s')
  if (theirs.length === 0) return []
  return rows<{ clientId: number }>(
    tx,
    `update subscriptions set notice_sealed = null, version = version + 1, updated_at = $2
     where id = any($1::int[]) returning client_id as "clientId"`,
    [theirs.map(({ id }) => id), now],
  )
}

/** The subscriptions of `clients` that tell an address when they are paused. */
export async function noticesTo(
  { sql, vault }: { sql: Sql; vault: Vault },
  isTheirs: (address: string) => boolean,
  clients: string,
  lock: 'for no key update of s' | '' = '',
): Promise<{ id: number; reference: string }[]> {
  const kept = await rows<{ id: number; reference: string; noticeSealed: string }>(
    sql,
    `select s.id, s.reference, s.notice_sealed as "noticeSealed" from subscriptions s join api_clients k on k.id = s.client_id
     where s.notice_sealed is not null and ${clients} order by s.id ${lock}`,
  )
  return kept.filter(({ reference, noticeSealed }) =>
    isTheirs(vault.open(noticePlace(reference), noticeSealed)),
  )
}

/** Where the address of a subscription is sealed, and whom to tell when it is paused. */
export function urlPlace(reference: string): string {
  return `subscriptions.url_sealed:${reference}`
}
export function noticePlace(reference: string): string {
  return `subscriptions.notice_sealed:${reference}`
}

type SubscriptionRow = Omit<SubscriptionDetail, 'url'> & { urlSealed: string }

const SUBSCRIPTION = `
  select s.id, s.reference, s.url_sealed as "urlSealed", s.description, s.view, q.reference as query, s.types,
    s.notice_sealed is not null as notice, s.state, s.state_reason as "stateReason", s.position,
    (select count(*)::int from deliveries d where d.subscription_id = s.id and d.state = 'waiting') as waiting,
    s.failing_since as "failingSince", s.version, s.created_at as "createdAt", s.updated_at as "updatedAt"
  from subscriptions s left join saved_queries q on q.id = s.query_id`

const HELD = `
  select id, reference, client_id as "clientId", view, state, failing_since as "failingSince",
    notice_sealed is not null as notice, version
  from subscriptions`

function opened(vault: Vault, { urlSealed, ...subscription }: SubscriptionRow): SubscriptionDetail {
  return { ...subscription, url: vault.open(urlPlace(subscription.reference), urlSealed) }
}

function unknownSubscription(): DomainError {
  return new DomainError('not_found', { detail: 'Your client has no such subscription.' })
}
