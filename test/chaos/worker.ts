// A worker in a process of its own, to be killed at any time: settings in the environment, as the chaos test has them.
import { openDb } from '../../prisma/client.ts'
import { startWorkers } from '../../workers/start.ts'

const { CHAOS_DATABASE = '', CHAOS_KEYS = '', CHAOS_HOSTS = '', CHAOS_REDIS, CHAOS_PREFIX = '' } = process.env
const db = openDb({ url: CHAOS_DATABASE, vaultKeys: CHAOS_KEYS, max: 10, applicationName: 'chaos worker' })
const quiet = () => undefined
// A killed worker's jobs and sources are free again soon.
const LOCK = 3_000

await startWorkers({
  db,
  queue:
    CHAOS_REDIS === undefined
      ? { kind: 'postgres', url: CHAOS_DATABASE, max: 4, lockMs: LOCK }
      : { kind: 'redis', url: CHAOS_REDIS, prefix: CHAOS_PREFIX, lockMs: LOCK },
  log: { info: quiet, warn: quiet, error: (fields, message) => console.error(message, fields) },
  userAgent: 'care-connect-chaos/0.1',
  allowPrivate: CHAOS_HOSTS.split(','),
  gapMs: 0,
  pollEveryMs: 200,
  pollsAtOnce: 8,
  polls: { leaseMs: LOCK, claimLimit: 400, perHost: 100 },
})
process.stdout.write('ready\n')
