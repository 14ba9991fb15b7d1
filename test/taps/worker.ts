// A worker process that the test kills: node test/taps/worker.ts
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog } from '../../log.ts'
import { openDb } from '../../prisma/client.ts'
import { startWorkers } from '../../workers/start.ts'

const { TAPS_DATABASE = '', TAPS_KEYS = '', TAPS_REDIS, TAPS_RECEIVER = '', TAPS_MAILS = '' } = process.env
const db = openDb({ url: TAPS_DATABASE, vaultKeys: TAPS_KEYS, max: 10, applicationName: 'taps worker' })

const start = () =>
  startWorkers({
    db,
    queue:
      TAPS_REDIS === undefined
        ? { kind: 'postgres', url: TAPS_DATABASE, max: 6, lockMs: 3_000 }
        : { kind: 'redis', url: TAPS_REDIS, prefix: 'taps', lockMs: 3_000 },
    log: createLog('silent'),
    userAgent: 'care-connect-test/0.1',
    allowPrivate: [TAPS_RECEIVER],
    mail: {
      kind: 'folder',
      folder: TAPS_MAILS,
      from: 'test@example.org',
      onCall: null,
      nationalContact: null,
      notice: '',
    },
    mailEveryMs: 500,
    mailLeaseMs: 3_000,
  })

// It starts again and again until store and queue are there, as whoever runs it would have it do.
for (let started = false; !started; ) {
  started = await start().then(
    () => true,
    () => sleep(200, false),
  )
}
process.stdout.write('ready\n')
