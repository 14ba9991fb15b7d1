import type { DeliveryAttemptRow, DeliveryRow } from '../../domain/deliveries.ts'
import type { SubscriptionDetail } from '../../domain/subscription-rows.ts'
import type { SubscriptionSecret } from '../../domain/subscription-secrets.ts'
import type { Schemas } from '../contract/handler.ts'

/** A subscription on the wire; of its address neither query nor what else may be a key. */
export function subscriptionView(subscription: SubscriptionDetail): Schemas['Subscription'] {
  return {
    id: subscription.reference,
    url: withoutQuery(subscription.url),
    description: subscription.description,
    view: subscription.view,
    query: subscription.query,
    types: subscription.types as Schemas['EventTypeName'][],
    notice: subscription.notice,
    state: subscription.state,
    stateReason: subscription.stateReason,
    after: String(subscription.position),
    waiting: subscription.waiting,
    failingSince: subscription.failingSince,
    version: subscription.version,
    createdAt: subscription.createdAt,
    updatedAt: subscription.updatedAt,
  }
}

/** A new subscription on the wire, with its secret this once. */
export function createdSubscriptionView(
  subscription: SubscriptionDetail,
  secret: string,
): Schemas['CreatedSubscription'] {
  return { ...subscriptionView(subscription), secret }
}

/** A secret on the wire, without itself. */
export function subscriptionSecretView(secret: SubscriptionSecret): Schemas['SubscriptionSecret'] {
  return { id: secret.reference, createdAt: secret.createdAt, expiresAt: secret.expiresAt }
}

/** A secret on the wire, this once. */
export function createdSubscriptionSecretView(
  secret: SubscriptionSecret & { secret: string },
): Schemas['CreatedSubscriptionSecret'] {
  return { ...subscriptionSecretView(secret), secret: secret.secret }
}

/** A delivery on the wire. */
export function deliveryView(delivery: DeliveryRow): Schemas['Delivery'] {
  return {
    id: delivery.reference,
    event: delivery.position === null ? null : String(delivery.position),
    type: delivery.type,
    case: delivery.caseReference,
    gone: delivery.gone,
    state: delivery.state,
    attempts: delivery.attempts,
    nextAttemptAt: delivery.state === 'waiting' ? delivery.nextAttemptAt : null,
    createdAt: delivery.createdAt,
    settledAt: delivery.settledAt,
  }
}

/** A delivery on the wire with what became of it. */
export function deliveryWithAttemptsView(
  delivery: DeliveryRow & { log: DeliveryAttemptRow[] },
): Schemas['DeliveryWithAttempts'] {
  return { ...deliveryView(delivery), log: delivery.log.map(attemptView) }
}

function attemptView(attempt: DeliveryAttemptRow): Schemas['DeliveryAttempt'] {
  return {
    at: attempt.at,
    milliseconds: attempt.milliseconds,
    status: attempt.status,
    problem: attempt.problem,
    answer: attempt.answer,
  }
}

function withoutQuery(address: string): string {
  const { origin, pathname, search } = new URL(address)
  return `${origin}${pathname}${search === '' ? '' : '?…'}`
}
