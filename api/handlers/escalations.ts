import { listEscalations as listFromStore } from '../../domain/escalation-list.ts'
import { answerEscalation as answerInStore, escalate } from '../../domain/escalations.ts'
import { staffCaseView } from '../views/case.ts'
import { escalationView } from '../views/escalation.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listEscalations: Handle<'listEscalations'> = async (request) => {
  const { db, query, now } = request
  const { items, next } = await listFromStore(db, clientOf(request), {
    state: query.state,
    after: query.after,
    limit: query.limit ?? 20,
  })
  return {
    status: 200,
    body: { items: items.map((one) => escalationView(one, one.caseReference, now)), next },
    next,
  }
}

export const createEscalation: Handle<'createEscalation'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const seen = await escalate(db, clientOf(request), path.reference, body, { key, version, now })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}

export const answerEscalation: Handle<'answerEscalation'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const seen = await answerInStore(db, clientOf(request), path.reference, body, { key, version, now })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}
