import type { Note } from '../../domain/notes.ts'
import type { Schemas } from '../contract/handler.ts'

/** An internal note, for those who may read it. */
export function noteView({
  reference,
  organisation,
  actingUser,
  shared,
  text,
  createdAt,
}: Note): Schemas['Note'] {
  return { note: reference, organisation, actingUser, shared, text, at: createdAt }
}
