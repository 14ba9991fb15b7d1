import type { Tx } from '../prisma/client.ts'
import { erasedAmong } from './erased-hashes.ts'
import { editCases } from './ingest-edits.ts'
import type { Prepared, Refused } from './ingest-entries.ts'
import {
  type HeldSource,
  type ItemWrite,
  type KnownItem,
  knownItems,
  parkedReplies,
  writeItems,
} from './ingest-items.ts'
import { subjectsOf } from './ingest-organisations.ts'
import { removeItems } from './ingest-removals.ts'
import { createResponses, editResponses } from './ingest-replies.ts'
import { type Step, type StepOptions, stepFor } from './ingest-steps.ts'
import { createCases, type StoryEntry } from './ingest-stories.ts'
import { keepVersions } from './item-versions.ts'
import type { Reply, Story } from './items.ts'

/** What has become of an item. */
export type ItemOutcome =
  | 'created'
  | 'changed'
  | 'unchanged'
  | 'deleted'
  | 'parked'
  | 'expired'
  | 'ignored'
  | 'quarantined'

export type Taken =
  | { outcome: Exclude<ItemOutcome, 'quarantined'>; caseReference: string | null; fields?: readonly string[] }
  | Refused

/** Takes entries with different keys: all that is to be written for them, or an error of the store and nothing. */
export async function takeBatch(
  tx: Tx,
  source: HeldSource,
  entries: readonly Prepared[],
  options: BatchOptions,
): Promise<Map<string, Taken>> {
  const batch = await openBatch(tx, source, entries, options)
  for (const step of batch.steps) noteDecided(batch, step)
  await takeBack(batch)
  const newStories = await takeNewStories(batch)
  await takeChangedStories(batch)
  await takeChangedReplies(batch)
  await placeReplies(batch, newStories)
  return batch.taken
}

/** The time, and whether entries may say the same or less than what is known (`IngestOptions`). */
export type BatchOptions = StepOptions & { now: Date }

/** The case that a story or a reply belongs to, or that it was taken back. */
type Parent = { caseId: number; caseReference: string } | 'deleted'

type Batch = {
  tx: Tx
  source: HeldSource
  now: Date
  again: boolean
  steps: Step[]
  taken: Map<string, Taken>
  parents: Map<string, Parent>
}

async function openBatch(
  tx: Tx,
  source: HeldSource,
  entries: readonly Prepared[],
  options: BatchOptions,
): Promise<Batch> {
  const keys = entries.flatMap(({ item }) =>
    item.type === 'reply' ? [item.externalId, item.inReplyTo] : [item.externalId],
  )
  const known = await knownItems(tx, source.id, [...new Set(keys)])
  const erased = await erasedAmong(
    tx,
    source,
    keys.filter((key) => !known.has(key)),
  )
  const steps = entries.map((entry): Step => {
    const { externalId } = entry.item
    // It was erased before it came, as when an older backup was restored: it becomes a tombstone at once.
    return erased.has(externalId) ? { do: 'entomb', entry } : stepFor(entry, known.get(externalId), options)
  })
  const parents = new Map<string, Parent>([...erased].map((key) => [key, 'deleted']))
  for (const [key, { state, anonymised, caseId, caseReference }] of known) {
    // An answer would speak again of what was said there.
    if (state === 'deleted' || anonymised) parents.set(key, 'deleted')
    else if (caseId !== null && caseReference !== null) parents.set(key, { caseId, caseReference })
  }
  const { now, again = false } = options
  return { tx, source, now, again, steps, taken: new Map(), parents }
}

function stepsTo<D extends Step['do']>({ steps }: Batch, what: D): Extract<Step, { do: D }>[] {
  return steps.filter((step): step is Extract<Step, { do: D }> => step.do === what)
}

function noteDecided({ taken }: Batch, step: Step): void {
  const { raw, readBy, item } = step.entry
  const { externalId } = item
  if (step.do === 'nothing') {
    taken.set(externalId, { outcome: step.outcome, caseReference: step.caseReference })
  } else if (step.do === 'refuse') {
    const { reason, detail } = step
    taken.set(externalId, { raw, readBy, externalId, reason, detail, place: null })
  }
}

