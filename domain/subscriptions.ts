import {
  type Db,
  inTransaction,
  type QueryView,
  row,
  rows,
  type SubscriptionState,
  type Tx,
} from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { logEnd } from './change-log.ts'
import { holdClient } from './client-rows.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { LEASE_MS } from './delivery-plan.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { newReference } from './references.ts'
import { heldQueryNamed } from './saved-queries.ts'
import { endHeld } from './subscription-ends.ts'
import {
  type HeldSubscription,
  holdLiveSubscription,
  holdOwnSubscription,
  noticePlace,
  ownSubscription,
  type SubscriptionDetail,
  subscriptionsAfter,
  urlPlace,
} from './subscription-rows.ts'
import { MOST_SUBSCRIPTIONS, typeProblems, urlProblems, viewProblems } from './subscription-rules.ts'
import { insertSecret } from './subscription-secrets.ts'

/** A subscription to be made. */
export type SubscriptionDraft = {
  url: string
  description?: string | undefined
  view?: QueryView | undefined
  /** The reference of a saved query. */
  query?: string | undefined
  types?: readonly string[] | undefined
  noticeEmail?: string | undefined
}

/** What to change: absent means leave, null means clear. */
export type SubscriptionChange = {
  url?: string | undefined
  description?: string | null | undefined
  query?: string | null | undefined
  types?: readonly string[] | undefined
  noticeEmail?: string | null | undefined
  state?: Exclude<SubscriptionState, 'ended'> | undefined
}

/** A page of the client's own, oldest first, the ended ones too. */
export async function listSubscriptions(
  db: Db,
  client: ClientCaller,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<SubscriptionDetail>> {
  const cursor = readCursor(after, ['number'])
  const found = await subscriptionsAfter(db, client, cursor?.[0] ?? 0, limit + 1)
  return pageOf(found, limit, (last) => [last.id])
}

/**
 * Subscribes an address to what happens from now on. The secret is returned here and never shown again. Throws
 * `validation_failed` at the field, and `too_many_subscriptions`.
 */
export async function createSubscription(
  db: Db,
  client: ClientCaller,
  draft: SubscriptionDraft,
  now: Date,
): Promise<{ subscription: SubscriptionDetail; secret: string }> {
  const { url, view = 'public', query, types = [], noticeEmail } = draft
  refuse([...urlProblems(url), ...typeProblems(view, types), ...viewProblems(client, view, '/view')])
  const reference = newReference()
  const secret = await inTransaction(db, async (tx) => {
    await refuseTooMany(tx, client)
    const created = await row<{ id: number }>(
      tx,
      `insert into subscriptions (reference, client_id, description, url_sealed, view, query_id, types, notice_sealed, position,
         created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) returning id`,
      [
        reference,
        client.clientId,
        draft.description ?? null,
        tx.vault.seal(urlPlace(reference), url),
        view,
        query === undefined ? null : await queryFor(tx, client, view, query),
        types,
        noticeEmail === undefined ? null : tx.vault.seal(noticePlace(reference), noticeEmail),
        await logEnd(tx),
        now,
      ],
    )
    const { id } = created as { id: number }
    await recordEvents(tx, client, [{ type: 'subscription.created', aboutClientId: client.clientId }])
    return (await insertSecret(tx, id, now)).secret
  })
  return { subscription: await ownSubscription(db, client, reference), secret }
}

/**
 * Changes, pauses or resumes a subscription. Throws `version_stale` when it has changed since `version`,
 * `subscription_ended`, `not_found`, and `validation_failed` at the field.
 */
export async function updateSubscription(
  db: Db,
  client: ClientCaller,
  reference: string,
  change: SubscriptionChange,
  { version, now }: { version: number; now: Date },
): Promise<SubscriptionDetail> {
  await inTransaction(db, async (tx) => {
    const held = await holdLiveSubscription(tx, client, reference)
    if (held.version !== version) {
      throw new DomainError('version_stale', {
        currentVersion: held.version,
        detail: `You sent version ${version}; it is ${held.version} now. Read it again and decide again.`,
      })
    }
    const { url, types = [] } = change
    refuse([
      ...(url === undefined ? [] : [...urlProblems(url), ...viewProblems(client, held.view, '/url')]),
      ...typeProblems(held.view, types),
    ])
    await writeChange(tx, client, held, change, now)
    const paused = change.state === 'paused' && held.state === 'active'
    const fields = Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name]))
    await recordEvents(tx, client, [
      { type: 'subscription.changed', aboutClientId: held.clientId, fields },
      ...(paused
        ? [{ type: 'subscription.paused', aboutClientId: held.clientId, reason: 'asked' } as const]
        : []),
    ])
  })
  return ownSubscription(db, client, reference)
}

