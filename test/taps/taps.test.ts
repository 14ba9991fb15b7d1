import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createClient } from '../../domain/clients.ts'
import { closeDb, type Db, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { randomFrom } from '../chaos/world.ts'
import { freePort } from '../redis.ts'
import {
  caseOrderProblems,
  copyProblems,
  logProblems,
  notificationProblems,
  orderProblems,
  truth,
} from './check.ts'
import { type Killable, startForgetfulRedis, startProgram } from './processes.ts'
import {
  type Choose,
  copyByFeed,
  copyByMap,
  followByPages,
  followByStream,
  getJson,
  receiveWebhooks,
} from './readers.ts'
import { startKillableStore } from './store.ts'
import { startWriters } from './writers.ts'

// The short form is part of the suite; npm run test:taps asks for minutes, on either queue.
const SECONDS = Number(process.env.TAPS_SECONDS ?? 8)
const WRITERS = Number(process.env.TAPS_WRITERS ?? 3)
const SEED = Number(process.env.TAPS_SEED ?? Date.now() % 1_000_000)
const BETWEEN_KILLS_MS = Number(process.env.TAPS_BETWEEN_MS ?? 1_500)

const backends = (process.env.TAPS_QUEUES?.split(',') ?? [SEED % 2 === 0 ? 'postgresql' : 'redis']).filter(
  (backend) => backend === 'postgresql' || process.env.CARE_TEST_REDIS !== undefined,
)

for (const backend of backends.length === 0 ? ['postgresql'] : backends) {
  t.test(
    `writers at full speed while everything is killed: every tap tells the same story, with the queue on ${backend}`,
    { timeout: (SECONDS + 300) * 1_000 },
    async (t) => {
      t.comment(`TAPS_SEED=${SEED} TAPS_QUEUES=${backend}`)
      const random = randomFrom(SEED)
      const world = await startWorld(t, backend, random)
      const { db, choose, killables, receiver } = world
      t.pass('everything runs')
      const pages = followByPages(choose)
      const stream = followByStream(choose)
      const copies = { map: copyByMap(choose), feed: copyByFeed(choose) }
      // Of the map it is asked first where to begin.
      await copies.map.refresh()
      const writers = startWriters(choose, { count: WRITERS, key: world.handlerKey, random })
      t.teardown(() => Promise.all([pages.stop(), stream.stop(), writers.stop()]))

      const kills = await killAtRandom(t, killables, random)
      await writers.stop()
      t.pass(`${writers.acknowledged()} changes were made`)

      const problems = await settled(t, async () => {
        await hurry(db)
        const told = await truth(db)
        await copies.map.refresh()
        await copies.feed.refresh()
        return [
          ...(await logProblems(db, writers)),
          ...orderProblems('pages', pages.heard, told),
          ...orderProblems('stream', stream.heard, told),
          ...caseOrderProblems('webhook', receiver.heard, told),
          ...(await copyProblems(db, 'map', copies.map)),
          ...(await copyProblems(db, 'feed', copies.feed)),
          ...(await notificationProblems(db, readdirSync(world.mails))),
        ]
      })
      t.same(problems.slice(0, 20), [], 'every tap has told the same story')
      t.same(receiver.complaints, [], 'and the receiver complains about nothing')
      const lines = (await truth(db)).length
      t.ok(lines > 0, 'something has happened')
      t.comment(
        `${writers.acknowledged()} changes, ${lines} public lines, ${receiver.received()} webhooks received, ${kills} kills`,
      )
    },
  )
}

type World = {
  db: Db
  choose: Choose
  handlerKey: string
  receiver: Awaited<ReturnType<typeof receiveWebhooks>>
  mails: string
  killables: { name: string; it: Killable; often: number }[]
}

async function startWorld(t: Test, backend: string, random: () => number): Promise<World> {
  const root = join(import.meta.dirname, '../..')
  const store = await startKillableStore(root)
  t.teardown(store.stop)
  const keys = newVaultKey('taps')
  const db = openDb({ url: store.url, vaultKeys: keys, max: 4, applicationName: 'taps test' })
  t.teardown(() => closeDb(db))
  const mails = mkdtempSync(join(tmpdir(), 'care-connect-taps-'))
  t.teardown(() => rmSync(mails, { recursive: true }))
  const { handlerKey, supplierKey } = await seed(db)
  const receiver = await receiveWebhooks(random)
  t.teardown(receiver.stop)

  const redisPort = await freePort()
  const redis = backend === 'redis' ? await startForgetfulRedis(redisPort) : undefined
  if (redis !== undefined) t.teardown(redis.stop)
  const env = {
    TAPS_DATABASE: store.url,
    TAPS_KEYS: keys,
    TAPS_RECEIVER: receiver.host,
    TAPS_MAILS: mails,
    ...(redis !== undefined && { TAPS_REDIS: `redis://127.0.0.1:${redisPort}` }),
  }
  const ports = [await freePort(), await freePort()]
  const apis = await Promise.all(
    ports.map((port) => startProgram('api.ts', { ...env, TAPS_PORT: String(port) })),
  )
  const workers = await Promise.all([startProgram('worker.ts', env), startProgram('worker.ts', env)])
  for (const program of [...apis, ...workers]) t.teardown(program.stop)

  const choose = () => `http://127.0.0.1:${ports[Math.floor(random() * ports.length)]}`
  const subscribed = await fetch(`${choose()}/v1/subscriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${supplierKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ url: receiver.url }),
  })
  const subscription = await subscribed.json()
  if (!subscribed.ok) throw new Error(`no subscription: ${JSON.stringify(subscription)}`)
  receiver.secret((subscription as { secret: string }).secret)
  await getJson(`${choose()}/v1/events`)
  return {
    db,
    choose,
    handlerKey,
    receiver,
    mails,
    killables: [
      ...workers.map((it) => ({ name: 'a worker', it, often: 3 })),
      ...apis.map((it) => ({ name: 'an API process', it, often: 2 })),
      ...(redis === undefined ? [] : [{ name: 'Redis', it: redis, often: 2 }]),
      { name: 'PostgreSQL', it: { crash: store.crash, stop: store.stop }, often: 2 },
    ],
  }
}

async function seed(db: Db): Promise<{ handlerKey: string; supplierKey: string }> {
  for (const [code, latitude] of [
    ['T01', 51.5],
    ['T02', 53.4],
  ] as const) {
    await db.prisma.organisation.create({
      data: {
        code,
        name: `Example Trust ${code} (invented)`,
        kind: 'trust',
        latitude,
        longitude: -0.12,
        notifyEmail: `${code.toLowerCase()}@example.org`,
      },
    })
  }
  const handler = await createClient(db, { name: 'case handler', role: 'case_handler' })
  const supplier = await createClient(db, { name: 'supplier', role: 'supplier' })
  return { handlerKey: handler.key, supplierKey: supplier.key }
}

async function killAtRandom(t: Test, killables: World['killables'], random: () => number): Promise<number> {
  const until = performance.now() + SECONDS * 1_000
  const down = new Set<World['killables'][number]>()
  const crashes: Promise<void>[] = []
  while (performance.now() < until) {
    await sleep(BETWEEN_KILLS_MS * (0.5 + random()))
    const lots = killables
      .filter((one) => !down.has(one))
      .flatMap((one) => Array.from({ length: one.often }, () => one))
    const chosen = lots[Math.floor(random() * lots.length)]
    if (chosen === undefined) continue
    down.add(chosen)
    t.pass(`kills ${chosen.name}`)
    const back = chosen.it.crash().then(() => {
      down.delete(chosen)
      t.pass(`${chosen.name} is back`)
    })
    crashes.push(back)
  }
  await Promise.all(crashes)
  return crashes.length
}

/** What a killed worker held, and what could not be sent while the store or a receiver was away, is due at once. */
async function hurry(db: Db): Promise<void> {
  for (const table of ['deliveries', 'notifications']) {
    await rows(
      db.pool,
      `update ${table} set next_attempt_at = now() where state = 'waiting' and next_attempt_at > now()`,
    )
  }
}

/** Waits until nothing is wrong any more, or for as long as that may take; what is left. */
async function settled(t: Test, look: () => Promise<string[]>): Promise<string[]> {
  const until = performance.now() + Math.max(60, SECONDS) * 1_000
  for (;;) {
    const problems = await look().catch((error: Error) => [`could not look: ${error.message}`])
    if (problems.length === 0 || performance.now() > until) return problems
    t.pass(`${problems.length} problems left, like: ${problems[0]}`)
    await sleep(500)
  }
}
