import t from 'tap'
import type { ClientCaller } from '../../domain/callers.ts'
import { logEnd, moveTap, placeEvents, tapPosition } from '../../domain/change-log.ts'
import { readLog } from '../../domain/log-lines.ts'
import { closeDb, inTransaction, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { startPlacing } from '../../workers/keep-log.ts'
import { testDatabase } from '../database.ts'

const ADMINISTRATOR: ClientCaller = {
  kind: 'client',
  clientId: 1,
  name: 'administrator',
  role: 'administrator',
  scopes: [],
  publishable: false,
  brand: null,
  test: false,
  organisationIds: [],
  sourceId: null,
  actingUser: null,
}

async function open(t: Parameters<typeof testDatabase>[0]) {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 12, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  const read = async (after: number, limit = 100) =>
    readLog(
      db,
      { view: 'mine', client: ADMINISTRATOR },
      { filter: {}, after, limit, now: new Date(), window: limit },
    )
  return { db, read }
}

// The same chances each time, so that a failure comes again.
function chances(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

t.test('who reads while many write misses none, sees none twice, and finds no gap', async (t) => {
  const { db, read } = await open(t)
  const random = chances(7)
  const turns = (most: number) => async () => {
    for (let n = Math.floor(random() * most); n > 0; n--)
      await new Promise((resolve) => setImmediate(resolve))
  }
  const kept: number[] = []
  let writing = true
  let over = false

  // They draw their numbers one after the other and commit in any order; one in five does not commit at all.
  const write = async (): Promise<void> => {
    for (let n = 0; n < 40; n++) {
      const gives = random() < 0.2
      const drawn: number[] = []
      await inTransaction(db, async (tx) => {
        for (let more = 1 + Math.floor(random() * 4); more > 0; more--) {
          const { rows } = await tx.query<{ id: number }>(
            `insert into events (type) values ('policy.changed') returning id`,
          )
          drawn.push(rows[0]?.id as number)
          await turns(40)()
        }
        if (gives) throw new Error('given up')
      }).then(
        () => kept.push(...drawn),
        (error: Error) => t.equal(error.message, 'given up'),
      )
    }
  }
  // Two at once: one of them does it.
  const place = async (): Promise<void> => {
    while (writing) {
      await Promise.all([placeEvents(db, 7), placeEvents(db, 50)])
      await turns(20)()
    }
  }
  const follow = async (limit: number): Promise<number[]> => {
    const seen: number[] = []
    for (let after = 0; ; ) {
      const last = over
      const page = await read(after, limit)
      seen.push(...page.lines.map(({ position }) => position))
      after = page.next
      if (last && !page.more) return seen
    }
  }
  const followers = [follow(3), follow(100)]
  const placing = [place(), place()]
  await Promise.all(Array.from({ length: 6 }, write))
  writing = false
  await Promise.all(placing)
  await placeEvents(db)
  over = true

  const numbers = Array.from({ length: kept.length }, (_, n) => n + 1)
  for (const seen of await Promise.all([follow(7), ...followers])) t.same(seen, numbers)
  t.equal(await logEnd(db.pool), kept.length)
  const { rows } = await db.pool.query<{ id: number }>('select id from events order by id')
  t.same(
    rows.map(({ id }) => id),
    kept.sort((a, b) => a - b),
  )
})

t.test('of one step the order is that of the numbers', async (t) => {
  const { db } = await open(t)
  await db.pool.query(
    `insert into events (type, reason) select 'policy.changed', n::text from generate_series(1, 25) as n`,
  )
  t.equal(await placeEvents(db, 10), 25)
  t.equal(await placeEvents(db, 10), 0, 'twice is once')
  const { rows } = await db.pool.query<{ position: number; reason: string }>(
    'select position, reason from events order by position',
  )
  t.same(
    rows.map(({ position, reason }) => [position, Number(reason)]),
    Array.from({ length: 25 }, (_, n) => [n + 1, n + 1]),
  )
})

t.test(
  'a worker places what is committed as soon as it is, and another takes over when it dies',
  async (t) => {
    const { db, read } = await open(t)
    const warnings: string[] = []
    const log = {
      info() {},
      warn: (_: object, message: string) => warnings.push(message),
      error() {},
    } as never
    // So seldom would they look by themselves.
    const [one, two] = [startPlacing({ db, log }, 3_600_000), startPlacing({ db, log }, 50)]
    t.teardown(async () => void (await Promise.all([one.stop(), two.stop()])))
    const untilPlaced = async (count: number) => {
      while ((await read(0)).lines.length < count) await new Promise((resolve) => setImmediate(resolve))
    }
    await db.pool.query(`insert into events (type) values ('policy.changed')`)
    await untilPlaced(1)
    const killed = await db.pool.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()
       and database = (select oid from pg_database where datname = current_database())`,
    )
    t.equal(killed.rowCount, 1, 'one had the lock')
    await db.pool.query(`insert into events (type) values ('policy.changed'), ('policy.changed')`)
    await untilPlaced(3)
    t.same(
      (await read(0)).lines.map(({ position }) => position),
      [1, 2, 3],
    )
  },
)

t.test('a tap begins at the end, goes on where it was, and never back', async (t) => {
  const { db } = await open(t)
  await db.pool.query(`insert into events (type) values ('policy.changed'), ('policy.changed')`)
  await placeEvents(db)
  t.equal(await tapPosition(db.pool, 'test'), 2)
  await db.pool.query(`insert into events (type) values ('policy.changed')`)
  await placeEvents(db)
  t.equal(await tapPosition(db.pool, 'test'), 2)
  await moveTap(db.pool, 'test', 3)
  await moveTap(db.pool, 'test', 1)
  t.equal(await tapPosition(db.pool, 'test'), 3)
})
