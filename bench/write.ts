// npm run bench:write [-- <cases>] [--quick]: what all indexes cost where they are written. On a copy of the database that
// bench:data has made. Ratios are of one run.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createReader } from '../connectors/reader.ts'
import { indexCases, isIndexBehind } from '../domain/case-index.ts'
import { ingest, LARGEST_BATCH } from '../domain/ingest.ts'
import type { Entry } from '../domain/items.ts'
import { type Db, row, rows } from '../prisma/client.ts'
import { makeFilled } from './make-filled.ts'
import { rssDocument } from './rss-document.ts'
import { median, printTable } from './setting.ts'
import { findDatabase, openStore, withCopy, withDb } from './store.ts'
import { HEAD, plainRow } from './target-rows.ts'

const QUICK = process.argv.includes('--quick')
const WANTED = Number(process.argv.slice(2).find((one) => /^\d+$/.test(one)) ?? Number.NaN)
const ITEMS = QUICK ? 1_000 : 20_000
const ROUNDS = QUICK ? 1 : 3
const QUICK_CASES = 20_000

const store = await openStore()
try {
  if (QUICK) await makeFilled(store, QUICK_CASES, { again: false })
  const { cases } = await findDatabase(store, QUICK ? QUICK_CASES : WANTED || undefined)
  await withCopy(store, cases, (url) => withDb(url, (db) => bench(db, url, cases)))
} finally {
  await store.stop()
}

async function bench(db: Db, url: string, cases: number): Promise<void> {
  const rounds: Round[] = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await oneRound(db, url, round))
  const of = (name: keyof Round) => median(rounds.map((round) => round[name]))
  const ratio = median(rounds.map(({ written, bare }) => written / bare))
  console.log(
    `\n${ITEMS.toLocaleString('en-GB')} more among ${cases.toLocaleString('en-GB')} cases, in batches of ${LARGEST_BATCH}\n`,
  )
  printTable(HEAD, [
    plainRow('bare upsert of the same rows, at commit', perSecond(of('bare'))),
    plainRow(
      'items to cases, all indexes, the index worker running',
      `${perSecond(of('written'))}, ${ratio.toFixed(2)} × bare`,
      '≥ 0.35 ×',
      ratio >= 0.35,
    ),
    plainRow('the same without the index worker', perSecond(of('alone'))),
    plainRow('drained after the last write', `${of('drained').toFixed(1)} s`, '≤ 10 s', of('drained') <= 10),
    plainRow(
      'search text, counts and cells of a case, alone',
      `${(1_000 / of('indexed')).toFixed(2)} ms, ${perSecond(of('indexed'))}`,
    ),
  ])
}

/** Cases in a second; `drained` is in seconds. */
type Round = Record<'written' | 'drained' | 'bare' | 'alone' | 'indexed', number>

async function oneRound(db: Db, url: string, round: number): Promise<Round> {
  const worker = await startWorker(url)
  const written = await write(db, `with-${round}`)
  const drained = await timed(() => untilDrained(db))
  worker.kill()
  const bare = await upsertBare(db, `with-${round}`)
  const alone = await write(db, `alone-${round}`)
  const indexed = await timed(() => indexCases(db))
  return { written, drained, bare, alone, indexed: ITEMS / indexed }
}

async function write(db: Db, name: string): Promise<number> {
  const { id } = await db.prisma.source.create({
    data: { name, title: 'Invented', organisationScheme: 'bench', state: 'active', trusted: true },
  })
  const batches = await entriesOf(db, name)
  const now = new Date()
  const seconds = await timed(async () => {
    for (const batch of batches) await ingest(db, id, batch, { now, readBy: 'feed' })
  })
  const made = await row<{ n: number }>(db.pool, 'select count(*) as n from cases where source_id = $1', [id])
  if (made?.n !== ITEMS)
    throw new Error(`${made?.n} cases instead of ${ITEMS}: the figures would mean nothing`)
  return ITEMS / seconds
}

/** Read beforehand: only the writing is measured. The newest cases, at places all over the country. */
async function entriesOf({ pool }: Db, name: string): Promise<Entry[][]> {
  const organisations = await rows<{ code: string }>(
    pool,
    `select code from organisations where kind in ('site', 'trust', 'gp_practice') order by hashint4(id) limit 1000`,
  )
  const codes = organisations.map(({ code }) => code)
  const first = Date.now() - ITEMS * 7 * 60_000
  const bytes = rssDocument(ITEMS, codes, '', { first, name })
  const reader = createReader({ threads: 1, milliseconds: 60_000, megabytes: 1_024 })
  try {
    const document = {
      bytes,
      contentType: 'application/rss+xml',
      status: 200,
      url: 'https://stories.example/feed',
    }
    const settings = { organisationCategory: { domain: 'urn:ods', scheme: 'ods' } }
    const reading = await reader.read('feed', document, settings, {
      limits: { entries: Number.POSITIVE_INFINITY },
    })
    if ('failure' in reading) throw new Error(reading.detail)
    const batches: Entry[][] = []
    for await (const batch of reading.batches()) batches.push(batch)
    return batches
  } finally {
    await reader.close()
  }
}

/** The rows that were written, batch by batch into a table that has nothing but its key. */
async function upsertBare({ pool }: Db, name: string): Promise<number> {
  await pool.query('drop table if exists bare_cases')
  await pool.query('create table bare_cases (like cases including defaults)')
  await pool.query('alter table bare_cases add primary key (id)')
  const batches = await rows<{ batch: string }>(
    pool,
    `select json_agg(c)::text as batch from (
       select row_number() over (order by c.id) / ${LARGEST_BATCH} as number, c.* from cases c
       join sources s on s.id = c.source_id where s.name = $1) as c group by number order by number`,
    [name],
  )
  const seconds = await timed(async () => {
    for (const { batch } of batches) {
      await pool.query({
        name: 'bare-upsert',
        text: `insert into bare_cases select * from json_populate_recordset(null::bare_cases, $1::json)
          on conflict (id) do update set moderated_title = excluded.moderated_title, moderated_text = excluded.moderated_text,
            status = excluded.status, updated_at = excluded.updated_at`,
        values: [batch],
      })
    }
  })
  return ITEMS / seconds
}

async function untilDrained(db: Db): Promise<void> {
  while (await isIndexBehind(db)) await sleep(20)
}

async function startWorker(url: string) {
  const worker = fork(join(import.meta.dirname, 'index-worker.ts'), [], {
    env: { ...process.env, BENCH_URL: url },
  })
  await once(worker, 'message')
  return worker
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1_000
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en-GB')}/s`
}
