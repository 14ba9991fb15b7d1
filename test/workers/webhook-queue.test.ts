import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { fanOutStep } from '../../domain/fan-out.ts'
import { rows } from '../../prisma/client.ts'
import { openQueues, type QueueSettings } from '../../workers/queues.ts'
import { startWorkers } from '../../workers/start.ts'
import { publishedCase } from '../api/harness.ts'
import { databaseUrl } from '../database.ts'
import { logTo, until } from './poll-setting.ts'
import { webhookSetting } from './webhook-setting.ts'

const redisUrl = process.env.CARE_TEST_REDIS
const backends: { name: string; skip: string | false; queue: (name: string) => QueueSettings }[] = [
  {
    name: 'PostgreSQL',
    skip: false,
    queue: (name) => ({
      kind: 'postgres',
      url: databaseUrl(process.env.CARE_TEST_SERVER ?? '', name),
      max: 3,
    }),
  },
  {
    name: 'Redis',
    skip: redisUrl === undefined && 'CARE_TEST_REDIS names no Redis',
    queue: (name) => ({ kind: 'redis', url: redisUrl ?? '', prefix: name }),
  },
]

for (const { name, skip, queue } of backends) {
  t.test(
    `with ${name}, what happens is sent at once, and an emptied queue loses nothing`,
    { skip },
    async (t) => {
      const { harness, db, receiver, subscribe } = await webhookSetting(t)
      const [at] = await rows<{ name: string }>(db.pool, 'select current_database() as name')
      const settings = queue(at?.name ?? '')
      const there = await receiver()
      const subscribed = await subscribe(there.url)
      await publishedCase(harness)
      await indexCases(db)
      t.match(
        await fanOutStep(db, subscribed.id, new Date()),
        { made: 1 },
        'and the queue knows nothing of it',
      )

      const log = logTo([])
      const workers = await startWorkers({
        ...{ db, log, queue: settings, userAgent: 'CareConnectTest/1.0 (+https://care-connect.example/)' },
        allowPrivate: [new URL(there.url).host],
        publicUrl: 'https://api.test.example',
      })
      t.teardown(() => workers.stop())
      await until('what waited', async () => there.taken.length === 1)
      const { reference } = await publishedCase(harness)
      await until('what happened', async () => there.taken.length === 2)
      t.match(there.taken[1]?.body.data, {
        case: { reference, url: `https://api.test.example/v1/cases/${reference}` },
      })

      const emptying = await openQueues(db, settings, log)
      t.teardown(() => emptying.close())
      for (let n = 0; n < 5; n++) {
        await Promise.all([emptying.forget(), publishedCase(harness)])
      }
      await until('the rest', async () => there.taken.length === 7)
      t.equal(new Set(there.taken.map(({ headers }) => headers['webhook-id'])).size, 7)
    },
  )
}
