import { isDeepStrictEqual } from 'node:util'
import type { DocumentFailure, Entry, Item } from '../domain/items.ts'
import type { Connector, FetchedDocument, Reading } from './connector.ts'
import { itemFindings } from './contract-items.ts'

/** A connector with what it is asked to read. */
export type Subject = { connector: Connector; settings: unknown; document: FetchedDocument }

/** What a connector does with any document at all, and before there is one, that its contract forbids. */
export function connectorFindings(connector: Connector, settings: unknown): string[] {
  return [
    ...ageFindings(connector),
    ...attempt('settingsProblems', () =>
      connector.settingsProblems(settings).map((problem) => `settings: ${problem}`),
    ),
    ...attempt('settingsProblems(null)', () => {
      const problems = connector.settingsProblems(null)
      return problems.length > 0 ? [] : ['settings: null is not refused']
    }),
    ...requestFindings(connector, settings),
    ...noDocumentFindings(connector, settings),
    ...strangeRaws.flatMap((raw) => strangeRawFindings(connector, settings, raw)),
  ]
}

/** What a connector makes of a document that its contract forbids, in words. */
export function documentFindings(subject: Subject, cuts = 200): string[] {
  const read = attempted(subject)
  if (typeof read === 'string') return [read]
  const findings = purityFindings(subject, read)
  if ('failure' in read) return [...findings, ...failureFindings(read)]
  const { length } = subject.document.bytes
  const step = Math.max(1, Math.floor(length / cuts))
  const lengths = Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step)
  return [
    ...findings,
    ...readingFindings(read, subject.document.url),
    ...limitFindings(subject, read),
    ...rawFindings(subject, read),
    ...first(lengths.map((cut) => cutFindings(subject, read, cut))),
  ]
}

/** What is wrong with a reading: with its head, with each entry, or with two entries of one id. */
export function readingFindings(reading: Reading, url: string): string[] {
  const { next, previousArchive, hub, ttlMinutes, entries, complete, listsAll } = reading
  const addresses = Object.entries({ next, previousArchive, hub })
  return [
    ...addresses.flatMap(([name, address]) => (isAddress(address) ? [] : [`${name}: no http address`])),
    ...(next === url ? ['next: the document itself'] : []),
    ...(typeof listsAll === 'boolean' ? [] : ['listsAll: neither true nor false']),
    ...(listsAll && !complete ? ['listsAll: of a document that is not complete'] : []),
    ...(ttlMinutes === null || ttlMinutes > 0 ? [] : ['ttlMinutes: not above zero']),
    ...entries.flatMap((entry, index) =>
      entryFindings(entry).map((finding) => `entry ${index + 1}: ${finding}`),
    ),
    ...sharedIdFindings(entries),
  ]
}

/** Each entry must be readable alone, from its raw text, as it was read in its document. */
export function rawFindings({ connector, settings }: Subject, { entries }: Reading): string[] {
  return entries.flatMap((entry, index) =>
    attempt(`entry ${index + 1}: readAgain`, () => {
      const again = connector.readAgain(entry.raw, settings)
      const same = isDeepStrictEqual(withoutPlace(again), withoutPlace(entry))
      return same ? [] : [`entry ${index + 1}: readAgain gives another entry`]
    }),
  )
}

/** A document cut at a byte must not throw, invent or change items, nor call itself complete when some are missing. */
export function cutFindings(subject: Subject, whole: Reading | DocumentFailure, length: number): string[] {
  const { document } = subject
  const cut = attempted({ ...subject, document: { ...document, bytes: document.bytes.subarray(0, length) } })
  if (typeof cut === 'string') return [`cut at byte ${length}: ${cut}`]
  if ('failure' in cut) return []
  const all = 'failure' in whole ? [] : essences(whole)
  const left = essences(cut)
  const invented = left.length > all.length || left.some((item, index) => item !== all[index])
  if (invented) return [`cut at byte ${length}: items that the whole does not have`]
  const entries = 'failure' in whole ? 0 : whole.entries.length
  const isShort = cut.complete && cut.entries.length !== entries
  return isShort ? [`cut at byte ${length}: called complete with entries missing`] : []
}

/** What a connector reads, or in words that it throws. */
export function attempted({ connector, document, settings }: Subject): Reading | DocumentFailure | string {
  try {
    return connector.read(document, settings)
  } catch (error) {
    return `read throws ${nameOf(error)}`
  }
}

const errorPage =
  '<!DOCTYPE html><html><head><title>Error</title></head><body><p>Something went wrong.</p></body></html>'
const strangeRaws = ['', 'x', '<a/>', '{', '{}', '[]', 'null', '"x"', '<rss/>', '\0']

function ageFindings({ maxAgeDays }: Connector): string[] {
  const isRule = maxAgeDays === null || (Number.isSafeInteger(maxAgeDays) && maxAgeDays > 0)
  return isRule ? [] : ['maxAgeDays: neither null nor a whole number above zero']
}

