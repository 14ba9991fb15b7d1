import { listObjections } from '../../domain/objections.ts'
import { decideRemoval as decide, requestRemoval } from '../../domain/removal-requests.ts'
import { reportCase } from '../../domain/reports.ts'
import { objectionView, receivedReportView } from '../views/objection.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const createReport: Handle<'createReport'> = async ({ db, body, path, now }) => {
  const received = await reportCase(db, path.reference, body, now)
  return { status: 201, body: receivedReportView(received) }
}

export const listReports: Handle<'listReports'> = async (request) => {
  const { db, query, now } = request
  const { items, next } = await listObjections(db, clientOf(request), 'report', {
    state: query.state ?? 'open',
    after: query.after,
    limit: query.limit ?? 20,
  })
  return { status: 200, body: { items: items.map((one) => objectionView(one, now)), next }, next }
}

export const createRemovalRequest: Handle<'createRemovalRequest'> = async (request) => {
  const { db, body, header, path, now } = request
  const objection = await requestRemoval(db, clientOf(request), path.reference, body, {
    key: header['Idempotency-Key'],
    version: versionIn(header['If-Match']),
    now,
  })
  return { status: 201, body: objectionView(objection, now) }
}

export const listRemovalRequests: Handle<'listRemovalRequests'> = async (request) => {
  const { db, query, now } = request
  const { items, next } = await listObjections(db, clientOf(request), 'removal_request', {
    state: query.state ?? 'open',
    after: query.after,
    limit: query.limit ?? 20,
  })
  return { status: 200, body: { items: items.map((one) => objectionView(one, now)), next }, next }
}

export const decideRemoval: Handle<'decideRemoval'> = async (request) => {
  const { db, body, header, path, now } = request
  const objection = await decide(db, clientOf(request), path.request, body, {
    key: header['Idempotency-Key'],
    now,
  })
  return { status: 201, body: objectionView(objection, now) }
}
