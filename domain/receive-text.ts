import { type CaseKind, type Db, inTransaction, row, type Tx } from '../prisma/client.ts'
import type { Accepted } from './accepted.ts'
import type { ClientCaller } from './callers.ts'
import { dangerIn } from './danger-signs.ts'
import type { ItemResult } from './ingest.ts'
import { type Refused, sha256 } from './ingest-entries.ts'
import { type HeldSource, knownItems, writeItems } from './ingest-items.ts'
import { quarantine, release } from './ingest-quarantine.ts'
import type { Story } from './items.ts'
import { openCase, type Sender } from './open-case.ts'
import { holdActiveSource, notePush } from './push-items.ts'
import { finishRun, noCounts, startRun } from './runs.ts'
import { visibleSource } from './source-access.ts'
import { findAddressee } from './text-addressees.ts'
import { type ReceivedText, rawText, receivedAt, textAdvice, textIntake, textKey } from './text-rules.ts'

/** What became of a text message, and what to answer to whoever wrote it. */
export type TakenText = { result: ItemResult; kind: CaseKind | null; advice: string | null }

/**
 * Takes a text message that came to a source's number, with its run; one that comes again under its id changes nothing,
 * and one that belongs nowhere waits in quarantine. Throws `source_paused`, and as `getSource` does.
 */
export async function receiveText(
  db: Db,
  client: ClientCaller,
  name: string,
  text: ReceivedText,
  now: Date,
): Promise<TakenText> {
  const { id } = await visibleSource(db.pool, client, name)
  return inTransaction(db, async (tx) => {
    const source = await holdActiveSource(tx, id)
    const run = await startRun(tx, { sourceId: id, kind: 'text', clientId: client.clientId, now })
    const taken = await take(tx, source, rawText(text), { sender: client, by: client, now })
    const counts = { ...noCounts, seen: 1, [taken.result.outcome]: 1 }
    const end = { state: 'succeeded', outcome: 'received', detail: null, counts, nextCheckAt: null } as const
    await finishRun(tx, run.id, end, now)
    await notePush(tx, id, { counts, now })
    return taken
  })
}

/**
 * Takes a text message that had waited, from its raw text, in the caller's transaction, which holds the source: it
 * leaves the quarantine, or stands there with the reason of today.
 */
export async function takeText(tx: Tx, source: HeldSource, raw: string, now: Date): Promise<TakenText> {
  return take(tx, source, raw, { sender: await senderOf(tx, source), by: null, now })
}

type Taking = { sender: Sender; by: ClientCaller | null; now: Date }

async function take(tx: Tx, source: HeldSource, raw: string, taking: Taking): Promise<TakenText> {
  const text = JSON.parse(raw) as ReceivedText
  const externalId = textKey(text)
  const known = (await knownItems(tx, source.id, [externalId])).get(externalId)
  if (known !== undefined) {
    await release(tx, source.id, [externalId])
    return asBefore(tx, text, known)
  }
  const addressee = await findAddressee(tx, source, text, taking.now)
  if (addressee.refused !== null) {
    const entry: Refused = { raw, readBy: 'text', externalId, place: null, ...addressee.refused }
    await quarantine(tx, source.id, [entry], taking.now)
    const { reason, detail } = entry
    return { result: resultOf(externalId, 'quarantined', { reason, detail }), kind: null, advice: null }
  }
  return becomeCase(tx, source, { raw, text, ...addressee }, taking)
}

async function asBefore(
  tx: Tx,
  { message, ...text }: ReceivedText,
  known: { caseId: number | null; caseReference: string | null },
): Promise<TakenText> {
  const { caseId, caseReference } = known
  const result = resultOf(textKey(text), 'unchanged', { caseReference })
  if (caseId === null) return { result, kind: null, advice: null }
  const found = await row<{ kind: CaseKind }>(
    tx,
    'select kind from cases where id = $1',
    [caseId],
    'kind-of-case',
  )
  const { kind } = found as { kind: CaseKind }
  return { result, kind, advice: textAdvice(kind, message) }
}

async function becomeCase(
  tx: Tx,
  source: HeldSource,
  { raw, text, accepted, words }: { raw: string; text: ReceivedText; accepted: Accepted; words: string },
  { sender, by, now }: Taking,
): Promise<TakenText> {
  const intake = textIntake(words)
  const { kind } = intake
  const draft = {
    kind,
    organisation: accepted.organisation.code,
    text: words,
    contact: { phone: text.source_number },
  }
  const reportedAt = receivedAt(text.date_received, now)
  const { id: caseId, reference } = await openCase(tx, sender, {
    by,
    draft,
    intake,
    accepted,
    danger: dangerIn(words),
    now,
    reportedAt,
  })
  await keepAsItem(tx, source, { raw, text, caseId, reportedAt }, now)
  await release(tx, source.id, [textKey(text)])
  return {
    result: resultOf(textKey(text), 'created', { caseReference: reference }),
    kind,
    advice: textAdvice(kind, words),
  }
}

/** What makes a repeat the same: an item of the source, which belongs to the case. */
async function keepAsItem(
  tx: Tx,
  source: HeldSource,
  { raw, text, caseId, reportedAt }: { raw: string; text: ReceivedText; caseId: number; reportedAt: Date },
  now: Date,
): Promise<void> {
  const item: Story = {
    type: 'story',
    externalId: textKey(text),
    authorName: null,
    publishedAt: reportedAt.toISOString(),
    updatedAt: null,
    link: null,
    warnings: [],
    title: null,
    text: text.message,
    organisations: [],
    service: null,
    visitMonth: null,
    tags: [],
    ratings: [],
    position: null,
    language: null,
  }
  const entry = { item, raw, readBy: 'text', fingerprint: sha256(raw), expired: false }
  await writeItems(tx, source.id, [{ entry, state: 'live', caseId, responseId: null }], now)
}

/** Through whom a text came that has waited: the client whose key is bound to its source, the oldest if there are more. */
async function senderOf(tx: Tx, source: HeldSource): Promise<Sender> {
  const found = await row<Sender>(
    tx,
    'select id as "clientId", brand, test from api_clients where source_id = $1 order by id limit 1',
    [source.id],
    'sender-of-texts',
  )
  return found ?? { clientId: null, brand: null, test: false }
}

function resultOf(
  externalId: string,
  outcome: 'created' | 'unchanged' | 'quarantined',
  more: Partial<Pick<ItemResult, 'caseReference' | 'reason' | 'detail'>>,
): ItemResult {
  return { externalId, outcome, caseReference: null, fields: [], reason: null, detail: null, ...more }
}
