import { listPolicies as listFromStore, updatePolicy as updateInStore } from '../../domain/policies.ts'
import { policyView } from '../views/policy.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listPolicies: Handle<'listPolicies'> = async ({ db }) => {
  const policies = await listFromStore(db)
  return { status: 200, body: { items: policies.map(policyView), next: null } }
}

export const updatePolicy: Handle<'updatePolicy'> = async (request) => {
  const { db, body, header, path, now } = request
  const version = versionIn(header['If-Match'])
  const policy = await updateInStore(db, clientOf(request), path.policy, body, { version, now })
  return { status: 200, body: policyView(policy), version: policy.version }
}
