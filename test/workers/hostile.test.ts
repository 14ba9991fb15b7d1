import { readdirSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { RunRow } from '../../domain/runs.ts'
import { rows } from '../../prisma/client.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { bytesOf } from '../connectors/documents.ts'
import { fetcherFor } from '../net/servers.ts'
import { polledSource, pollSetting, rss, runsOf, send, sourceRow } from './poll-setting.ts'

// Generous, as the machine may have other work: what is quadratic takes many times as long. The figures are in 0026.
const LONGEST_MS = 30_000
const LONGEST_HOLD_MS = 2_000

type Hostile = {
  answer: (response: ServerResponse) => void
  /** How the poll ends, and what the only case says, if there is one. */
  run: Partial<RunRow>
  /** It is given no more than a second. */
  hasty?: boolean
  says?: { title?: RegExp | null; text?: RegExp }
}

const failed = (outcome: string) => ({ run: { state: 'failed', outcome, created: 0 } }) as const
const oneCase = { run: { state: 'succeeded', outcome: 'changed', created: 1, seen: 1 } } as const
const tooLong = { run: { state: 'succeeded', seen: 1, created: 0, quarantined: 1 } } as const

/** Each document of `test/feeds/attack`, by its name. */
const saved: Record<string, Omit<Hostile, 'answer'>> = {
  'attr-flood.xml': { ...oneCase, says: { title: /^t$/ } },
  'billion-laughs.xml': { ...oneCase, says: { title: /^&a9;$/ } },
  'deep-100k.xml': failed('too-deep'),
  'gzip-bomb-100mb.xml.gz': failed('too-large'),
  'proto-pollution.json': { ...oneCase, says: { text: /^x$/ } },
  'proto-pollution.xml': { ...oneCase, says: { text: /^x$/ } },
  'quadratic-blowup.xml': { ...oneCase, says: { title: /^(&a;)+$|^.{1,1000}$/s } },
  'redos-strip-html.xml': oneCase,
  'unclosed-cdata.xml': { run: { state: 'succeeded', outcome: 'cut', seen: 0, created: 0 } },
  'xss.xml': { ...oneCase, says: { title: null, text: /^ok\s+ld$/ } },
  'xxe-file.xml': { ...oneCase, says: { title: /^&x;$/ } },
  'xxe-http.xml': { ...oneCase, says: { title: /^&x;$/ } },
  'xxe-parameter-dtd.xml': { ...oneCase, says: { title: /^x$/ } },
}

const items = (inside: string) => `<rss version="2.0"><channel>${inside}</channel></rss>`
const json = (inside: string) => `{"version":"https://jsonfeed.org/version/1","items":[${inside}]}`
const made: Record<string, Hostile> = {
  'nested garbage, 20 MB unpacked': {
    ...packed(items('<a><b><c>'.repeat(2_200_000))),
    ...failed('too-deep'),
  },
  'one item of two million elements': {
    ...packed(items(`<item><guid>a</guid><title>t</title>${'<a x=""/>'.repeat(2_000_000)}</item>`)),
    ...tooLong,
  },
  'one item of 19 MB of text': {
    ...packed(
      items(
        `<item><guid>a</guid><title>t</title><description>${'word '.repeat(3_800_000)}</description></item>`,
      ),
    ),
    ...tooLong,
  },
  'JSON of six million values': { ...packed(json(`${'{},'.repeat(6_000_000)}{}`)), ...failed('too-large') },
  'JSON in 19 million brackets': { ...packed(json('['.repeat(19_000_000))), ...failed('too-deep') },
  'more than may come on the wire': {
    answer: (response) => response.end('x'.repeat(6_000_000)),
    ...failed('too-large'),
  },
  'bytes that trickle without end': { answer: trickle, hasty: true, ...failed('timeout') },
  'packed bytes that are none': {
    answer: (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
    ...failed('encoding'),
  },
  'bytes of all kinds': {
    answer: (response) =>
      response.end(Buffer.from(Array.from({ length: 1_000_000 }, (_, n) => (n * 7_919) % 251))),
    ...failed('too-deep'),
  },
}

t.test('every saved document is served here', async (t) => {
  t.same(readdirSync(new URL('../feeds/attack/', import.meta.url)).sort(), Object.keys(saved).sort())
})

t.test(
  'any hostile document ends as a recorded failure or does no harm, and the process goes on',
  async (t) => {
    const all: Record<string, Hostile> = { ...made }
    for (const [file, expected] of Object.entries(saved)) all[file] = { answer: served(file), ...expected }
    const { db, context, hasty, server } = await setting(t, all)
    for (const [name, { run, says, ...its }] of Object.entries(all)) {
      const source = await polledSource(db, `${server.url}/${encodeURIComponent(name)}`, {
        name: keyOf(name),
      })
      const { took, held } = await measured(() => pollSource(its.hasty ? hasty : context, source))
      const [ended] = await runsOf(db, keyOf(name))
      t.match(ended, run, name)
      t.match(await sourceRow(db, keyOf(name)), { claimed_until: null }, `${name}: it is left in order`)
      t.ok(took < LONGEST_MS, `${name}: it took ${Math.round(took)} ms`)
      t.ok(held < LONGEST_HOLD_MS, `${name}: the process was held up for ${Math.round(held)} ms`)
      if (says !== undefined) t.match(await onlyCase(db, source), says, name)
    }
    t.equal(Reflect.get({}, 'polluted'), undefined)

    const source = await polledSource(db, `${server.url}/ordinary`, { name: 'ordinary' })
    await pollSource(context, source)
    t.match(await runsOf(db, 'ordinary'), [{ state: 'succeeded', created: 2 }])
  },
)

function served(file: string): Hostile['answer'] {
  const type = file.endsWith('.json') ? 'application/feed+json' : 'application/rss+xml'
  const encoding = file.endsWith('.gz') ? { 'content-encoding': 'gzip' } : {}
  return (response) =>
    response.writeHead(200, { 'content-type': type, ...encoding }).end(bytesOf(`attack/${file}`))
}

function packed(document: string): Pick<Hostile, 'answer'> {
  const body = gzipSync(document)
  return { answer: (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(body) }
}

function trickle(response: ServerResponse): void {
  response.writeHead(200).write('<rss version="2.0">')
  const more = setInterval(() => response.write(' '), 20)
  response.on('close', () => clearInterval(more))
}

async function measured(work: () => Promise<void>): Promise<{ took: number; held: number }> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const began = performance.now()
  await work()
  const took = performance.now() - began
  delay.disable()
  return { took, held: delay.max / 1e6 }
}

async function onlyCase(db: Awaited<ReturnType<typeof setting>>['db'], sourceId: number) {
  const [found] = await rows<{ title: string | null; text: string }>(
    db.pool,
    'select moderated_title as title, moderated_text as text from cases where source_id = $1',
    [sourceId],
  )
  return found
}

function keyOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
}

async function setting(t: Test, all: Record<string, Hostile>) {
  const { db, context, server } = await pollSetting(t, (request, response) => {
    const hostile = all[decodeURIComponent(request.url ?? '').slice(1)]
    if (hostile === undefined) send(response, rss(['a', 'b']))
    else hostile.answer(response)
  })
  const fetcher = fetcherFor(t, [server], { now: context.now, limits: { totalMs: 1_000 } })
  return { db, server, context, hasty: { ...context, fetcher } }
}
