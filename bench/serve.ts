// One server of a comparison in a process of its own, so that each has its thread and its memory: node bench/serve.ts <which>
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import fastify, { type FastifyInstance } from 'fastify'
import { createApp } from '../api/app.ts'
import { createLog } from '../log.ts'
import { bareServer } from './serve-bare.ts'
import { prismaServer } from './serve-prisma.ts'
import { openBenchDb } from './store.ts'

/** `ours` is all of the service, `uncached` the same without bodies kept, `bare` what one would write by hand. */
export type Which = 'ours' | 'uncached' | 'bare' | 'prisma' | 'hello'

const CONNECTIONS = 8
const ANY_NUMBER = 1_000_000_000

const { BENCH_URL = '' } = process.env
const servers: Record<Which, () => Promise<FastifyInstance>> = {
  ours: () => ourServer(64 * 1024 * 1024),
  uncached: () => ourServer(0),
  bare: async () => bareServer(BENCH_URL, CONNECTIONS),
  prisma: async () => prismaServer(openBenchDb(BENCH_URL, CONNECTIONS)),
  hello: async () => helloServer(),
}

const app = await servers[process.argv[2] as Which]()
await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ port: (app.server.address() as AddressInfo).port })
// Whoever has started it is gone.
process.on('disconnect', () => process.exit())

/** With keys, limits and logging, as it runs in production; only that nobody reaches the limit. */
async function ourServer(cacheBytes: number): Promise<FastifyInstance> {
  const nowhere = new Writable({
    write(line, _encoding, done) {
      // What goes wrong is no benchmark.
      if (String(line).startsWith('{"level":50')) process.stderr.write(line)
      done()
    },
  })
  return createApp({
    db: openBenchDb(BENCH_URL, CONNECTIONS),
    publicUrl: 'https://bench.example',
    logger: createLog('info', nowhere),
    requestsPerMinute: ANY_NUMBER,
    intakePerMinute: ANY_NUMBER,
    service: {
      name: 'Bench',
      telephone: null,
      textNumber: null,
      email: null,
      hours: null,
      notice: 'Invented.',
    },
    cacheBytes,
  })
}

function helloServer(): FastifyInstance {
  const app = fastify({ logger: false })
  const schema = { response: { 200: { type: 'object', properties: { hello: { type: 'string' } } } } }
  app.get('/hello', { schema }, async () => ({ hello: 'world' }))
  return app
}
