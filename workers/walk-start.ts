import { createHash } from 'node:crypto'
import type { Connector } from '../connectors/connector.ts'
import type { PollCursor, PollPlan, Validators } from '../domain/source-polls.ts'

/** Where a walk begins. */
export type Start = {
  url: string
  /** It goes on where the last poll stopped. */
  resumed: boolean
  /** What was asked for: all that has changed since then; null for all there is. */
  since: Date | null
  walkFrom: string
  cursor: PollCursor
  /** What is known of the answer; null when it is to be read whatever it is. */
  known: Validators | null
  /** What had to be left behind, in words. */
  note: string | null
}

/** Decides where a walk begins: where the last one stopped, or with what has changed since the last whole one. */
export function startOf(plan: PollPlan, connector: Connector, began: Date): Start {
  const { cursor, failures } = plan
  const gaveUp = cursor.next !== null && failures >= RESUMED_AT_MOST
  if (cursor.next !== null && !gaveUp) {
    const walkFrom = cursor.walkFrom ?? began.toISOString()
    const from = { ...cursor, walkFrom }
    return { url: cursor.next, resumed: true, since: null, walkFrom, cursor: from, known: null, note: null }
  }
  const since = sinceOf(plan)
  const url = connector.firstRequest(plan.address, plan.settings, since)
  const known = cursor.asked === hashOf(url) && plan.polls % READ_ANYWAY_EVERY !== 0
  const leftArchive = gaveUp && cursor.inArchive
  return {
    url,
    resumed: false,
    since,
    walkFrom: began.toISOString(),
    cursor: {
      ...cursor,
      next: null,
      walkFrom: began.toISOString(),
      pages: 0,
      archive: null,
      inArchive: false,
      archivedTo: leftArchive ? cursor.archive : cursor.archivedTo,
      listing: plan.fullListing,
    },
    known: known ? plan.validators : null,
    note: leftArchive
      ? 'An archive document could not be read again and again; it and those before it were left.'
      : null,
  }
}

/** A hash of an address: whole addresses hold keys, so only their hashes are compared. */
export function hashOf(url: string): string {
  return createHash('sha256').update(url).digest('base64url')
}

// Entries that arrive late are dated back, and a day's list is by the provider's own day.
const OVERLAP_MS = 7 * 86_400_000
// A validator that lies, and a mapping that was put right, show at last.
const READ_ANYWAY_EVERY = 50
// An address to go on from may have had its time.
const RESUMED_AT_MOST = 3

function sinceOf({ cursor, fullListing }: PollPlan): Date | null {
  if (fullListing || cursor.completeFrom === null) return null
  return new Date(Date.parse(cursor.completeFrom) - OVERLAP_MS)
}
