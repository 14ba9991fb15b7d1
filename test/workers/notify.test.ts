import t from 'tap'
import { claimNotifications } from '../../domain/notifications.ts'
import { rows } from '../../prisma/client.ts'
import type { MailSettings } from '../../workers/mail/mailer.ts'
import { canaries, canaryDraft } from '../api/answers.ts'
import { NOTIFY_TOKEN } from '../api/harness.ts'
import { mailSetting, ON_CALL, quietCase, tell, told } from './mail-setting.ts'
import { API_KEY, notifyServer } from './notify-server.ts'

const MINUTE = 60_000
const TEMPLATE = '9d751e0e-f929-4891-82a1-a3e1c3c18ee3'

const server = await notifyServer(t)
const setting = await mailSetting(t, [server.authority])
const { harness, db, send, pass } = setting

const account = {
  kind: 'notify',
  url: server.url,
  apiKey: API_KEY,
  template: TEMPLATE,
  replyTo: null,
} as const
const worker = (changes: Partial<MailSettings> = {}) =>
  setting.worker({ ...account, ...changes } as MailSettings)

t.beforeEach(async () => {
  await setting.reset()
  Object.assign(server, { taken: [], asked: 0, hangsUp: false, refuse: () => undefined })
})

const receipt = (id: string | undefined, status: string) =>
  harness.call({
    method: 'POST',
    url: '/v1/callbacks/notify',
    headers: { authorization: `Bearer ${NOTIFY_TOKEN}` },
    body: { id, reference: 'x', to: 'invented@example.org', status, notification_type: 'email' },
  })

t.test('a message goes to the one template, with its subject and its text, once', async (t) => {
  const theCase = await quietCase(setting)
  await tell(db, theCase, 'receipt_for_reporter')
  const context = worker({ replyTo: '8e222534-7f05-4972-86e3-17c5d9f894e2' } as Partial<MailSettings>)
  await send(context)
  await send(context)
  t.equal(server.taken.length, 1)
  const [{ id = '', wire = {} } = {}] = server.taken
  t.same(Object.keys(wire).sort(), [
    'email_address',
    'email_reply_to_id',
    'personalisation',
    'reference',
    'template_id',
  ])
  t.match(wire, {
    email_address: 'invented@example.org',
    template_id: TEMPLATE,
    email_reply_to_id: '8e222534-7f05-4972-86e3-17c5d9f894e2',
    reference: /^[0-9a-f]{32}$/,
    personalisation: { subject: new RegExp(theCase.reference), body: /Thank you for telling us/ },
  })
  t.match(await told(db), [{ state: 'sent', attempts: 1, problem: null }])
  t.same(await rows(db.pool, 'select provider_id as id from notifications'), [{ id }])
  t.equal(server.asked, 0, 'what is new was not sent before')
  t.equal((await receipt(id, 'delivered')).status, 204)
  t.match(await told(db), [{ state: 'sent' }])
})

t.test('an address that is none fails at once; what is about us waits and holds up nothing', async (t) => {
  const says: Record<string, { status: number; message: string }> = {
    none: { status: 400, message: 'email_address Not a valid email address' },
    trial: { status: 400, message: 'Can’t send to this recipient when service is in trial mode' },
    key: { status: 403, message: 'Invalid token: API key not found' },
    many: { status: 429, message: 'Exceeded rate limit' },
    ill: { status: 500, message: 'Internal server error' },
    moved: { status: 302, message: 'Elsewhere' },
  }
  const names = [...Object.keys(says), 'fine']
  const cases = await Promise.all(
    names.map((name) => quietCase(setting, { contact: { name: 'Invented', email: `${name}@example.org` } })),
  )
  for (const theCase of cases) await tell(db, theCase, 'receipt_for_reporter')
  server.refuse = (email) => {
    const answer = says[email.split('@')[0] ?? '']
    return answer && { ...answer, headers: { location: `${server.url}/v2/notifications` } }
  }
  await send(worker())
  const became = await Promise.all(cases.map(async (theCase) => (await told(db, theCase))[0]))
  t.same(
    became.map((one, n) => `${names[n]} ${one?.state} ${one?.problem}`),
    [
      'none failed notify_400',
      'trial waiting notify_400',
      'key waiting notify_403',
      'many waiting notify_429',
      'ill waiting notify_500',
      'moved waiting notify_302',
      'fine sent null',
    ],
  )
  server.refuse = () => undefined
  pass(2 * MINUTE)
  await send(worker())
  t.equal((await told(db)).filter(({ state }) => state === 'sent').length, 6)
  t.equal(server.taken.length, 6)
})

