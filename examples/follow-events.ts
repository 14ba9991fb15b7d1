/**
 * A supplier that keeps a copy of everything that is published, up to date within a moment: it reads the change log from where
 * it was, then listens to it. Stop it and start it again as you like; it goes on where it was. No key is needed.
 *
 *   npx node examples/follow-events.ts copy.json
 *
 * What has left the public leaves the copy too: that is what the licence of a copy depends on.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerOf } from './answer.ts'

type PublicCase = { view: string; reference: string; text: string; status: string }
type Page = { items: Line[]; next: string; more: boolean }
type Line = { id: string; type: string; case: string | null; url: string | null; gone: boolean }

/** `after` is the last line that is in the copy. */
export type Copy = {
  after: string
  cases: Record<string, PublicCase>
}

/** Keeps the copy in `file` until `signal` says stop; `kept` is called whenever it was written. */
export async function followEvents({
  url,
  file,
  signal,
  kept = () => undefined,
}: {
  url: string
  file: string
  signal: AbortSignal
  kept?: (copy: Copy) => void
}): Promise<void> {
  const copy: Copy = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { after: '0', cases: {} }
  const take = async (lines: readonly Line[], after: string): Promise<void> => {
    for (const line of lines) await apply(line, url, copy)
    copy.after = after
    // Whole, or not at all, also when this process is killed.
    writeFileSync(`${file}.new`, JSON.stringify(copy))
    renameSync(`${file}.new`, file)
    kept(copy)
  }
  while (!signal.aborted) {
    try {
      await readOn(url, copy, take, signal)
      await listen(url, copy, take, signal)
    } catch (error) {
      if (!signal.aborted) console.error(error instanceof Error ? error.message : error)
    }
    // The service restarts, or the network was away: what happens meanwhile is read then.
    await sleep(1_000, undefined, { signal }).catch(() => undefined)
  }
}

type Take = (lines: readonly Line[], after: string) => Promise<void>

async function apply({ case: reference, gone }: Line, url: string, { cases }: Copy): Promise<void> {
  if (reference === null) return
  const answer = gone ? undefined : await fetch(`${url}/v1/cases/${reference}`)
  // It may have left since: the line that says so comes later.
  const theCase =
    answer === undefined || answer.status === 404 ? undefined : await answerOf<PublicCase>(answer)
  if (theCase?.view === 'public') cases[reference] = theCase
  else delete cases[reference]
}

/** Page by page, until nothing is left. */
async function readOn(url: string, copy: Copy, take: Take, signal: AbortSignal): Promise<void> {
  for (let more = true; more; ) {
    const page = await answerOf<Page>(
      await fetch(`${url}/v1/events?after=${copy.after}&limit=200`, { signal }),
    )
    await take(page.items, page.next)
    more = page.more
  }
}

/** As it happens, until the connection ends. */
async function listen(url: string, copy: Copy, take: Take, signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${url}/v1/events/stream`, { headers: { 'Last-Event-ID': copy.after }, signal })
  if (!answer.ok || answer.body === null) throw new Error(`the stream answers ${answer.status}`)
  let text = ''
  for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + part).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      const [id, data] = [field('id'), field('data')]
      if (id === undefined) continue
      // An id without data: nothing up to there was for us.
      await take(data === undefined ? [] : [JSON.parse(data)], id)
    }
  }
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000' } = process.env
  const [file = 'copy.json'] = process.argv.slice(2)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  await followEvents({
    url,
    file,
    signal: stop.signal,
    kept: ({ after, cases }) => console.log(`${Object.keys(cases).length} cases, up to line ${after}`),
  })
}
