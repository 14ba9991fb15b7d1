import {
  createLegalHold as createHoldInStore,
  endLegalHold as endHoldInStore,
  listLegalHolds as listHoldsFromStore,
} from '../../domain/legal-holds.ts'
import {
  createRetentionPolicy as createPolicyInStore,
  listRetentionPolicies as listPoliciesFromStore,
  removeRetentionPolicy as removePolicyFromStore,
  updateRetentionPolicy as updatePolicyInStore,
} from '../../domain/retention-policies.ts'
import {
  askRetentionRun,
  getRetentionRun as getRunFromStore,
  listRetentionRuns as listRunsFromStore,
} from '../../domain/retention-runs.ts'
import { legalHoldView, retentionPolicyView, retentionRunView } from '../views/retention.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listRetentionPolicies: Handle<'listRetentionPolicies'> = async ({ db }) => {
  const policies = await listPoliciesFromStore(db)
  return { status: 200, body: { items: policies.map(retentionPolicyView), next: null } }
}

export const createRetentionPolicy: Handle<'createRetentionPolicy'> = async (request) => {
  const { db, body, header, now } = request
  const policy = await createPolicyInStore(db, clientOf(request), body, {
    key: header['Idempotency-Key'],
    now,
  })
  return { status: 201, body: retentionPolicyView(policy), version: policy.version }
}

export const updateRetentionPolicy: Handle<'updateRetentionPolicy'> = async (request) => {
  const { db, body, header, path, now } = request
  const version = versionIn(header['If-Match'])
  const policy = await updatePolicyInStore(db, clientOf(request), path.retentionPolicy, body, {
    version,
    now,
  })
  return { status: 200, body: retentionPolicyView(policy), version: policy.version }
}

export const removeRetentionPolicy: Handle<'removeRetentionPolicy'> = async (request) => {
  await removePolicyFromStore(request.db, clientOf(request), request.path.retentionPolicy)
  return { status: 204, body: undefined }
}

export const createRetentionRun: Handle<'createRetentionRun'> = async (request) => {
  const { db, body, header, now } = request
  const run = await askRetentionRun(db, clientOf(request), body, { key: header['Idempotency-Key'], now })
  return { status: 202, body: retentionRunView(run), location: `/v1/retention-runs/${run.reference}` }
}

export const listRetentionRuns: Handle<'listRetentionRuns'> = async ({ db, query }) => {
  const { items, next } = await listRunsFromStore(db, { after: query.after, limit: query.limit ?? 20 })
  return { status: 200, body: { items: items.map(retentionRunView), next }, next }
}

export const getRetentionRun: Handle<'getRetentionRun'> = async ({ db, path }) => {
  const run = await getRunFromStore(db, path.retentionRun)
  return { status: 200, body: retentionRunView(run) }
}

export const listLegalHolds: Handle<'listLegalHolds'> = async ({ db, query }) => {
  const { items, next } = await listHoldsFromStore(db, { after: query.after, limit: query.limit ?? 20 })
  return { status: 200, body: { items: items.map(legalHoldView), next }, next }
}

export const createLegalHold: Handle<'createLegalHold'> = async (request) => {
  const { db, body, header, now } = request
  const hold = await createHoldInStore(db, clientOf(request), body, { key: header['Idempotency-Key'], now })
  return { status: 201, body: legalHoldView(hold) }
}

export const endLegalHold: Handle<'endLegalHold'> = async (request) => {
  const hold = await endHoldInStore(request.db, clientOf(request), request.path.hold, request.now)
  return { status: 200, body: legalHoldView(hold) }
}
