import { Redis } from 'ioredis'
import t from 'tap'
import { createApp } from '../../api/app.ts'
import { PUBLIC_URL, SERVICE, startHarness } from './harness.ts'

const redisUrl = process.env.CARE_TEST_REDIS

t.test(
  'two processes count the requests of a caller together in Redis, and go on counting nothing without it',
  { skip: redisUrl === undefined && 'CARE_TEST_REDIS names no Redis' },
  async (t) => {
    const { db } = await startHarness(t)
    const redis = new Redis(redisUrl ?? '', {
      enableOfflineQueue: false,
      enableReadyCheck: false,
      maxRetriesPerRequest: 1,
      retryStrategy: null,
      lazyConnect: true,
    })
    redis.on('error', () => undefined)
    const options = {
      db,
      publicUrl: PUBLIC_URL,
      logger: false as const,
      requestsPerMinute: 3,
      intakePerMinute: 1_000,
      service: SERVICE,
      rateLimitRedis: redis,
    }
    const apps = [await createApp(options), await createApp(options)]
    await redis.connect()
    t.teardown(async () => {
      redis.disconnect()
      for (const app of apps) await app.close()
    })
    // An address of this test's own, as all tests share the one Redis.
    const remoteAddress = `198.51.100.${1 + (process.pid % 250)}`
    const ask = async (n: number) => apps[n % 2]?.inject({ url: '/v1/categories', remoteAddress })
    const answers = [await ask(0), await ask(1), await ask(0), await ask(1)]
    t.same(
      answers.map((answer) => answer?.statusCode),
      [200, 200, 200, 429],
    )
    t.match(answers[3]?.json(), { code: 'too_many_requests' })
    redis.disconnect()
    t.equal((await ask(0))?.statusCode, 200)
  },
)
