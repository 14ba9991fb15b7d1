import type { Vault } from '../prisma/client.ts'

/** Where a poll stands: what it needs to go on, and what it knows of the last documents. */
export type PollCursor = {
  /** The page at which an unfinished walk goes on; null when it begins anew. */
  next: string | null
  /** When the unfinished walk began; null when there is none. */
  walkFrom: string | null
  /** When the last walk that reached its end had begun. */
  completeFrom: string | null
  /** Entries to read of one document, where the usual number is not enough; null for the usual. */
  entries: number | null
  /** Pages of the unfinished walk so far. */
  pages: number
  /** A hash of the address whose answer the validators describe. */
  asked: string | null
  /** Where the unfinished walk goes when its pages are done: the newest archive document (RFC 5005, section 4). */
  archive: string | null
  /** The unfinished walk is among the archives. */
  inArchive: boolean
  /** The newest archive document of the last walk that reached its end; it and those before it are known. */
  archivedTo: string | null
  /** The unfinished walk is through everything that its source lists. */
  listing: boolean
  /** So was the last walk, and it reached its end: the same answer again is the same listing. */
  listed: boolean
  /** How often in a row the server has asked for patience. */
  limited: number
}

/** A source that was never read. */
export const noCursor: PollCursor = {
  next: null,
  walkFrom: null,
  completeFrom: null,
  entries: null,
  pages: 0,
  asked: null,
  archive: null,
  inArchive: false,
  archivedTo: null,
  listing: false,
  listed: false,
  limited: 0,
}

/** Seals a cursor, whose addresses may hold keys, bound to its source. */
export function sealCursor(vault: Vault, name: string, cursor: PollCursor): string {
  return vault.seal(placeOf(name), JSON.stringify(cursor))
}

/** The cursor of a source; one that an earlier release has sealed lacks what that did not know. */
export function openCursor(vault: Vault, name: string, sealed: string | null): PollCursor {
  if (sealed === null) return noCursor
  return { ...noCursor, ...(JSON.parse(vault.open(placeOf(name), sealed)) as Partial<PollCursor>) }
}

function placeOf(name: string): string {
  return `sources.cursor:${name}`
}
