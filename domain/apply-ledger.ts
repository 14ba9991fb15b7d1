import type { KeyObject } from 'node:crypto'
import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import { digestsTo, endDigests } from './digests.ts'
import { type ErasedCase, entombItems, eraseCases } from './erase-cases.ts'
import { addressHash, caseHash, hashKey, itemHash, keepErased, keepLedgerKey } from './erased-hashes.ts'
import type { ErasedThing, ErasureLedger, LedgerEnd, ReadLedger } from './erasure-ledger.ts'
import { holdToForget } from './forget-besides.ts'
import { recordRecalls } from './recalls.ts'
import { forgetNotices } from './subscription-rows.ts'

/** What a ledger has brought about in a store: lines that were new to it, and what of them it still had. */
export type AppliedLedger = { lines: number; cases: number; items: number; addresses: number }

const SCANNED_AT_ONCE = 5_000
const ERASED_AT_ONCE = 100

/**
 * Erases in this store what the ledger says and the store does not know yet, as after an older backup was restored, or
 * when a process was killed between ledger and store; makes the ledger when there is none yet. Before anything is served.
 * A second time changes nothing. Rejects, in words that say what to do, when the store knows another ledger, or more of it.
 */
export async function applyLedger(db: Db, ledger: ErasureLedger | null, now: Date): Promise<AppliedLedger> {
  return inTransaction(db, async (tx) => {
    // Others may wait for whoever applies much.
    await tx.query(`set local statement_timeout = '15min'`)
    const state = await holdLedgerState(tx)
    if (ledger === null) {
      if (state.ledger !== null) throw new Error(LEDGER_MISSING)
      return { lines: 0, cases: 0, items: 0, addresses: 0 }
    }
    const read = await heldLedger(ledger, state, now)
    const fresh = read.erased.filter(({ line }) => line > state.lines)
    await keepLedgerKey(tx, read.key)
    const key = hashKey(read.key)
    await keepErased(tx, fresh)
    const { cases, items } = await eraseKnown(tx, key, hashesOf(fresh, 'case'), now)
    const others = await entombKnown(tx, key, hashesOf(fresh, 'item'), now)
    const addresses = await forgetKnown(tx, key, hashesOf(fresh, 'address'), now)
    await keepLedgerState(tx, read.name, read)
    return { lines: fresh.length, cases, items: items + others, addresses }
  })
}

/** The ledger's key sealed with the encryption key that is first now; whether that was to be done. Safe beside erasures. */
export async function resealLedger(db: Db, ledger: ErasureLedger, now: Date): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const state = await holdLedgerState(tx)
    const read = await heldLedger(ledger, state, now)
    const end = await ledger.reseal(read, now)
    if (end !== null) await moveLedgerState(tx, state, read, end)
    return end !== null
  })
}

/** How far this store has applied which ledger. */
export type LedgerState = { lines: number; ledger: string | null; head: string | null }

/** Holds the state of the ledger until the transaction ends: whoever does so, before any case, writes alone. */
export async function holdLedgerState(tx: Tx): Promise<LedgerState> {
  const state = await row<LedgerState>(tx, 'select lines, ledger, head from ledger_state for update')
  if (state === undefined) throw new Error('the row of ledger_state is missing')
  return state
}

/** The ledger as it is now, made when there never was one. Rejects when it is not the one that the store knows, or less. */
export async function heldLedger(ledger: ErasureLedger, state: LedgerState, now: Date): Promise<ReadLedger> {
  const read = await ledger.read()
  if (read === null) {
    if (state.ledger === null) return ledger.make(now)
    throw new Error(
      `The ledger of erasures at ${ledger.place} is not there, and this store knows one. Put it back, or set ERASURE_LEDGER to where it is.`,
    )
  }
  if (state.ledger === null) return read
  if (state.ledger !== read.name) {
    throw new Error(
      `The ledger of erasures at ${ledger.place} is another one than this store knows. Set ERASURE_LEDGER to the one that was begun with it.`,
    )
  }
  if (read.lines < state.lines || (state.lines > 0 && read.heads[state.lines - 1] !== state.head)) {
    throw new Error(
      `The ledger of erasures at ${ledger.place} has lost lines that this store has seen (it has ${read.lines}, the store has seen ${state.lines}). Put back the ledger as it was: it is never restored from a backup together with the store.`,
    )
  }
  return read
}

