import { pushedEntry } from '../../connectors/pushed-item.ts'
import { lineEntries } from '../../connectors/pushed-lines.ts'
import { messageEntries } from '../../connectors/pushed-message.ts'
import { invalid } from '../../domain/errors.ts'
import type { Entry } from '../../domain/items.ts'
import { pushDocument as keepInStore } from '../../domain/push-document.ts'
import { pushItems as pushToStore } from '../../domain/push-items.ts'
import { receiveText as takeIntoStore } from '../../domain/receive-text.ts'
import { receiveWebhook as takeSigned } from '../../domain/receive-webhook.ts'
import type { Schemas } from '../contract/handler.ts'
import { pushResultView, receivedTextView, runView } from '../views/source.ts'
import { type Context, clientOf, type Handle } from './context.ts'
import { pathOf } from './runs.ts'

export const pushItems: Handle<'pushItems'> = async (request) => {
  const { db, body, header, path, query, now, publicUrl } = request
  const { dryRun = false, bookmark } = query
  const entries = entriesIn(request, body)
  const key = header['Idempotency-Key']
  const options = { bookmark, dryRun, key, now }
  const pushed = await pushToStore(db, clientOf(request), path.source, entries, options)
  return { status: 200, body: pushResultView(pushed, publicUrl) }
}

export const pushDocument: Handle<'pushDocument'> = async (request) => {
  const { db, body, contentType = '', header, path, now, publicUrl } = request
  const document = { bytes: body ?? Buffer.alloc(0), contentType }
  const run = await keepInStore(db, clientOf(request), path.source, document, {
    key: header['Idempotency-Key'],
    now,
  })
  return { status: 202, body: runView(run, publicUrl), location: pathOf(run) }
}

export const receiveWebhook: Handle<'receiveWebhook'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const message = {
    id: header['webhook-id'],
    timestamp: header['webhook-timestamp'],
    signature: header['webhook-signature'],
    body: body ?? Buffer.alloc(0),
  }
  const pushed = await takeSigned(db, path.source, message, {
    now,
    entriesIn: (bytes) => entriesOfMessage(request, bytes),
  })
  return { status: 200, body: pushResultView(pushed, publicUrl) }
}

export const receiveText: Handle<'receiveText'> = async (request) => {
  const { db, body, path, now } = request
  return {
    status: 200,
    body: receivedTextView(await takeIntoStore(db, clientOf(request), path.source, body, now)),
  }
}

const MOST_ITEMS = 5_000

function entriesIn(context: Context, body: Schemas['NewItems'] | Buffer | undefined): Entry[] {
  if (body !== undefined && !Buffer.isBuffer(body)) {
    return body.items.map((item, n) => pushedEntry(item, n, wordsAgainst(context, item)))
  }
  const bytes = body ?? Buffer.alloc(0)
  const entries = lineEntries(bytes, MOST_ITEMS, (item) => wordsAgainst(context, item))
  if (entries !== null && entries.length > 0) return entries
  const code = entries === null ? 'too_many' : 'too_few'
  throw invalid({ pointer: '', code, detail: `Send 1 to ${MOST_ITEMS} items, one JSON object a line.` })
}

function entriesOfMessage(context: Context, bytes: Uint8Array): Entry[] {
  const entries = messageEntries(bytes, (item) => wordsAgainst(context, item))
  if (Array.isArray(entries)) return entries
  throw invalid(entries)
}

function wordsAgainst({ problemsOf }: Context, item: unknown): string[] {
  return problemsOf('NewItem', item).map(({ pointer, detail }) => `${pointer}: ${detail}`)
}
