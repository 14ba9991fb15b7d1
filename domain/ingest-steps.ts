import type { Prepared, QuarantineReason } from './ingest-entries.ts'
import type { KnownItem } from './ingest-items.ts'
import type { Reply, Story } from './items.ts'

/** What is to be done with one entry, given what is known under its key. */
export type Step =
  | {
      do: 'nothing'
      entry: Prepared
      outcome: 'unchanged' | 'ignored' | 'expired'
      caseReference: string | null
    }
  | { do: 'refuse'; entry: Prepared; reason: QuarantineReason; detail: string }
  | { do: 'remove'; entry: Prepared; known: KnownItem; reason: 'expired' | null }
  | { do: 'entomb'; entry: Prepared }
  | { do: 'create-case'; entry: Prepared<Story> }
  | { do: 'edit-case'; entry: Prepared<Story>; known: KnownItem & { caseId: number } }
  | { do: 'place-reply'; entry: Prepared<Reply>; known: KnownItem | undefined }
  | { do: 'edit-reply'; entry: Prepared<Reply>; known: KnownItem }

/** What makes a difference beside the entry and what is known of it; `IngestOptions` has the words. */
export type StepOptions = { archived?: boolean; again?: boolean }

/** Decides what to do with an entry; looks at nothing but what it is given. */
export function stepFor(
  entry: Prepared,
  known: KnownItem | undefined,
  { archived = false, again = false }: StepOptions,
): Step {
  const { item } = entry
  if (entry.expired) {
    return known === undefined || known.state === 'deleted'
      ? nothing(entry, 'expired', known)
      : { do: 'remove', entry, known, reason: 'expired' }
  }
  if (item.type === 'deletion') {
    if (known === undefined) return { do: 'entomb', entry }
    if (known.state === 'deleted') return nothing(entry, 'unchanged', known)
    return { do: 'remove', entry, known, reason: null }
  }
  // Nothing that was taken back or anonymised returns, whatever it says now.
  if (known?.state === 'deleted' || known?.anonymised) return nothing(entry, 'ignored', known)
  if (known !== undefined && !again) {
    const same = known.fingerprint.equals(entry.fingerprint)
    if (same || isOlder(item, known, archived)) return nothing(entry, 'unchanged', known)
  }
  if (known !== undefined && known.type !== item.type) {
    return refuse(entry, 'type_changed', `It came before as a ${known.type}, now it is a ${item.type}.`)
  }
  return item.type === 'story' ? storyStep({ ...entry, item }, known) : replyStep({ ...entry, item }, known)
}

// Pages overlap and pushes are repeated: an earlier version may come after a later one.
function isOlder({ updatedAt }: Story | Reply, { sourceUpdatedAt }: KnownItem, archived: boolean): boolean {
  // An archive is older than whatever was read before it, unless its times say otherwise.
  if (updatedAt === null || sourceUpdatedAt === null) return archived
  const later = Date.parse(updatedAt) - Date.parse(sourceUpdatedAt)
  return later < 0 || (archived && later === 0)
}

function storyStep(entry: Prepared<Story>, known: KnownItem | undefined): Step {
  if (known === undefined) return { do: 'create-case', entry }
  const { caseId } = known
  // Its case was erased here.
  if (caseId === null) return nothing(entry, 'ignored', known)
  return { do: 'edit-case', entry, known: { ...known, caseId } }
}

function replyStep(entry: Prepared<Reply>, known: KnownItem | undefined): Step {
  if (known === undefined || known.state === 'parked') return { do: 'place-reply', entry, known }
  if (known.responseId === null) return nothing(entry, 'ignored', known)
  if (known.parentExternalId !== entry.item.inReplyTo) {
    return refuse(entry, 'reply_moved', 'It came before as an answer to another story.')
  }
  return { do: 'edit-reply', entry, known }
}

function nothing(
  entry: Prepared,
  outcome: 'unchanged' | 'ignored' | 'expired',
  known: KnownItem | undefined,
): Step {
  return { do: 'nothing', entry, outcome, caseReference: known?.caseReference ?? null }
}

function refuse(entry: Prepared, reason: QuarantineReason, detail: string): Step {
  return { do: 'refuse', entry, reason, detail }
}