function requestFindings({ firstRequest }: Connector, settings: unknown): string[] {
  return [null, new Date('2024-03-01T23:30:00Z')].flatMap((since) =>
    attempt('firstRequest', () => {
      const address = firstRequest('https://source.example/list?key=K', settings, since)
      return isAddress(address) ? [] : ['firstRequest: no http address']
    }),
  )
}

/** An error page and an empty body hold no items, whatever the status says. */
function noDocumentFindings(connector: Connector, settings: unknown): string[] {
  const bodies = [
    { name: 'an HTML error page', body: errorPage },
    { name: 'an empty body', body: '' },
  ]
  return bodies.flatMap(({ name, body }) =>
    [200, 404, 500].flatMap((status) => {
      const url = 'https://source.example/list'
      const document = { bytes: Buffer.from(body), contentType: null, status, url }
      const read = attempted({ connector, settings, document })
      if (typeof read === 'string') return [`${name} with status ${status}: ${read}`]
      if ('failure' in read) return failureFindings(read)
      return read.entries.length === 0 ? [] : [`${name} with status ${status}: has entries`]
    }),
  )
}

function strangeRawFindings({ readAgain }: Connector, settings: unknown, raw: string): string[] {
  const called = `readAgain(${JSON.stringify(raw)})`
  return attempt(called, () => {
    const entry = readAgain(raw, settings)
    if (!('problem' in entry)) return [`${called}: an item of nothing`]
    return entry.raw === raw ? [] : [`${called}: another raw text`]
  })
}

function failureFindings({ failure, detail }: DocumentFailure): string[] {
  const known = ['not-a-feed', 'too-deep', 'too-large', 'malformed'].includes(failure)
  return [...(known ? [] : [`failure "${failure}": not known`]), ...(detail ? [] : ['failure: no detail'])]
}

/** The same bytes give the same reading, of plain JSON, and are not written to. */
function purityFindings(subject: Subject, read: Reading | DocumentFailure): string[] {
  const before = Buffer.from(subject.document.bytes)
  const again = attempted(subject)
  const isJson = isDeepStrictEqual(JSON.parse(JSON.stringify(read)), read)
  return [
    ...(isDeepStrictEqual(again, read) ? [] : ['two readings differ']),
    ...(before.equals(subject.document.bytes) ? [] : ['the bytes of the document were changed']),
    ...(isJson ? [] : ['the reading is not plain JSON']),
  ]
}

/** Whoever asks for fewer entries gets no more, and is told that there are more. */
function limitFindings(subject: Subject, { entries }: Reading): string[] {
  if (entries.length < 2) return []
  const { connector, document, settings } = subject
  return attempt('read with a limit of 1 entry', () => {
    const read = connector.read(document, settings, { limits: { entries: 1 } })
    if ('failure' in read) return ['a limit of 1 entry makes it fail']
    if (read.entries.length > 1) return ['a limit of 1 entry is not kept']
    return read.complete ? ['a limit of 1 entry leaves some, but calls it complete'] : []
  })
}

function entryFindings(entry: Entry): string[] {
  const raw = typeof entry.raw === 'string' ? [] : ['raw: no text']
  if ('item' in entry) return [...raw, ...itemFindings(entry.item)]
  const { problem, place, externalId } = entry
  return [
    ...raw,
    ...(problem ? [] : ['problem: empty']),
    ...(place ? [] : ['place: empty']),
    ...(externalId === null || externalId !== '' ? [] : ['externalId: empty, not null']),
  ]
}

/** Two entries of one id are states of one thing: of the same type, at the same link; or one is a deletion. */
function sharedIdFindings(entries: Entry[]): string[] {
  const items = entries.flatMap((entry) => ('item' in entry ? [entry.item] : []))
  const kept = items.filter((item) => item.type !== 'deletion')
  const byId = Map.groupBy(kept, ({ externalId }) => externalId)
  return [...byId.values()].flatMap((group) => {
    const things = new Set(group.map(({ type, link }) => `${type} ${link}`))
    return things.size === 1 ? [] : [`${group.length} items share one id and are not the same`]
  })
}

/** Items apart from how their ids were told apart, which needs the others. */
function essences({ entries }: Reading): string[] {
  const items = entries.flatMap((entry): Item[] => ('item' in entry ? [entry.item] : []))
  return items.map((item) => JSON.stringify({ ...item, externalId: item.externalId.split(' ')[0] }))
}

/** An entry without what says where it stood. */
function withoutPlace(entry: Entry): Entry {
  return 'item' in entry ? entry : { ...entry, place: '' }
}

function isAddress(address: string | null): boolean {
  return address === null || /^https?:$/.test(URL.parse(address)?.protocol ?? '')
}

function attempt(name: string, check: () => string[]): string[] {
  try {
    return check()
  } catch (error) {
    return [`${name} throws ${nameOf(error)}`]
  }
}

// The message of an error may hold somebody's words.
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

/** One finding says what many cuts would say again. */
function first(findings: string[][]): string[] {
  return findings.find((some) => some.length > 0) ?? []
}
