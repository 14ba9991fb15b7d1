import { rebuildCaseIndex } from '../domain/case-index.ts'
import { row } from '../prisma/client.ts'
import { applyMigrations } from '../prisma/engine.ts'
import { fillDatabase } from './fill.ts'
import { printTable } from './setting.ts'
import { hasDatabase, makeDatabase, type Store, vacuum, withDb } from './store.ts'

const SEED = 20_261_126

/** Makes the databases of so many invented cases and of a tenth of them, and prints what they hold and how long it took. */
export async function makeFilled(store: Store, cases: number, { again }: { again: boolean }): Promise<void> {
  for (const one of [Math.round(cases / 10), cases]) {
    if (again || !(await hasDatabase(store, one))) await make(store, one)
  }
}

async function make(store: Store, cases: number): Promise<void> {
  console.log(
    `\n${cases.toLocaleString('en-GB')} cases ${store.dataFolder === null ? 'on the server given' : `in ${store.dataFolder}`}`,
  )
  const took: [string, string][] = []
  const timed = async (what: string, work: () => Promise<unknown>) => {
    const started = performance.now()
    await work()
    took.push([what, `${((performance.now() - started) / 1_000).toFixed(0)} s`])
  }
  const url = await makeDatabase(store, cases, async (draft) => {
    await applyMigrations(draft)
    await withDb(draft, async (db) => {
      const now = new Date()
      now.setUTCHours(0, 0, 0, 0)
      await timed('organisations, cases, responses', () =>
        fillDatabase(db, { cases, seed: SEED, now, progress: (done) => progress(done, cases) }),
      )
      await timed('search, counts and map', () => rebuildCaseIndex(db))
    })
    await timed('vacuum and analyze', () => vacuum(draft))
  })
  printTable(['made', 'in'], took)
  printTable(['what', 'how many'], await described(url))
}

function progress(done: number, all: number): void {
  if (done % 100_000 === 0 && done < all) console.log(`  ${done.toLocaleString('en-GB')} written`)
}

async function described(url: string): Promise<[string, string][]> {
  const found = await withDb(url, ({ pool }) =>
    row<Record<'cases' | 'published' | 'open' | 'welsh' | 'responses' | 'organisations' | 'size', string>>(
      pool,
      `select count(*)::text as cases, round(100.0 * count(*) filter (where publication = 'published') / count(*)) || ' %' as published,
         round(100.0 * count(*) filter (where status in ('open', 'in_progress')) / count(*)) || ' %' as open,
         round(100.0 * count(*) filter (where language = 'cy') / count(*)) || ' %' as welsh,
         round(100.0 * (select count(distinct case_id) from responses) / count(*)) || ' %' as responses,
         (select count(*)::text from organisations) as organisations,
         pg_size_pretty(pg_database_size(current_database())) as size from cases`,
    ),
  )
  return Object.entries(found ?? {})
}