/** Ends a subscription; what waits is cancelled. A second time changes nothing. Throws `not_found`. */
export async function endSubscription(
  db: Db,
  client: ClientCaller,
  reference: string,
  now: Date,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const held = await holdOwnSubscription(tx, client, reference)
    await endHeld(tx, client, held, 'asked', now)
  })
}

async function writeChange(
  tx: Tx,
  client: ClientCaller,
  { id, reference, view, state }: HeldSubscription,
  change: SubscriptionChange,
  now: Date,
): Promise<void> {
  const { url, query, noticeEmail } = change
  const after = change.state ?? state
  // Another address has not failed yet, and whoever resumes has mended the old one.
  const anew = url !== undefined || (after === 'active' && state === 'paused')
  await rows(
    tx,
    `update subscriptions set url_sealed = coalesce($2, url_sealed), description = case when $3 then $4 else description end,
       query_id = case when $5 then $6::int else query_id end, types = coalesce($7, types),
       notice_sealed = case when $8 then $9 else notice_sealed end, state = $10::subscription_state,
       state_reason = case when $10::subscription_state = state then state_reason
         when $10::subscription_state = 'paused' then 'asked' end,
       failing_since = case when not $11 then failing_since end, version = version + 1, updated_at = $12
     where id = $1`,
    [
      id,
      url === undefined ? null : tx.vault.seal(urlPlace(reference), url),
      change.description !== undefined,
      change.description ?? null,
      query !== undefined,
      query == null ? null : await queryFor(tx, client, view, query),
      change.types ?? null,
      noticeEmail !== undefined,
      noticeEmail == null ? null : tx.vault.seal(noticePlace(reference), noticeEmail),
      after,
      anew,
      now,
    ],
  )
  if (anew) await tryAnew(tx, id, now)
}

// What is on its way this very moment is nearer than the end of its lease, and is left to whoever sends it.
async function tryAnew(tx: Tx, subscriptionId: number, now: Date): Promise<void> {
  await rows(
    tx,
    `update deliveries set attempts = 0, next_attempt_at = $2
     where subscription_id = $1 and state = 'waiting' and next_attempt_at > $3`,
    [subscriptionId, now, new Date(now.getTime() + LEASE_MS)],
  )
}

async function queryFor(tx: Tx, client: ClientCaller, view: QueryView, reference: string): Promise<number> {
  const query = await heldQueryNamed(tx, client, reference)
  if (view === 'mine' || query.view === 'public') return query.id
  throw invalid({
    pointer: '/query',
    code: 'needs_own_view',
    detail: 'This query selects by what only you see; subscribe with view=mine.',
  })
}

async function refuseTooMany(tx: Tx, { clientId }: ClientCaller): Promise<void> {
  await holdClient(tx, clientId)
  const found = await row<{ n: number }>(
    tx,
    `select count(*)::int as n from subscriptions where client_id = $1 and state <> 'ended'`,
    [clientId],
  )
  if ((found?.n ?? 0) < MOST_SUBSCRIPTIONS) return
  throw new DomainError('too_many_subscriptions', {
    detail: `A client has at most ${MOST_SUBSCRIPTIONS} subscriptions; end one first.`,
  })
}

function refuse(problems: Parameters<typeof invalid>): void {
  if (problems.length > 0) throw invalid(...problems)
}
