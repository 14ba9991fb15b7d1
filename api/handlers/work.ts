import { createNote as createInStore, listNotes as listFromStore } from '../../domain/notes.ts'
import { answerReferral as answerInStore, refer } from '../../domain/referrals.ts'
import { updateCase as updateInStore } from '../../domain/update-case.ts'
import { staffCaseView } from '../views/case.ts'
import { noteView } from '../views/note.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const updateCase: Handle<'updateCase'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const seen = await updateInStore(db, clientOf(request), path.reference, body, { version, now })
  return { status: 200, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}

export const createReferral: Handle<'createReferral'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const seen = await refer(db, clientOf(request), path.reference, body, { key, version, now })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}

export const answerReferral: Handle<'answerReferral'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const seen = await answerInStore(db, clientOf(request), path.reference, body, { key, version, now })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}

export const createNote: Handle<'createNote'> = async (request) => {
  const { db, body, header, path, now } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const added = await createInStore(db, clientOf(request), path.reference, body, { key, version, now })
  return { status: 201, body: { note: noteView(added.note), version: added.version }, version: added.version }
}

export const listNotes: Handle<'listNotes'> = async (request) => {
  const notes = await listFromStore(request.db, clientOf(request), request.path.reference)
  return { status: 200, body: { items: notes.map(noteView), next: null } }
}
