import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { createReader, type Reader } from '../../connectors/reader.ts'
import type { RunRow } from '../../domain/runs.ts'
import { listRuns } from '../../domain/runs.ts'
import { createSource, type SourceDraft, updateSource } from '../../domain/sources.ts'
import { type Db, rows } from '../../prisma/client.ts'
import { type Context, defaultPollSettings, type PollSettings } from '../../workers/context.ts'
import { client, ingestStore, NOW } from '../domain/ingest-store.ts'
import { fetcherFor, type LocalServer, serve } from '../net/servers.ts'

export type Line = { level: string; message: string; [field: string]: unknown }

/** A clock that only the test moves. */
export type Clock = { now: () => Date; pass: (milliseconds: number) => void }

export type Setting = {
  db: Db
  server: LocalServer
  context: Context
  lines: Line[]
  clock: Clock
}

/** A store, a provider on this machine that answers as the test says, and a worker's context over both. */
export async function pollSetting(
  t: Test,
  answer: RequestListener,
  settings: Partial<PollSettings> = {},
): Promise<Setting> {
  const db = await ingestStore(t)
  const server = await serve(t, answer)
  const clock = handClock()
  const lines: Line[] = []
  const context: Context = {
    db,
    fetcher: fetcherFor(t, [server], { now: clock.now }),
    reader: readerFor(t),
    log: logTo(lines),
    now: clock.now,
    random: () => 0.5,
    signal: new AbortController().signal,
    settings: { ...defaultPollSettings, ...settings },
  }
  return { db, server, context, lines, clock }
}

/** A reader that ends with the test. */
export function readerFor(t: Test): Reader {
  const reader = createReader()
  t.teardown(reader.close)
  return reader
}

/** A polled, trusted source that has been looked at, or is still to be with `probing`; its key in the store. */
export async function polledSource(
  db: Db,
  address: string,
  { probing = false, ...draft }: Partial<SourceDraft> & { probing?: boolean } = {},
): Promise<number> {
  const admin = await client(db, {
    name: `Administration of ${draft.name ?? 'polled'}`,
    role: 'administrator',
  })
  const name = draft.name ?? 'polled'
  const settings = { organisation: { scheme: 'ods', code: 'RX1' } } as const
  const whole = { title: 'Polled (invented)', connector: 'feed', address, settings, ...draft, name }
  await createSource(db, admin, whole, { key: undefined, now: NOW })
  await updateSource(db, admin, name, { trusted: true }, { version: 1, now: NOW })
  if (!probing) await rows(db.pool, `update sources set state = 'active' where name = $1`, [name])
  const [source] = await rows<{ id: number }>(db.pool, 'select id from sources where name = $1', [name])
  return (source as { id: number }).id
}

/** The runs of a source, the last one first. */
export async function runsOf(db: Db, name = 'polled'): Promise<RunRow[]> {
  const admin = { ...(await client(db, { name: `Reader ${Math.random()}`, role: 'administrator' })) }
  return (await listRuns(db, admin, name, { limit: 50 })).items
}

export async function sourceRow(db: Db, name = 'polled'): Promise<Record<string, unknown>> {
  const [source] = await rows<{ row: Record<string, unknown> }>(
    db.pool,
    'select to_jsonb(s) as row from sources s where name = $1',
    [name],
  )
  return (source as { row: Record<string, unknown> }).row
}

export async function caseCount(db: Db): Promise<number> {
  const [found] = await rows<{ n: number }>(
    db.pool,
    `select count(*) as n from cases where publication <> 'removed'`,
  )
  return (found as { n: number }).n
}

/** An RSS document with a story for each id. */
export function rss(ids: readonly string[], { end = '</channel></rss>' } = {}): string {
  const items = ids.map(
    (
      id,
    ) => `<item><guid isPermaLink="false">${id}</guid><title>Story ${id}</title><link>https://stories.example/${id}</link>
      <description>Words of ${id}. (Invented example.)</description><pubDate>Mon, 02 Nov 2026 10:00:00 GMT</pubDate></item>`,
  )
  return `<?xml version="1.0"?><rss version="2.0"><channel><title>Stories</title><link>https://stories.example/</link>
    <description>Invented</description>${items.join('\n')}${end}`
}

/** A page of an Atom feed with a story for each id; `head` stands before its entries. */
export function atom(ids: readonly string[], next: string | null, head = ''): string {
  const entries = ids.map(
    (
      id,
    ) => `<entry><id>tag:stories.example,2026:${id}</id><title>Story ${id}</title><updated>2026-11-02T10:00:00Z</updated>
      <published>2026-11-02T10:00:00Z</published><content>Words of ${id}. (Invented example.)</content></entry>`,
  )
  return `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Stories</title><id>tag:stories.example,2026:feed</id>
    <updated>2026-11-02T10:00:00Z</updated>${next === null ? '' : `<link rel="next" href="${next}"/>`}${head}${entries.join('\n')}</feed>`
}

export function send(response: ServerResponse, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/xml', ...headers }).end(body)
}

/** The page that a request asks for: `?page=2`. */
export function pageOf(request: IncomingMessage): number {
  return Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('page') ?? 1)
}

export function logTo(lines: Line[]): Context['log'] {
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, ...fields })
  }
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

/** Waits until something is so, and fails when it does not become so. */
export async function until(what: string, test: () => Promise<boolean>): Promise<void> {
  const late = Date.now() + 45_000
  while (!(await test())) {
    if (Date.now() > late) throw new Error(`it did not come to pass: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

function handClock(): Clock {
  let now = NOW.getTime()
  return {
    now: () => new Date(now),
    pass: (milliseconds) => {
      now += milliseconds
    },
  }
}