t.test('what has arrived although nobody said so is not sent again', async (t) => {
  await tell(db, await quietCase(setting), 'receipt_for_reporter')
  server.hangsUp = true
  await send(worker())
  t.match(await told(db), [{ state: 'waiting', problem: /^notify_(connect|protocol)$/ }])
  server.hangsUp = false
  pass(2 * MINUTE)
  await send(worker())
  t.match(await told(db), [{ state: 'sent', attempts: 2, problem: null }])
  t.equal(server.taken.length, 1)
  t.same(await rows(db.pool, 'select provider_id as id from notifications'), [{ id: server.taken[0]?.id }])
})

t.test('a worker that is killed after sending does not make the next one send again', async (t) => {
  await tell(db, await quietCase(setting), 'receipt_for_reporter')
  const context = worker()
  const [claimed] = await claimNotifications(db, context.now(), { limit: 1, leaseMs: MINUTE })
  await send(context)
  t.equal(server.taken.length, 0, 'it is the one that was killed that has it')
  t.ok(claimed)
  // It sent before it died: under the reference that the next one uses too.
  pass(2 * MINUTE)
  await send(worker())
  const [one] = server.taken
  await rows(
    db.pool,
    `update notifications set state = 'waiting', sent_at = null, provider_id = null, next_attempt_at = now()`,
  )
  await send(worker())
  t.equal(server.taken.length, 1)
  t.match(await told(db), [{ state: 'sent', attempts: 3 }])
  t.same(await rows(db.pool, 'select provider_id as id from notifications'), [{ id: one?.id }])
})

t.test('while it cannot be asked, what may have arrived waits', async (t) => {
  await tell(db, await quietCase(setting), 'receipt_for_reporter')
  server.hangsUp = true
  await send(worker())
  pass(2 * MINUTE)
  await send(worker({ apiKey: API_KEY.replace(/.$/, '1') } as Partial<MailSettings>))
  t.match(await told(db), [{ state: 'waiting', attempts: 2, problem: 'notify_403' }])
  t.equal(server.taken.length, 1)
})

t.test(
  'an address that does not exist becomes visible; a full one is tried again, as a new message',
  async (t) => {
    for (const kind of ['receipt_for_reporter', 'question_for_reporter'] as const)
      await tell(db, await quietCase(setting), kind)
    await send(worker())
    const [gone, full] = server.taken
    if (gone === undefined || full === undefined) throw new Error('two were to be sent')
    Object.assign(gone, { status: 'permanent-failure' })
    Object.assign(full, { status: 'temporary-failure' })
    for (const one of [gone, full, gone, full]) t.equal((await receipt(one.id, one.status)).status, 204)
    const stands = async () => (await told(db)).map(({ state, problem }) => `${state} ${problem}`).sort()
    t.same(await stands(), ['failed notify_permanent_failure', 'waiting notify_temporary_failure'])

    pass(2 * MINUTE)
    await send(worker())
    t.same(await stands(), ['failed notify_permanent_failure', 'sent null'])
    t.equal(server.taken.length, 3)
    t.equal(server.taken[2]?.reference, full.reference)

    // As often as there are attempts.
    for (let n = 0; n < 8; n++) {
      const last = server.taken.at(-1)
      Object.assign(last ?? {}, { status: 'technical-failure' })
      await receipt(last?.id, 'technical-failure')
      pass(25 * 60 * MINUTE)
      await send(worker())
    }
    t.same(await stands(), ['failed notify_permanent_failure', 'failed notify_technical_failure'])
    t.equal(server.taken.length, 1 + 8)
  },
)

t.test('an urgent message that will not arrive has somebody get up', async (t) => {
  await tell(db, await quietCase(setting), 'urgent_for_on_call')
  await send(worker())
  t.match(server.taken, [{ email: ON_CALL }])
  await receipt(server.taken[0]?.id, 'permanent-failure')
  t.match(harness.logged(), /"level":50.*nobody could be told of an urgent case/)
})

t.test('it is called only where it may be', async (t) => {
  await tell(db, await quietCase(setting), 'receipt_for_reporter')
  const elsewhere = await notifyServer(t)
  await send(worker({ url: elsewhere.url } as Partial<MailSettings>))
  t.match(await told(db), [{ state: 'waiting', problem: 'notify_forbidden_address' }])
  t.equal(elsewhere.taken.length, 0)
})

t.test('nothing of anybody gets into logs or the table', async (t) => {
  await tell(db, await quietCase(setting, canaryDraft), 'receipt_for_reporter')
  server.refuse = (email) => ({ status: 400, message: `email_address ${email} Not a valid email address` })
  await send(worker())
  t.match(await told(db), [{ state: 'failed', problem: 'notify_400' }])
  const kept = JSON.stringify(await rows(db.pool, 'select * from notifications'))
  for (const secret of [...Object.values(canaries), API_KEY.slice(-36)]) {
    t.notOk(setting.logged().includes(secret), `${secret} in the log`)
    t.notOk(kept.includes(secret), `${secret} in the table`)
  }
})
