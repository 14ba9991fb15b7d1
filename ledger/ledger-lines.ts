import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { ErasedKind, ErasedThing, LedgerEnd, ReadLedger } from '../domain/erasure-ledger.ts'
import type { Vault } from '../prisma/client.ts'

/** A line to be written, with its end of line, and where the ledger ends with it. */
export type NewLine = { text: string; end: LedgerEnd }

/** The line that says that something was erased. */
export function entryLine(before: LedgerEnd, key: Buffer, { at, kind, hash }: ErasedThing): NewLine {
  return lineAfter(before, key, { at, kind, hash: hash.toString('hex') })
}

/** The line that has the ledger's key, sealed; the first of a ledger, and one after each change of the encryption keys. */
export function keyLine(
  before: LedgerEnd,
  { name, key, now }: { name: string; key: Buffer; now: Date },
  vault: Vault,
): NewLine {
  const sealed = vault.seal(placeOf(name), key.toString('base64'))
  return lineAfter(before, key, { at: now.toISOString(), kind: 'key', ledger: name, sealed })
}

/**
 * The lines of a ledger, each checked against the one before. What is no whole line (a killed writer's) is skipped.
 * Throws where a line was changed, taken out, put in or moved, and where `vault` does not open the key.
 */
export function checkLedger(text: string, vault: Vault, place: string): ReadLedger {
  const { name, key } = openKey(text, vault, place)
  const ready = createSecretKey(key)
  const heads: string[] = []
  const erased: (ErasedThing & { line: number })[] = []
  for (const [n, line] of text.split('\n').entries()) {
    const parts = partsOf(line)
    if (parts === null) continue
    const number = heads.length + 1
    if (parts.mac !== macOf(ready, heads.at(-1) ?? '', parts.said)) {
      throw new Error(
        `Line ${n + 1} of the ledger of erasures at ${place} does not fit the lines before it: lines were changed, taken out or put in. Put back the ledger as it was.`,
      )
    }
    heads.push(parts.mac)
    const { at, kind, hash } = parts.fields
    if (isErasedKind(kind)) erased.push({ line: number, at, kind, hash: Buffer.from(hash ?? '', 'hex') })
  }
  return { name, key, lines: heads.length, head: heads.at(-1) ?? '', heads, erased }
}

/** Whether the key of a ledger is sealed with the encryption key that comes first: that which a vault seals with now. */
export function isSealedWithFirst(text: string, vault: Vault): boolean {
  const [, first] = vault.seal('', '').split('.')
  const [, now] = lastKey(text)?.sealed.split('.') ?? []
  return now === first
}

type Fields = { at: string; kind: string; hash?: string; ledger?: string; sealed?: string }

/** What a line says, and the keyed hash of it and of the line before. */
const LINE = /^(\{.+),"mac":"([0-9a-f]{64})"\}$/

function lineAfter({ lines, head }: LedgerEnd, key: Buffer, fields: Fields): NewLine {
  const said = JSON.stringify(fields).slice(0, -1)
  const mac = macOf(key, head, said)
  return { text: `${said},"mac":"${mac}"}\n`, end: { lines: lines + 1, head: mac } }
}

function macOf(key: Buffer | KeyObject, before: string, said: string): string {
  return createHmac('sha256', key).update(`line\n${before}\n${said}`).digest('hex')
}

function partsOf(line: string): { said: string; mac: string; fields: Fields } | null {
  const [, said, mac] = LINE.exec(line) ?? []
  if (said === undefined || mac === undefined) return null
  const fields = fieldsOf(`${said}}`)
  return fields === null ? null : { said, mac, fields }
}

function fieldsOf(json: string): Fields | null {
  try {
    return JSON.parse(json) as Fields
  } catch {
    return null
  }
}

function openKey(text: string, vault: Vault, place: string): { name: string; key: Buffer } {
  const last = lastKey(text)
  if (last === undefined) {
    throw new Error(
      `The file at ${place} is no ledger of erasures. ERASURE_LEDGER names the file that is one, or is to become one.`,
    )
  }
  const { name, sealed } = last
  try {
    return { name, key: Buffer.from(vault.open(placeOf(name), sealed), 'base64') }
  } catch (cause) {
    throw new Error(
      `ENCRYPTION_KEYS do not open the ledger of erasures at ${place}. Set the keys that it was begun with, the newest first.`,
      { cause },
    )
  }
}

function lastKey(text: string): { name: string; sealed: string } | undefined {
  for (const line of text.split('\n').reverse()) {
    if (!line.includes('"kind":"key"')) continue
    const { ledger: name, sealed } = partsOf(line)?.fields ?? {}
    if (name !== undefined && sealed !== undefined) return { name, sealed }
  }
  return undefined
}

function isErasedKind(kind: string): kind is ErasedKind {
  return kind === 'case' || kind === 'item' || kind === 'address'
}

function placeOf(name: string): string {
  return `erasure_ledger:${name}`
}
