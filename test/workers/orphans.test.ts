import t, { type Test } from 'tap'
import { listAttention, ORPHAN_DAYS } from '../../domain/attention.ts'
import type { ClientCaller } from '../../domain/callers.ts'
import { ingest } from '../../domain/ingest.ts'
import { createAlias } from '../../domain/organisation-aliases.ts'
import { askRedrive } from '../../domain/redrives.ts'
import { keepHouse } from '../../workers/housekeeping.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { administrator, reply, storedResponses, story } from '../domain/ingest-store.ts'
import { polledSource, pollSetting, type Setting, send } from './poll-setting.ts'
import { done } from './run-setting.ts'

const A_DAY = 86_400_000

t.test('a reply that came alone is attached when a poll brings its story', async (t) => {
  const { context, db, source, feed } = await setting(t)
  feed.entries = [REPLY]
  await pollSource(context, source)
  t.same(await storedResponses(db), [])
  feed.entries = [STORY]
  await pollSource(context, source)
  t.match(await storedResponses(db), [{ key: 'tag:stories.example,2026:reply', text: /Thank you/ }])
})

t.test('and when a push brings it, of the same source only', async (t) => {
  const { context, db, source, feed } = await setting(t)
  const other = await polledSource(db, 'https://other.example/', { name: 'other' })
  feed.entries = [REPLY]
  await pollSource(context, source)
  const pushed = { now: context.now(), readBy: 'pushed' }
  await ingest(db, other, [story('tag:stories.example,2026:story')], pushed)
  t.same(await storedResponses(db), [])
  await ingest(db, source, [story('tag:stories.example,2026:story')], pushed)
  t.match(await storedResponses(db), [{ key: 'tag:stories.example,2026:reply' }])
})

t.test('and when a redrive takes it out of the quarantine', async (t) => {
  const { context, db, admin, source, feed } = await setting(t, 'hospitals/99')
  feed.entries = [REPLY]
  await pollSource(context, source)
  feed.entries = [STORY]
  await pollSource(context, source)
  t.same(await storedResponses(db), [], 'nobody knows its organisation')
  await createAlias(db, admin, 'polled', { code: 'hospitals/99', organisation: 'RX1' })
  await done(context, await askRedrive(db, admin, 'polled', {}, { key: undefined, now: context.now() }))
  t.match(await storedResponses(db), [{ key: 'tag:stories.example,2026:reply' }])
})

t.test('a reply that has waited for a week is told as an orphan, until its story comes', async (t) => {
  const { db, admin, source, clock } = await setting(t)
  const orphans = async () =>
    (await listAttention(db, admin, clock.now())).filter(({ kind }) => kind === 'orphans')
  const pushed = () => ({ now: clock.now(), readBy: 'pushed' })
  await ingest(db, source, [reply('r-1', 's-1')], pushed())
  clock.pass(A_DAY)
  await ingest(db, source, [reply('r-2', 's-2')], pushed())
  clock.pass((ORPHAN_DAYS - 1) * A_DAY)
  t.same(await orphans(), [])
  clock.pass(1_000)
  t.match(await orphans(), [{ source: 'polled', count: 1, since: '2026-11-22T12:00:00.000Z' }])
  await ingest(db, source, [story('s-1')], pushed())
  t.same(await orphans(), [])
})

t.test('the log warns of orphans once a day, by counts, and says nothing while there are none', async (t) => {
  const { context, db, source, clock, lines } = await setting(t)
  const warnings = () =>
    lines.filter(({ message }) => message === 'replies wait for stories that do not come')
  await ingest(db, source, [reply('r-1', 's-1'), reply('r-2', 's-1')], { now: clock.now(), readBy: 'pushed' })
  await keepHouse(context)
  clock.pass((ORPHAN_DAYS + 1) * A_DAY)
  t.same(warnings(), [])
  await keepHouse(context)
  await keepHouse(context)
  const line = { level: 'warn', sourceId: source, count: 2, since: '2026-11-22T12:00:00.000Z' }
  t.same(warnings(), [{ ...line, message: 'replies wait for stories that do not come' }])
  clock.pass(A_DAY)
  await keepHouse(context)
  t.equal(warnings().length, 2)
})

const STORY = `<entry><id>tag:stories.example,2026:story</id><title>A story</title><updated>2026-11-02T10:00:00Z</updated>
  <content>They were kind. (Invented.)</content></entry>`
const REPLY = `<entry><id>tag:stories.example,2026:reply</id><title>Re</title><updated>2026-11-03T10:00:00Z</updated>
  <thr:in-reply-to xmlns:thr="http://purl.org/syndication/thread/1.0" ref="tag:stories.example,2026:story"/>
  <content>Thank you. (Invented.)</content></entry>`

type OrphanSetting = Setting & { admin: ClientCaller; source: number; feed: { entries: string[] } }

/** A polled source whose feed has the entries of the moment; `code` is what it calls the organisation it is about. */
async function setting(t: Test, code?: string): Promise<OrphanSetting> {
  const feed = { entries: [] as string[] }
  const all = await pollSetting(t, (_, response) =>
    send(
      response,
      `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Stories</title>
        <id>tag:stories.example,2026:feed</id><updated>2026-11-02T10:00:00Z</updated>${feed.entries.join('')}</feed>`,
    ),
  )
  const { db, server } = all
  const admin = await administrator(db)
  const about = code === undefined ? {} : { settings: { organisation: { scheme: 'source', code } as const } }
  const source = await polledSource(db, `${server.url}/feed`, about)
  return { ...all, admin, source, feed }
}
