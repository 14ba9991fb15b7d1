import { claimCase, endClaim as endClaimInStore } from '../../domain/claims.ts'
import { listDecisions as listDecisionsInStore } from '../../domain/decisions.ts'
import { decide } from '../../domain/moderation.ts'
import { listQueue as listQueueInStore } from '../../domain/queue.ts'
import { decideSeveral } from '../../domain/several-decisions.ts'
import { staffCaseView } from '../views/case.ts'
import { decisionView, doneView, notDoneView, queueItemView } from '../views/moderation.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listDecisions: Handle<'listDecisions'> = async ({ db, caller, path }) => {
  const { full, decisions } = await listDecisionsInStore(db, caller, path.reference)
  return {
    status: 200,
    body: { items: decisions.map((decision) => decisionView(decision, full)), next: null },
  }
}

export const createDecision: Handle<'createDecision'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const seen = await decide(db, clientOf(request), path.reference, body, {
    key: header['Idempotency-Key'],
    version,
    now,
  })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}

export const createDecisions: Handle<'createDecisions'> = async (request) => {
  const { db, body, header, now, publicUrl, problemFrom } = request
  const results = await decideSeveral(db, clientOf(request), body.decisions, {
    key: header['Idempotency-Key'],
    now,
  })
  const items = results.map((result) =>
    'seen' in result
      ? doneView(result.reference, result.seen, publicUrl, now)
      : notDoneView(result.reference, problemFrom(result.error)),
  )
  return { status: 200, body: { items } }
}

export const listQueue: Handle<'listQueue'> = async (request) => {
  const { db, query, now, publicUrl } = request
  const { after, limit = 20, ...filter } = query
  const { items, next } = await listQueueInStore(db, clientOf(request), { filter, after, limit })
  return {
    status: 200,
    body: { items: items.map((item) => queueItemView(item, publicUrl, now)), next },
    next,
  }
}

export const createClaim: Handle<'createClaim'> = async (request) => {
  const { minutes = 15 } = request.body
  const { actingUser, until } = await claimCase(
    request.db,
    clientOf(request),
    request.path.reference,
    minutes,
  )
  return { status: 201, body: { actingUser, until } }
}

export const endClaim: Handle<'endClaim'> = async (request) => {
  await endClaimInStore(request.db, clientOf(request), request.path.reference)
  return { status: 204, body: undefined }
}