/** Notes lines that were added to what was read. Where more had been added before, they wait for the next start, with these. */
export async function moveLedgerState(
  tx: Tx,
  state: LedgerState,
  read: ReadLedger,
  end: LedgerEnd,
): Promise<void> {
  const waiting = read.erased.some(({ line }) => line > state.lines)
  if (!waiting) await keepLedgerState(tx, read.name, end)
}

async function keepLedgerState(tx: Tx, name: string, { lines, head }: LedgerEnd): Promise<void> {
  await rows(tx, 'update ledger_state set lines = $1, ledger = $2, head = $3', [lines, name, head])
}

const LEDGER_MISSING =
  'This store has a ledger of erasures. Set ERASURE_LEDGER to where it is: without it, what was erased could come back.'

function hashesOf(things: readonly ErasedThing[], kind: ErasedThing['kind']): Set<string> {
  return new Set(things.flatMap((thing) => (thing.kind === kind ? [thing.hash.toString('hex')] : [])))
}

/** Erases the cases that are among these hashes; how many those were, and how many things of sources with them. */
async function eraseKnown(
  tx: Tx,
  key: KeyObject,
  hashes: ReadonlySet<string>,
  now: Date,
): Promise<{ cases: number; items: number }> {
  let items = 0
  if (hashes.size === 0) return { cases: 0, items }
  const found: ErasedCase[] = []
  await scan<ErasedCase>(tx, 'id, reference', `cases`, `decision_reason is distinct from 'erased'`, (one) => {
    if (hashes.has(caseHash(key, one.reference).toString('hex'))) found.push(one)
  })
  for (let from = 0; from < found.length; from += ERASED_AT_ONCE) {
    const some = found.slice(from, from + ERASED_AT_ONCE)
    const ids = some.map(({ id }) => id)
    await holdToForget(tx, ids)
    await recordRecalls(tx, some, { reason: 'erased', now })
    items += await eraseCases(tx, ids, { caller: null, now })
  }
  return { cases: found.length, items }
}

/** Makes tombstones of the items that are among these hashes; how many those were. */
async function entombKnown(tx: Tx, key: KeyObject, hashes: ReadonlySet<string>, now: Date): Promise<number> {
  if (hashes.size === 0) return 0
  const found: number[] = []
  await scan<{ id: number; source: string; externalId: string }>(
    tx,
    'id, (select name from sources s where s.id = source_id) as source, external_id as "externalId"',
    'items',
    `state <> 'deleted'`,
    (one) => {
      if (hashes.has(itemHash(key, one).toString('hex'))) found.push(one.id)
    },
  )
  return entombItems(tx, 'i.id = any($1::bigint[])', [found], now)
}

/** Ends the digests to addresses that are among these hashes, and forgets them where subscriptions tell them; how many. */
async function forgetKnown(tx: Tx, key: KeyObject, hashes: ReadonlySet<string>, now: Date): Promise<number> {
  if (hashes.size === 0) return 0
  const isTheirs = (address: string) => hashes.has(addressHash(key, address).toString('hex'))
  const ended = await endDigests(tx, null, 'd.id = any($1::int[])', [await digestsTo(tx, isTheirs)])
  return ended + (await forgetNotices(tx, isTheirs, 'true', now)).length
}

/** Shows `look` every row of a table, by its key: a hash cannot be looked up the other way round. */
async function scan<R extends { id: number }>(
  tx: Tx,
  columns: string,
  table: 'cases' | 'items',
  where: string,
  look: (row: R) => void,
): Promise<void> {
  for (let after = -1, more = true; more; ) {
    const found = await rows<R>(
      tx,
      `select ${columns} from ${table} where id > $1 and ${where} order by id limit $2`,
      [after, SCANNED_AT_ONCE],
    )
    found.forEach(look)
    after = found.at(-1)?.id ?? after
    more = found.length === SCANNED_AT_ONCE
  }
}