async function takeBack(batch: Batch): Promise<void> {
  const { tx, source, now, taken, parents } = batch
  const removals = stepsTo(batch, 'remove')
  const unknown = stepsTo(batch, 'entomb')
  const gone = [...removals, ...unknown].map(({ entry }) => entry.item.externalId)
  await writeItems(
    tx,
    source.id,
    unknown.map(({ entry }) => tombstone(entry)),
    now,
  )
  await removeItems(
    tx,
    source,
    [
      ...removals.map(({ known: { externalId, caseId, responseId }, reason }) => ({
        externalId,
        caseId,
        responseId,
        reason,
      })),
      // What was parked for a story that will never come goes too.
      ...unknown.map(({ entry }) => ({
        externalId: entry.item.externalId,
        caseId: null,
        responseId: null,
        reason: null,
      })),
    ],
    now,
  )
  for (const { entry, known, reason } of removals) {
    taken.set(entry.item.externalId, { outcome: reason ?? 'deleted', caseReference: known.caseReference })
  }
  for (const { entry } of unknown)
    taken.set(entry.item.externalId, { outcome: 'deleted', caseReference: null })
  for (const key of gone) parents.set(key, 'deleted')
}

async function takeNewStories(batch: Batch): Promise<string[]> {
  const { tx, source, now, taken, parents } = batch
  const stories = await withSubjects(batch, stepsTo(batch, 'create-case'))
  const created = await createCases(tx, source, stories, now)
  for (const [key, { caseId, caseReference }] of created) {
    parents.set(key, { caseId, caseReference })
    taken.set(key, { outcome: 'created', caseReference })
  }
  return [...created.keys()]
}

async function takeChangedStories(batch: Batch): Promise<void> {
  const { tx, source, now } = batch
  const edits = await withSubjects(batch, stepsTo(batch, 'edit-case'))
  const changed = await editCases(tx, source, edits, now)
  await writeEdits(batch, edits)
  for (const { known } of edits) noteEdit(batch, known, changed.get(known.externalId))
}

/** Writes what items say now, and keeps what they said before, unless the same raw text is only read otherwise. */
async function writeEdits(
  { tx, source, now, again }: Batch,
  edits: readonly { entry: Prepared; known: KnownItem }[],
): Promise<void> {
  const others = edits.filter(({ entry, known }) => !known.fingerprint.equals(entry.fingerprint))
  if (!again) await keepVersions(tx, source.id, others)
  const writes: ItemWrite[] = others.map(({ entry, known: { caseId, responseId } }) => ({
    entry,
    state: 'live',
    caseId,
    responseId,
  }))
  await writeItems(tx, source.id, writes, now)
}

function noteEdit({ taken }: Batch, known: KnownItem, fields: readonly string[] | undefined): void {
  const { externalId, caseReference } = known
  if (fields === undefined) taken.set(externalId, { outcome: 'unchanged', caseReference })
  else taken.set(externalId, { outcome: 'changed', caseReference, fields })
}

async function takeChangedReplies(batch: Batch): Promise<void> {
  const { tx, source, now, taken, parents } = batch
  const [gone, edits] = partition(
    stepsTo(batch, 'edit-reply'),
    ({ entry }) => parents.get(entry.item.inReplyTo) === 'deleted',
  )
  const changed = await editResponses(tx, source, edits, now)
  await writeEdits(batch, edits)
  for (const { known } of edits) {
    noteEdit(batch, known, changed.has(known.externalId) ? ['responses'] : undefined)
  }
  // Their story went in this very batch, and took them along.
  for (const { known } of gone) {
    taken.set(known.externalId, { outcome: 'ignored', caseReference: known.caseReference })
  }
}

