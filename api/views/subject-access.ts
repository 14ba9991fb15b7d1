import type { SubjectAccess, SubjectFile } from '../../domain/subject-access.ts'
import type { Schemas } from '../contract/handler.ts'
import { staffCaseView } from './case.ts'
import { caseEventView } from './history.ts'
import { decisionView } from './moderation.ts'
import { noteView } from './note.ts'
import { notificationView } from './notification.ts'
import { objectionView } from './objection.ts'

/** Everything that is held about somebody. */
export function subjectAccessView(
  { givenAt, cases, digests, notices }: SubjectAccess,
  publicUrl: string,
  now: Date,
): Schemas['SubjectAccess'] {
  return {
    givenAt,
    cases: cases.map((file) => subjectCaseView(file, publicUrl, now)),
    digests: digests.map(({ reference, query, every, state, createdAt }) => ({
      digest: reference,
      query,
      every,
      state,
      createdAt,
    })),
    notices,
  }
}

function subjectCaseView(file: SubjectFile, publicUrl: string, now: Date): Schemas['SubjectCase'] {
  return {
    case: staffCaseView(file.seen, publicUrl, now),
    // Built by the store, with every field listed there.
    publicView: file.publicJson === null ? null : (JSON.parse(file.publicJson) as Schemas['Case']),
    decisions: file.decisions.map((decision) => decisionView(decision, true)),
    notes: file.notes.map(noteView),
    objections: file.objections.map((objection) => objectionView(objection, now)),
    events: file.events.map(caseEventView),
    pictures: file.pictures.map(({ mediaType, bytes }) => ({ mediaType, base64: bytes.toString('base64') })),
    notifications: file.notifications.map(notificationView),
    reads: file.reads.map(({ at, client, actingUser, operation }) => ({ at, client, actingUser, operation })),
    holders: file.holders,
    sourceItems: file.sourceItems.map(({ source, externalId, raw }) => ({ source, externalId, raw })),
    anonymiseAt: file.anonymiseAt,
    deleteAt: file.deleteAt,
  }
}
