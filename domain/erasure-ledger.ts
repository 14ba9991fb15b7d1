/** What is erased: a case, a thing of a source, or an address that digests and notices went to. */
export type ErasedKind = 'case' | 'item' | 'address'

/** One thing that was erased, by its keyed hash (domain/erased-hashes.ts). */
export type ErasedThing = { kind: ErasedKind; hash: Buffer; at: string }

/** Where a ledger ends: how many lines it has, and what the last one ends with. */
export type LedgerEnd = { lines: number; head: string }

/** A ledger as it was read, with every line checked against the one before. */
export type ReadLedger = LedgerEnd & {
  /** Tells one ledger from another. */
  name: string
  /** Of the hashes, 32 bytes. */
  key: Buffer
  /** What each line ends with, from the first on. */
  heads: readonly string[]
  /** What was erased, each with the number of its line, from 1 on. */
  erased: readonly (ErasedThing & { line: number })[]
}

/**
 * The ledger of erasures outside the database: it only grows, and has neither names nor references. One writes at a
 * time: whoever writes holds the row of `ledger_state` (domain/apply-ledger.ts).
 */
export type ErasureLedger = {
  /** For whoever runs the service. */
  place: string
  /** All of it, or null when there is none yet. Rejects, in words that say what to do, where a line does not fit. */
  read(): Promise<ReadLedger | null>
  /** Makes it, with a name and a key of its own. Rejects when there is one. */
  make(now: Date): Promise<ReadLedger>
  /** Adds to what was read; resolves when it is on the disk. */
  append(read: ReadLedger, erased: readonly ErasedThing[]): Promise<LedgerEnd>
  /** Seals its key with the encryption key that is first now, as another line; null when it is sealed so already. */
  reseal(read: ReadLedger, now: Date): Promise<LedgerEnd | null>
}
