import {
  createTest,
  getDelivery as getDeliveryFromStore,
  listDeliveries as listDeliveriesInStore,
  redeliver,
} from '../../domain/deliveries.ts'
import { ownSubscription } from '../../domain/subscription-rows.ts'
import {
  listSubscriptionSecrets as listSecretsInStore,
  rotateSubscriptionSecret,
} from '../../domain/subscription-secrets.ts'
import {
  createSubscription as createInStore,
  endSubscription as endInStore,
  listSubscriptions as listInStore,
  updateSubscription as updateInStore,
} from '../../domain/subscriptions.ts'
import {
  createdSubscriptionSecretView,
  createdSubscriptionView,
  deliveryView,
  deliveryWithAttemptsView,
  subscriptionSecretView,
  subscriptionView,
} from '../views/subscription.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listSubscriptions: Handle<'listSubscriptions'> = async (request) => {
  const { after, limit = 20 } = request.query
  const { items, next } = await listInStore(request.db, clientOf(request), { after, limit })
  return { status: 200, body: { items: items.map(subscriptionView), next }, next }
}

export const createSubscription: Handle<'createSubscription'> = async (request) => {
  const { db, body, now } = request
  const { subscription, secret } = await createInStore(db, clientOf(request), body, now)
  return {
    status: 201,
    body: createdSubscriptionView(subscription, secret),
    location: `/v1/subscriptions/${subscription.reference}`,
    version: subscription.version,
  }
}

export const getSubscription: Handle<'getSubscription'> = async (request) => {
  const subscription = await ownSubscription(request.db, clientOf(request), request.path.subscription)
  return { status: 200, body: subscriptionView(subscription), version: subscription.version }
}

export const updateSubscription: Handle<'updateSubscription'> = async (request) => {
  const { db, body, header, path, now } = request
  const version = versionIn(header['If-Match'])
  const subscription = await updateInStore(db, clientOf(request), path.subscription, body, { version, now })
  return { status: 200, body: subscriptionView(subscription), version: subscription.version }
}

export const endSubscription: Handle<'endSubscription'> = async (request) => {
  const { db, path, now } = request
  await endInStore(db, clientOf(request), path.subscription, now)
  return { status: 204, body: undefined }
}

export const listSubscriptionSecrets: Handle<'listSubscriptionSecrets'> = async (request) => {
  const { db, path, now } = request
  const secrets = await listSecretsInStore(db, clientOf(request), path.subscription, now)
  return { status: 200, body: { items: secrets.map(subscriptionSecretView), next: null } }
}

export const createSubscriptionSecret: Handle<'createSubscriptionSecret'> = async (request) => {
  const { db, body, path, now } = request
  const secret = await rotateSubscriptionSecret(db, clientOf(request), path.subscription, body, now)
  return { status: 201, body: createdSubscriptionSecretView(secret) }
}

export const createSubscriptionTest: Handle<'createSubscriptionTest'> = async (request) => {
  const { db, header, path, now } = request
  const key = header['Idempotency-Key']
  const delivery = await createTest(db, clientOf(request), path.subscription, { key, now })
  return {
    status: 202,
    body: deliveryView(delivery),
    location: `/v1/subscriptions/${path.subscription}/deliveries/${delivery.reference}`,
  }
}

export const listDeliveries: Handle<'listDeliveries'> = async (request) => {
  const { db, path, query } = request
  const { state, after, limit = 20 } = query
  const wanted = { state, case: query.case, after, limit }
  const { items, next } = await listDeliveriesInStore(db, clientOf(request), path.subscription, wanted)
  return { status: 200, body: { items: items.map(deliveryView), next }, next }
}

export const getDelivery: Handle<'getDelivery'> = async (request) => {
  const { db, path } = request
  const delivery = await getDeliveryFromStore(db, clientOf(request), path.subscription, path.delivery)
  return { status: 200, body: deliveryWithAttemptsView(delivery) }
}

export const createRedeliveries: Handle<'createRedeliveries'> = async (request) => {
  const { db, body, header, path, now } = request
  const key = header['Idempotency-Key']
  const count = await redeliver(db, clientOf(request), path.subscription, body, { key, now })
  return { status: 202, body: { count } }
}
