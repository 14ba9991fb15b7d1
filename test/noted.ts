import { placeEvents } from '../domain/change-log.ts'
import { recordEvents, type Telling } from '../domain/events.ts'
import { noteNotifications } from '../domain/notifications.ts'
import { type Db, inTransaction, rows } from '../prisma/client.ts'

/** Notes whom everything that has happened is to be told, as the workers do. */
export async function noteAll(db: Db): Promise<void> {
  // Whoever places them at the same time is waited for.
  do await placeEvents(db)
  while ((await rows(db.pool, 'select 1 from events where position is null limit 1')).length > 0)
  await noteNotifications(db)
}

/** Something happens to a case of which somebody is to be told. */
export async function tellOf(
  db: Db,
  theCase: { id: number; organisationId: number },
  tells: readonly Telling[],
): Promise<void> {
  const { id: caseId, organisationId } = theCase
  await inTransaction(db, (tx) =>
    recordEvents(tx, null, [{ type: 'note.created', caseId, organisationId, tells }]),
  )
}
