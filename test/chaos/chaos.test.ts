import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { pushedEntry } from '../../connectors/pushed-item.ts'
import { ingest } from '../../domain/ingest.ts'
import { createSource, type SourceDraft } from '../../domain/sources.ts'
import { closeDb, type Db, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'
import { client } from '../domain/ingest-store.ts'
import { differences } from './check.ts'
import { pushedItems } from './documents.ts'
import { type Providers, startProviders } from './provider.ts'
import { evolve, newWorld, type ProviderList, type Random, randomFrom } from './world.ts'

// The short form is part of the suite; npm run test:chaos asks for a thousand sources and some minutes.
const SOURCES = Number(process.env.CHAOS_SOURCES ?? 36)
const SECONDS = Number(process.env.CHAOS_SECONDS ?? 8)
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)
const WORKERS = 2
const FAULTS = 25

t.test(
  `${SOURCES} sources with faults, and workers that are killed again and again: every item once, every deletion applied`,
  { timeout: (SECONDS + 600) * 1_000 },
  async (t) => {
    t.comment(`CHAOS_SEED=${SEED}`)
    const setting = await prepare(t)
    const { db, world, providers, random } = setting
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => startWorker(t, setting)))
    const clock = makeDue(db)
    t.teardown(clock.stop)

    providers.fail(FAULTS)
    const until = performance.now() + SECONDS * 1_000
    let kills = 0
    while (performance.now() < until) {
      await live(setting)
      const number = Math.floor(random() * WORKERS)
      await kill(workers[number] as ChildProcess)
      workers[number] = await startWorker(t, setting)
      kills++
      t.pass(`killed ${kills}`)
    }

    providers.fail(0)
    const left = await settled(t, db, world)
    t.same(left.slice(0, 20), [], `after ${providers.requests()} requests and ${kills} kills`)
    for (const worker of workers) await kill(worker)
  },
)

type Setting = {
  db: Db
  url: string
  keys: string
  world: ProviderList[]
  providers: Providers
  random: Random
}

async function prepare(t: Test): Promise<Setting> {
  const random = randomFrom(SEED)
  const { url } = await testDatabase(t)
  const keys = newVaultKey('chaos')
  const db = openDb({ url, vaultKeys: keys, max: 6, applicationName: 'chaos test' })
  t.teardown(() => closeDb(db))
  await db.prisma.organisation.create({
    data: {
      code: 'RX1',
      name: 'Example Trust (invented)',
      kind: 'trust',
      latitude: 51.5,
      longitude: -0.12,
      externalIds: { create: { scheme: 'chaos-comments', code: 'hospitals/70001' } },
    },
  })
  const world = newWorld(SOURCES, random)
  const providers = await startProviders(world, random)
  t.teardown(providers.close)
  const admin = await client(db, { name: 'Administration', role: 'administrator' })
  for (const list of world) {
    await createSource(db, admin, draftOf(list, providers), { key: undefined, now: new Date() })
  }
  await rows(db.pool, `update sources set trusted = true, state = 'active'`)
  return { db, url, keys, world, providers, random }
}

function draftOf(list: ProviderList, providers: Providers): SourceDraft {
  const { name, format } = list
  const draft: SourceDraft = { name, title: `${name} (invented)`, goneLimitPercent: 100 }
  if (format === 'pushed') return draft
  const address = providers.addressOf(list)
  const settings = { organisation: { scheme: 'ods', code: 'RX1' } } as const
  if (format === 'opinions') return { ...draft, address, settings, connector: 'care-opinion' }
  if (format === 'comments')
    return { ...draft, address, connector: 'nhs-choices', organisationScheme: 'chaos-comments' }
  return { ...draft, address, settings, connector: 'feed', fullListing: format === 'rss' }
}

/** A second or two in the life of the providers: things happen, and some push them, twice at once. */
async function live({ db, world, random }: Setting): Promise<void> {
  const until = performance.now() + 700 + random() * 1_000
  while (performance.now() < until) {
    const some = Array.from({ length: Math.max(1, world.length / 20) }, () => pick(world, random))
    for (const list of some) evolve(list, random)
    const pushed = some.filter(({ format }) => format === 'pushed')
    await Promise.all(pushed.flatMap((list) => [push(db, list), push(db, list)]))
    await pause(50)
  }
}

function pick<T>(all: readonly T[], random: Random): T {
  return all[Math.floor(random() * all.length)] as T
}

async function push(db: Db, list: ProviderList): Promise<void> {
  const [source] = await rows<{ id: number }>(db.pool, 'select id from sources where name = $1', [list.name])
  const entries = pushedItems(list).map((item, number) => pushedEntry(item, number, []))
  await ingest(db, (source as { id: number }).id, entries, { now: new Date(), readBy: 'pushed' })
}

/** Lets no source wait: what is not being polled is due, again and again. */
function makeDue(db: Db): { stop: () => Promise<void> } {
  const ended = new AbortController()
  const running = (async () => {
    while (!ended.signal.aborted) {
      await rows(
        db.pool,
        `update sources set next_check_at = now()
         where connector is not null and next_check_at > now() and (claimed_until is null or claimed_until < now())`,
      )
      await pause(300, undefined, { signal: ended.signal }).catch(() => undefined)
    }
  })()
  return {
    async stop() {
      ended.abort()
      await running
    },
  }
}

/** Waits until the store says what the providers say, or for as long as that may take; what is left. */
async function settled(t: Test, db: Db, world: readonly ProviderList[]): Promise<string[]> {
  const until = performance.now() + Math.max(45, SECONDS) * 1_000
  for (;;) {
    for (const list of world.filter(({ format }) => format === 'pushed')) await push(db, list)
    const left = await differences(db, world)
    if (left.length === 0 || performance.now() > until) return left
    t.pass(`${left.length} differences left`)
    await pause(1_000)
  }
}

async function startWorker(t: Test, { url, keys, providers }: Setting): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [join(import.meta.dirname, 'worker.ts')], {
    env: {
      ...process.env,
      CHAOS_DATABASE: url,
      CHAOS_KEYS: keys,
      CHAOS_HOSTS: providers.hosts.join(','),
      ...(process.env.CARE_TEST_REDIS && {
        CHAOS_REDIS: process.env.CARE_TEST_REDIS,
        CHAOS_PREFIX: new URL(url).pathname.slice(1),
      }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => kill(worker))
  await Promise.race([once(worker.stdout, 'data'), once(worker, 'exit')])
  return worker
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const ended = once(worker, 'exit')
  worker.kill('SIGKILL')
  await ended
}
