import { decideResponse } from '../../domain/response-moderation.ts'
import { staffCaseView } from '../views/case.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const createResponseDecision: Handle<'createResponseDecision'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const seen = await decideResponse(db, clientOf(request), path, body, {
    key: header['Idempotency-Key'],
    version: versionIn(header['If-Match']),
  })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}
