import { newKey } from '../domain/clients.ts'
import { closeDb, type Db } from '../prisma/client.ts'
import { startIndexing } from '../workers/keep-index.ts'
import { startPlacing } from '../workers/keep-log.ts'
import { type Load, type Pace, type Server, startLoad, startServer } from './compare.ts'
import { makeFilled } from './make-filled.ts'
import type { Which } from './serve.ts'
import { findDatabase, openBenchDb, openStore } from './store.ts'

/** What a benchmark of reading runs on. */
export type Reading = {
  db: Db
  cases: number
  load: Load
  pace: Pace
  /** Starts a server, on the small database if that is said. */
  server: (which: Which, on?: 'small') => Promise<Server>
  /** What a caller sends who has a key, to a server on either database. */
  headers: Readonly<Record<string, string>>
  quick: boolean
}

const QUICK_CASES = 20_000

/**
 * Runs `work` on the largest database there is, or the one of so many cases that the command line names, with the index
 * being kept as in production. `--quick` takes a small one, made if need be, and little time.
 */
export async function reading(work: (reading: Reading) => Promise<void>): Promise<void> {
  const quick = process.argv.includes('--quick')
  const wanted = Number(process.argv.slice(2).find((one) => /^\d+$/.test(one)) ?? Number.NaN)
  const store = await openStore()
  // Undone in turn, the last first.
  const undo: (() => unknown)[] = [() => store.stop()]
  try {
    if (quick) await makeFilled(store, QUICK_CASES, { again: false })
    const large = await findDatabase(store, quick ? QUICK_CASES : wanted || undefined)
    const small = await findDatabase(store, Math.round(large.cases / 10))
    const load = startLoad()
    undo.push(() => load.stop())
    const { key, data } = newKey('supplier')
    const open = async (url: string): Promise<Db> => {
      const db = openBenchDb(url)
      undo.push(() => closeDb(db))
      await addReader(db, data)
      undo.push(() => forgetReaders(db))
      const placing = startPlacing({ db, log: LOG })
      const indexing = startIndexing({ db, log: LOG })
      undo.push(() => placing.stop())
      undo.push(() => indexing.stop())
      return db
    }
    const db = await open(large.url)
    await open(small.url)
    console.log(`\n${large.cases.toLocaleString('en-GB')} cases, ${new Date().toISOString().slice(0, 10)}\n`)
    await work({
      db,
      cases: large.cases,
      load,
      pace: quick ? QUICK : USUAL,
      headers: { authorization: `Bearer ${key}` },
      async server(which, on) {
        const server = await startServer(which, on === 'small' ? small.url : large.url)
        undo.push(() => server.stop())
        return server
      },
      quick,
    })
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

const USUAL: Pace = { rounds: 5, milliseconds: 1_000, connections: 4 }
const QUICK: Pace = { rounds: 2, milliseconds: 300, connections: 4 }

const quiet = () => undefined
/** Only what went wrong. */
export const LOG = {
  info: quiet,
  warn: (fields: object, message: string) => console.error(message, fields),
  error: (fields: object, message: string) => console.error(message, fields),
}

const READER = 'bench reader'

/** A caller of everything public whose key works on each database. */
async function addReader(db: Db, data: ReturnType<typeof newKey>['data']): Promise<void> {
  await forgetReaders(db)
  await db.prisma.apiClient.create({
    data: { name: READER, role: 'supplier', origins: [], keys: { create: data } },
  })
}

async function forgetReaders({ prisma }: Db): Promise<void> {
  await prisma.apiClient.deleteMany({ where: { name: READER } })
}
