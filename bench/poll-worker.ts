// The worker that bench:polls measures, in a process of its own.
import { openDb } from '../prisma/client.ts'
import { startWorkers } from '../workers/start.ts'

const { BENCH_URL = '', BENCH_KEYS = '', BENCH_ALLOW = '', BENCH_REDIS } = process.env
const quiet = () => undefined

await startWorkers({
  db: openDb({ url: BENCH_URL, vaultKeys: BENCH_KEYS, max: 10, applicationName: 'bench worker' }),
  queue:
    BENCH_REDIS === undefined
      ? { kind: 'postgres', url: BENCH_URL, max: 6 }
      : { kind: 'redis', url: BENCH_REDIS },
  log: {
    info: quiet,
    warn: (fields, message) => console.error(message, fields),
    error: (fields, message) => console.error(message, fields),
  },
  userAgent: 'care-connect-bench/0.1',
  allowPrivate: BENCH_ALLOW.split(','),
})
