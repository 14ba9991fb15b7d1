import { seenCaseView } from '../api/views/case.ts'
import { logEventView } from '../api/views/log-event.ts'
import { noteAccess } from '../domain/accesses.ts'
import { staffRoles } from '../domain/callers.ts'
import { getCase } from '../domain/cases.ts'
import { TEST_TYPE } from '../domain/deliveries.ts'
import type { ClaimedDelivery } from '../domain/delivery-claims.ts'
import { DomainError } from '../domain/errors.ts'
import { type LogReader, readLine } from '../domain/log-lines.ts'
import { getPublicCase } from '../domain/public-cases.ts'
import { waitingRecall } from '../domain/recalls.ts'
import type { WebhookContext } from './webhook-context.ts'

type Context = Pick<WebhookContext, 'db' | 'now' | 'publicUrl'>

/** What a delivery says: its body, and the reference of the recall that it tells of. */
export type WebhookBody = { bytes: Buffer; recall: string | null }

/**
 * The body of a delivery (`WebhookMessage`), built from what its reader may see now; undefined when the event is none of
 * theirs any more. What only staff may read of a case is noted before it leaves.
 */
export async function messageOf(
  context: Context,
  reader: LogReader,
  {
    position,
    gone,
    createdAt,
    clientId,
  }: Pick<ClaimedDelivery, 'position' | 'gone' | 'createdAt' | 'clientId'>,
): Promise<WebhookBody | undefined> {
  if (position === null)
    return messageWith(TEST_TYPE, createdAt, { event: null, theCase: 'null', recall: null })
  const { db, now, publicUrl } = context
  const line = await readLine(db, reader, position, now())
  if (line === undefined) return undefined
  const hidden = gone || line.gone || line.reference === null || line.type.startsWith('recall.')
  const json = hidden ? undefined : await caseJson(context, reader, line.reference ?? '')
  const left = line.reference !== null && json === undefined
  const event = logEventView({ ...line, gone: left }, publicUrl)
  const recalled = line.reference !== null && (left || TAKEN_BACK.includes(line.type))
  const recall = recalled ? await waitingRecall(db.pool, clientId, line.reference ?? '') : undefined
  return messageWith(line.type, line.at, { event, theCase: json ?? 'null', recall: recall ?? null })
}

// Whoever still works on the case hears by these that copies of it have to go; to everybody else it is gone.
const TAKEN_BACK = [
  'case.consent_withdrawn',
  'case.withdrawn',
  'case.removed',
  'case.erased',
  'case.kept_private',
]

// The case's JSON comes whole from the store or from its view.
function messageWith(
  type: string,
  timestamp: string,
  { event, theCase, recall }: { event: object | null; theCase: string; recall: string | null },
): WebhookBody {
  const head = `{"type":${JSON.stringify(type)},"timestamp":${JSON.stringify(timestamp)}`
  const data = `{"event":${JSON.stringify(event)},"case":${theCase},"recall":${JSON.stringify(recall)}}`
  return { bytes: Buffer.from(`${head},"data":${data}}`), recall }
}

async function caseJson(
  { db, now, publicUrl }: Context,
  reader: LogReader,
  reference: string,
): Promise<string | undefined> {
  if (reader.view === 'public') return getPublicCase(db.pool, reference, publicUrl)
  const seen = await getCase(db, reader.client, reference, publicUrl).catch((error: unknown) => {
    if (error instanceof DomainError && error.code === 'not_found') return undefined
    throw error
  })
  // Who does not relate to it any more is no better than the public, and subscribed to its own cases.
  if (seen === undefined || (seen.view !== 'staff' && seen.view !== 'own')) return undefined
  if (seen.view === 'staff' && staffRoles.includes(reader.client.role))
    await noteAccess(db, reader.client, OPERATION, [reference])
  return JSON.stringify(seenCaseView(seen, publicUrl, now()))
}

/** What the access log calls it: as the contract names what a receiver does. */
const OPERATION = 'takeEvent'