/** Attaches replies to cases, also what had waited for `newStories`, and replies to those replies; parks the rest. */
async function placeReplies(batch: Batch, newStories: readonly string[]): Promise<void> {
  const { tx, source, now, taken, parents } = batch
  const all = stepsTo(batch, 'place-reply').map(({ entry }) => entry)
  const own = new Set(all.map(({ item }) => item.externalId))
  const asBefore = new Set(stepsTo(batch, 'place-reply').flatMap(waitsAsBefore))
  const [gone, placeable] = partition(all, ({ item }) => parents.get(item.inReplyTo) === 'deleted')
  let waiting = placeable
  for (let arrived = newStories; ; ) {
    const stored = (await parkedReplies(tx, source.id, arrived)).filter(
      ({ item }) => !own.has(item.externalId),
    )
    const [ready, rest] = partition([...waiting, ...stored], ({ item }) => parents.has(item.inReplyTo))
    if (ready.length === 0) break
    await attach(batch, ready)
    waiting = rest
    arrived = ready.map(({ item }) => item.externalId)
  }
  await writeItems(
    tx,
    source.id,
    [
      ...gone.map(tombstone),
      ...waiting
        .filter(({ item }) => !asBefore.has(item.externalId))
        .map((entry) => ({ entry, state: 'parked', caseId: null, responseId: null }) as const),
    ],
    now,
  )
  for (const { item } of gone) taken.set(item.externalId, { outcome: 'ignored', caseReference: null })
  for (const { item } of waiting) {
    const outcome = asBefore.has(item.externalId) ? 'unchanged' : 'parked'
    taken.set(item.externalId, { outcome, caseReference: null })
  }
}

function waitsAsBefore({ entry, known }: Extract<Step, { do: 'place-reply' }>): string[] {
  return known?.fingerprint.equals(entry.fingerprint) ? [known.externalId] : []
}

async function attach(
  { tx, source, now, taken, parents, steps }: Batch,
  ready: Prepared<Reply>[],
): Promise<void> {
  const keys = new Set(steps.map(({ entry }) => entry.item.externalId))
  const placed = ready.flatMap((entry) => {
    const parent = parents.get(entry.item.inReplyTo)
    return parent === undefined || parent === 'deleted' ? [] : [{ entry, ...parent }]
  })
  const responses = await createResponses(tx, source, placed, now)
  const writes: ItemWrite[] = placed.map(({ entry, caseId }) => {
    return { entry, state: 'live', caseId, responseId: responses.get(entry.item.externalId) ?? null }
  })
  await writeItems(tx, source.id, writes, now)
  for (const { entry, caseId, caseReference } of placed) {
    const { externalId } = entry.item
    parents.set(externalId, { caseId, caseReference })
    const before = taken.get(externalId)
    const refused = before !== undefined && 'reason' in before
    if (keys.has(externalId) && !refused) taken.set(externalId, { outcome: 'created', caseReference })
  }
}

async function withSubjects<S extends { entry: Prepared<Story> }>(
  { tx, source, taken, now }: Batch,
  steps: readonly S[],
): Promise<(S & StoryEntry)[]> {
  const subjects = await subjectsOf(
    tx,
    source,
    steps.map(({ entry }) => entry.item),
    now,
  )
  return steps.flatMap((step) => {
    const subject = subjects.get(step.entry.item) ?? null
    if (subject !== null) return [{ ...step, subject }]
    const { raw, readBy, item } = step.entry
    const { externalId } = item
    taken.set(externalId, {
      raw,
      readBy,
      externalId,
      reason: 'organisation_unknown',
      detail: whoIsUnknown(item),
      place: null,
    })
    return []
  })
}

function whoIsUnknown({ organisations }: Story): string {
  if (organisations.length === 0) return 'It names no organisation, and its source is not about one.'
  const codes = organisations.map(({ scheme, code }) => `${scheme} ${code.slice(0, 100)}`)
  return `No organisation is known by any of these codes: ${codes.join(', ')}.`
}

function tombstone(entry: Prepared): ItemWrite {
  return { entry, state: 'deleted', caseId: null, responseId: null }
}

function partition<T>(all: readonly T[], test: (one: T) => boolean): [T[], T[]] {
  const passed = all.filter(test)
  return [passed, all.filter((one) => !passed.includes(one))]
}
