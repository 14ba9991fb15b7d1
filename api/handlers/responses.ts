import { getResponses } from '../../domain/cases.ts'
import { respond } from '../../domain/responses.ts'
import { staffCaseView } from '../views/case.ts'
import { responsesIn, responseView } from '../views/response.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listResponses: Handle<'listResponses'> = async ({ db, caller, path }) => {
  const { responses, view } = await getResponses(db, caller, path.reference)
  return { status: 200, body: { items: responsesIn(responses, view), next: null } }
}

export const createResponse: Handle<'createResponse'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const { seen, response } = await respond(db, clientOf(request), path.reference, body, {
    key: header['Idempotency-Key'],
    version,
    now,
  })
  return {
    status: 201,
    body: { response: responseView(response), case: staffCaseView(seen, publicUrl, now) },
    location: `/v1/cases/${seen.theCase.reference}/responses`,
    version: seen.theCase.version,
  }
}
