import t from 'tap'
import { watchLog } from '../../domain/log-watch.ts'
import { rows } from '../../prisma/client.ts'
import { startPlacing } from '../../workers/keep-log.ts'
import { startTelling } from '../../workers/tell.ts'
import { createCase } from '../api/harness.ts'
import { mailSetting, ON_CALL, quietCase, tellInLog } from './mail-setting.ts'
import { until } from './poll-setting.ts'

// So long that nothing here happens because its time has come.
const NEVER_MS = 600_000
const setting = await mailSetting(t)
const { harness, db, server } = setting

/** Workers that place events and tell people; the test stops them. */
function telling(t: { teardown(work: () => Promise<void>): unknown }) {
  const context = setting.worker()
  const watch = watchLog(db)
  const placing = startPlacing(context, NEVER_MS)
  const telling = startTelling(context, { watch, everyMs: NEVER_MS })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= telling.stop().then(placing.stop).then(watch.close)
    return stopped
  }
  t.teardown(stop)
  return { telling, stop }
}

t.test('an urgent case is told as soon as it is there, and waits for no tick', async (t) => {
  await setting.reset()
  telling(t)
  await createCase(harness)
  await until('the first mail', async () => server.received.length > 0)
  const { reference } = await createCase(harness, { text: 'I want to kill myself. (Invented.)' })
  await until('the urgent mail', async () => server.received.some(({ to }) => to === ON_CALL))
  t.match(
    server.received.find(({ to }) => to === ON_CALL),
    { text: new RegExp(reference) },
  )
})

t.test('what waits behind a slow mail is noted all the same, and goes before the rest', async (t) => {
  await setting.reset()
  const theCase = await quietCase(setting)
  for (let n = 0; n < 30; n++) await tellInLog(db, theCase, 'question_for_reporter', n)
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>()
  server.hold = () => held
  t.teardown(() => {
    server.hold = async () => undefined
  })
  telling(t)
  const states = async (state: string) =>
    (await rows(db.pool, 'select 1 from notifications where state = $1::notification_state', [state])).length
  await until('30 are noted', async () => (await states('waiting')) === 30)
  await tellInLog(db, theCase, 'urgent_for_on_call')
  await until('the urgent one is', async () => (await states('waiting')) === 31)
  t.equal(server.received.length, 0)
  goOn()
  await until('all are sent', async () => (await states('sent')) === 31)
  t.ok(server.received.findIndex(({ to }) => to === ON_CALL) < 10, 'with the next that are claimed')
})

t.test('who is told to stop finishes the mails that it has begun, and begins no more', async (t) => {
  await setting.reset()
  const theCase = await quietCase(setting)
  for (let n = 0; n < 30; n++) await tellInLog(db, theCase, 'question_for_reporter', n)
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>()
  let begun = 0
  server.hold = async () => {
    begun += 1
    await held
  }
  t.teardown(() => {
    server.hold = async () => undefined
  })
  const { stop } = telling(t)
  await until('a mail has begun', async () => begun > 0)
  const stopped = stop()
  goOn()
  await stopped
  const sent = server.received.length
  t.ok(sent >= 1 && sent <= 5, 'those that were under way')
  const waiting = await rows(db.pool, `select 1 from notifications where state = 'waiting' and attempts = 0`)
  t.equal(waiting.length, 30 - sent)
})
