import type { DocumentFailure, Entry } from '../domain/items.ts'
import type { FetchedDocument, Reading, ReadOptions } from './connector.ts'
import { decodeDocument } from './decode.ts'
import { parseJsonValue } from './json.ts'
import { xmlLimits } from './xml-reader.ts'

/** The value of a JSON document, or why there is none: another status, an error page, broken or cut off. */
export function readJsonDocument({
  bytes,
  contentType,
  status,
}: FetchedDocument): { value: unknown; warnings: string[] } | DocumentFailure {
  if (status >= 300) return { failure: 'not-a-feed', detail: `status ${status}` }
  const { text, warnings } = decodeDocument(bytes, contentType)
  const start = text.trimStart()
  if (/^<(?:!doctype\s+html|html|head|body)\b/i.test(start)) {
    return { failure: 'not-a-feed', detail: 'an HTML page' }
  }
  if (start !== '' && !/^[[{]/.test(start)) return { failure: 'not-a-feed', detail: 'no JSON list or object' }
  const parsed = parseJsonValue(start)
  return 'failure' in parsed ? parsed : { value: parsed.value, warnings }
}

/** A page of entries as a reading; what is beyond the limit is not even made, and the page is then not complete. */
export function readingOf(
  made: Iterable<Entry>,
  next: string | null,
  warnings: string[],
  options: ReadOptions,
): Reading {
  const most = options.limits?.entries ?? xmlLimits.entries
  const entries: Entry[] = []
  let complete = true
  for (const entry of made) {
    complete = entries.length < most
    if (!complete) break
    entries.push(entry)
  }
  return {
    title: null,
    entries,
    next,
    listsAll: false,
    previousArchive: null,
    hub: null,
    ttlMinutes: null,
    complete,
    warnings: complete ? warnings : [...warnings, `more than ${most} entries: the rest is left`],
  }
}
