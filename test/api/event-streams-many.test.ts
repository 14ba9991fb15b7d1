import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify from 'fastify'
import t, { type Test } from 'tap'
import type { EventStream } from '../../api/contract/handler.ts'
import { createEventStreams, type EventStreamOptions } from '../../api/event-stream.ts'
import { memoryOf } from '../../bench/processes.ts'
import type { LogGrowth } from '../../domain/log-watch.ts'
import { testDatabase } from '../database.ts'
import { type Listening, listen } from './event-streams.ts'
import { startHarness } from './harness.ts'

/** Streams over a log that is only numbers, each of them with so many bytes; it grows when the test wants it. */
async function openLog(t: Test, options: EventStreamOptions = {}, bytes = 10) {
  const callers = new Set<(growth: LogGrowth) => void>()
  const watch = {
    onGrowth(call: (growth: LogGrowth) => void) {
      callers.add(call)
      return () => void callers.delete(call)
    },
    close: async () => undefined,
  }
  let length = 0
  let reads = 0
  let failing = false
  const data = JSON.stringify({ text: 'x'.repeat(bytes) })
  const stream = (after: number | undefined, of: string): EventStream => ({
    of,
    after,
    end: async () => length,
    async read(from) {
      reads++
      await new Promise((resolve) => setImmediate(resolve))
      if (failing) throw new Error('the store is away')
      const next = Math.min(length, from + 7)
      const events = Array.from({ length: next - from }, (_, n) => ({ id: from + n + 1, data }))
      return { events, next, more: next < length, end: length }
    },
  })
  const streams = createEventStreams(() => watch, options)
  const app = fastify({ forceCloseConnections: 'idle' })
  app.addHook('preClose', () => streams.end())
  app.get('/stream', (request, reply) => {
    const { after, of = '' } = request.query as { after?: string; of?: string }
    return streams.open(request, reply, stream(after === undefined ? undefined : Number(after), of))
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    streams,
    open: async (query = ''): Promise<Listening> => {
      const listening = await listen(port, `/stream${query}`)
      t.teardown(() => listening.close())
      return listening
    },
    grow(by: number) {
      length += by
      for (const call of callers) call('log')
    },
    reads: () => reads,
    fail(whether: boolean) {
      failing = whether
    },
  }
}

const ids = ({ events }: Listening) => events.map(({ id }) => Number(id))
const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n + 1)

t.test('those who come at any time while the log grows hear each line once and in order', async (t) => {
  const log = await openLog(t)
  log.grow(20)
  const listeners: Array<[from: number, Listening]> = []
  for (let round = 0; round < 30; round++) {
    log.grow(1 + (round % 5))
    const from = round % 3 === 0 ? undefined : (round * 7) % 20
    const opening = log.open(from === undefined ? '' : `?after=${from}`)
    log.grow(1)
    const listening = await opening
    listeners.push([from ?? Number(/id: (\d+)/.exec(listening.body())?.[1]), listening])
  }
  log.grow(3)
  const end = 20 + 30 * 3 + 30 + 3
  for (const [from, listening] of listeners) {
    await listening.until(() => listening.events.at(-1)?.id === String(end))
    t.same(ids(listening), upTo(from, end))
  }
})

t.test('those who read the same cost one look at the log', async (t) => {
  const log = await openLog(t)
  const many = [await log.open()]
  while (many.length < 50) many.push(await log.open())
  const before = log.reads()
  log.grow(5)
  for (const one of many) await one.until(() => one.events.length === 5)
  t.ok(log.reads() - before <= 2, `${log.reads() - before} looks`)
  t.equal(log.streams.listeners(), 50)
})

t.test('a look that fails is taken again, though nobody says anything', async (t) => {
  const log = await openLog(t)
  const one = await log.open()
  log.fail(true)
  log.grow(2)
  log.fail(false)
  await one.until(() => one.events.length === 2)
  t.same(ids(one), [1, 2])
})

t.test('whoever does not read is cut off, and holds nobody up', async (t) => {
  const log = await openLog(t, {}, 128 * 1024)
  const [slow, other] = [await log.open(), await log.open()]
  slow.socket.pause()
  while (log.streams.listeners() === 2) {
    const seen = other.events.length
    log.grow(1)
    await other.until(() => other.events.length === seen + 1)
  }
  t.equal(log.streams.listeners(), 1)
  slow.socket.resume()
  await slow.ended
  t.same(ids(other), upTo(0, other.events.length))
})

t.test('whoever does not read what it wanted to catch up with is cut off too', async (t) => {
  const log = await openLog(t, { patienceMs: 100 }, 1024 * 1024)
  log.grow(60)
  const slow = await log.open('?after=0')
  slow.socket.pause()
  while (log.streams.listeners() > 0) await sleep(5)
  t.pass('it is gone')
})

t.test('a key that is revoked ends its streams', async (t) => {
  const harness = await startHarness(t, { eventStreams: { keepAliveMs: 50, checkMs: 0 } })
  await harness.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = harness.app.server.address() as AddressInfo
  const [key, other] = [
    await harness.addClient({ name: 'one', role: 'supplier' }),
    await harness.addClient({ name: 'two', role: 'supplier' }),
  ]
  const [one, two] = await Promise.all(
    [key, other].map((each) => listen(port, '/v1/events/stream', { authorization: `Bearer ${each}` })),
  )
  await harness.db.pool.query(`update api_clients set revoked_at = now() where name = 'one'`)
  await one?.ended
  t.equal(two?.socket.destroyed, false)
  two?.close()
})

t.test('when the service stops all streams end at once, also of those who do not read', async (t) => {
  const log = await openLog(t, {}, 8 * 1024 * 1024)
  const [slow, other] = [await log.open(), await log.open()]
  slow.socket.pause()
  const before = Date.now()
  await log.app.close()
  await other.ended
  t.ok(Date.now() - before < 3_000)
  t.equal(log.streams.listeners(), 0)
})

t.test('two thousand who listen cost kilobytes each', async (t) => {
  const { url } = await testDatabase(t)
  const server = fork(join(import.meta.dirname, '../../bench/serve.ts'), ['ours'], {
    env: { ...process.env, BENCH_URL: url },
  })
  t.teardown(async () => void server.kill())
  const [{ port }] = (await once(server, 'message')) as [{ port: number }]
  const open: Listening[] = []
  t.teardown(async () => {
    for (const one of open) one.close()
  })
  const openMore = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 50)
      open.push(...(await Promise.all(Array.from({ length: 50 }, () => listen(port)))))
  }
  await openMore(500)
  const before = memoryOf(server.pid as number).now
  await openMore(2_000)
  const each = (memoryOf(server.pid as number).now - before) / 2_000
  t.comment(`${(each / 1_000).toFixed(1)} kB each`)
  t.ok(each < 40_000, `${Math.round(each)} bytes each`)
})
