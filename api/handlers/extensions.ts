import {
  answerExtension as answerInStore,
  createExtension as createInStore,
} from '../../domain/extensions.ts'
import { reporterCaseView, staffCaseView } from '../views/case.ts'
import { clientOf, type Handle, reporterOf, versionIn } from './context.ts'

export const createExtension: Handle<'createExtension'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const seen = await createInStore(db, clientOf(request), path.reference, body, { key, version, now })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}

export const answerExtension: Handle<'answerExtension'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const key = header['Idempotency-Key']
  const seen = await answerInStore(db, reporterOf(request), path.reference, body, { key, now })
  return { status: 201, body: reporterCaseView(seen, publicUrl), version: seen.theCase.version }
}
