import { type Db, row, rows, type Sql, type Tx, type Vault } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, type HeldCase, holdCase, nextVersion, standingFor } from './case-changes.ts'
import { nameJson, openRemark, sealRemark } from './case-rows.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import type { OrganisationName } from './organisations.ts'
import { newReference, parseReference } from './references.ts'

export type NoteDraft = { text: string; shared?: boolean }

/** An internal note; without an organisation it is the central team's. */
export type Note = {
  reference: string
  organisation: OrganisationName | null
  actingUser: string | null
  shared: boolean
  text: string
  createdAt: string
}

/** Adds a note for one's own side, the central team or the organisation, or with `shared` for both. */
export async function createNote(
  db: Db,
  client: ClientCaller,
  reference: string,
  draft: NoteDraft,
  { key, version, now }: { key: string | undefined; version: number; now: Date },
): Promise<{ note: Note; caseReference: string; version: number }> {
  const operation = `createNote ${parseReference(reference)}`
  const kept = await once(db, client, { key, operation, body: draft }, async (tx) => {
    const held = await holdCase(tx, client, reference, version, 'createNote')
    const note = await addNote(tx, client, held, { ...draft, now })
    await nextVersion(tx, held.theCase)
    await recordEvents(tx, client, [{ ...about(held.theCase), type: 'note.created', fields: ['notes'] }])
    return { note, caseReference: held.theCase.reference, version: version + 1 }
  })
  const [note] = await notesWhere(db.pool, db.vault, 'n.reference = $1', [kept.note])
  if (note === undefined) throw new Error('a note that was added is not there')
  return { ...kept, note }
}

/** The notes of a case that the caller's side wrote or others shared, oldest first; throws as `holdCase` does. */
export async function listNotes(db: Db, client: ClientCaller, reference: string): Promise<Note[]> {
  const { standing, relation } = await standingFor(db.pool, client, reference, 'listNotes')
  const ours = relation === 'provider' ? client.organisationIds : null
  const side = 'n.organisation_id = any($2::int[]) or $2::int[] is null and n.organisation_id is null'
  return notesWhere(db.pool, db.vault, `n.case_id = $1 and (n.shared or ${side})`, [standing.id, ours])
}

/** Every note of a case, oldest first, whichever side wrote it. */
export async function notesOf(db: Db, caseId: number): Promise<Note[]> {
  return notesWhere(db.pool, db.vault, 'n.case_id = $1', [caseId])
}

/** Adds a note to a held case, sealed, for the side that writes it; the caller makes the new version. */
export async function addNote(
  tx: Tx,
  client: ClientCaller,
  { theCase, relation }: HeldCase,
  { text, shared, now }: NoteDraft & { now: Date },
): Promise<string> {
  const reference = newReference()
  await row(
    tx,
    `insert into notes (reference, case_id, organisation_id, shared, text_sealed, client_id, acting_user, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      reference,
      theCase.id,
      relation === 'provider' ? theCase.organisationId : null,
      shared ?? false,
      sealRemark(tx.vault, reference, text),
      client.clientId,
      client.actingUser,
      now,
    ],
    'add-note',
  )
  return reference
}

type NoteRow = Omit<Note, 'text'> & { textSealed: string }

async function notesWhere(sql: Sql, vault: Vault, where: string, values: unknown[]): Promise<Note[]> {
  const found = await rows<NoteRow>(
    sql,
    `select n.reference, ${nameJson('o')} as organisation, n.acting_user as "actingUser", n.shared,
            n.text_sealed as "textSealed", n.created_at as "createdAt"
     from notes n left join organisations o on o.id = n.organisation_id where ${where} order by n.id`,
    values,
  )
  return found.map(({ textSealed, ...note }) => ({
    ...note,
    text: openRemark(vault, note.reference, textSealed),
  }))
}
