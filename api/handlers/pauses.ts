import { pause, resume } from '../../domain/pauses.ts'
import { staffCaseView } from '../views/case.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const createPause: Handle<'createPause'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const seen = await pause(db, clientOf(request), path.reference, body, { key, version, now })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}

export const endPause: Handle<'endPause'> = async (request) => {
  const { db, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const seen = await resume(db, clientOf(request), path.reference, { version, now })
  return { status: 200, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}
