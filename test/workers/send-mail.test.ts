import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { noteDigests } from '../../domain/feedback-digest.ts'
import { claimNotifications } from '../../domain/notifications.ts'
import { rows } from '../../prisma/client.ts'
import { canaries, canaryDraft } from '../api/answers.ts'
import { createCase } from '../api/harness.ts'
import { mailSetting, NOTICE, ON_CALL, quietCase, set, tell, told } from './mail-setting.ts'
import { readMail } from './smtp-server.ts'

const MINUTE = 60_000
const setting = await mailSetting(t)

t.test(
  'E01 a new case is told to both addresses, with its reference and a link and nothing else of it',
  async (t) => {
    await setting.reset()
    const { harness, db, server, send } = setting
    await set(db, 'T01', {
      notify_email: 'pals@t01.example.org',
      notify_email_2: 'office@t01.example.org',
      respond_url: 'https://tool.example/cases/{reference}',
    })
    // Its organisation is the site below the trust, which has no address of its own.
    const theCase = await createCase(harness, {
      ...canaryDraft,
      kind: 'concern',
      organisation: 'T0101',
      service: 'SRV1',
      privacy: 'named',
      happeningNow: true,
      onBehalf: true,
      visitMonth: new Date().toISOString().slice(0, 7),
    })
    await send()
    await send()

    const mails = server.received.filter(({ to }) => to !== canaries.email)
    t.same(mails.map(({ to }) => to).sort(), ['office@t01.example.org', 'pals@t01.example.org'])
    const { body } = await harness.call({ url: `/v1/cases/${theCase.reference}`, key: harness.keys.provider })
    const values = leavesOf(body).filter((value) => value !== theCase.reference)
    t.ok(values.includes(canaries.name) && values.includes('delays'), 'the case is full')
    for (const { subject, text, raw } of mails) {
      t.match(text, `https://tool.example/cases/${theCase.reference}`)
      t.match(subject, theCase.reference)
      const rest = `${subject}\n${text}`.replaceAll(theCase.reference, '')
      t.same(
        values.filter((value) => says(rest, value)),
        [],
      )
      for (const canary of Object.values(canaries)) t.notOk(raw.includes(canary))
    }
    t.equal(new Set(mails.map(({ messageId }) => messageId)).size, 2)
  },
)

t.test(
  'E02 a receipt is confirmed once, to those who wrote on the web and left an e-mail address',
  async (t) => {
    await setting.reset()
    const { db, server, send } = setting
    await rows(
      db.pool,
      `update api_clients set follow_url = 'https://front.example/follow/{reference}' where name = 'integrator'`,
    )
    const byWeb = await quietCase(setting)
    const byPhoneOnly = await quietCase(setting, {
      contact: { name: 'Invented Person', phone: '020 7946 0111' },
    })
    const byTelephone = await quietCase(setting)
    await rows(db.pool, `update cases set channel = 'phone' where id = $1`, [byTelephone.id])
    for (const theCase of [byWeb, byPhoneOnly, byTelephone]) {
      await tell(db, theCase, 'receipt_for_reporter')
      await tell(db, theCase, 'receipt_for_reporter')
    }
    await send()
    await tell(db, byWeb, 'receipt_for_reporter')
    await send()

    t.equal(server.received.length, 1)
    const [mail] = server.received
    t.match(mail, { to: 'invented@example.org', subject: new RegExp(byWeb.reference) })
    for (const part of ['Example Trust One', `https://front.example/follow/${byWeb.reference}`, NOTICE])
      t.ok(mail?.text.includes(part), part)
    t.notMatch(mail?.text, /We waited for hours|Invented Person/)
    t.match(await told(db, byWeb), [{ state: 'sent', attempts: 1 }])
    t.match(await told(db, byPhoneOnly), [{ state: 'dropped', problem: 'no_email' }])
    t.match(await told(db, byTelephone), [{ state: 'dropped', problem: 'not_by_web' }])
  },
)

t.test('E03 a survey goes out once, with a link that a token of its own opens', async (t) => {
  await setting.reset()
  const { harness, db, server, send } = setting
  await rows(
    db.pool,
    `update api_clients set survey_url = 'https://front.example/survey#{token}' where name = 'integrator'`,
  )
  const theCase = await quietCase(setting)
  const withoutSurvey = await quietCase(setting)
  await rows(
    db.pool,
    `update cases set status = 'resolved', closed_at = now(), resolved_at = now(), acknowledged_at = now() where id = $1`,
    [theCase.id],
  )
  await rows(
    db.pool,
    `insert into surveys (case_id, expires_at) values ($1, date_trunc('second', now()) + interval '30 days')`,
    [theCase.id],
  )
  for (const one of [theCase, withoutSurvey, theCase]) await tell(db, one, 'survey_for_reporter')
  await send()
  await send()
  t.equal(server.received.length, 1)
  const [, token] = /https:\/\/front\.example\/survey#(\S+)/.exec(server.received[0]?.text ?? '') ?? []
  t.ok(token)
  const { status, body } = await harness.call({ url: `/v1/surveys/${token}` })
  t.equal(status, 200, JSON.stringify(body))
  t.match(await told(db, withoutSurvey), [{ state: 'dropped', problem: 'no_survey' }])
})

t.test('a mail server that is away holds nothing back for good: all go when it comes back', async (t) => {
  await setting.reset()
  const { db, server, send, worker, pass } = setting
  const cases = await Promise.all([1, 2, 3].map(() => quietCase(setting)))
  for (const theCase of cases) await tell(db, theCase, 'receipt_for_reporter')
  server.dead = true
  const context = worker()
  await send(context)
  t.match(await told(db), Array(3).fill({ state: 'waiting', attempts: 1, problem: /^[a-z]+$/ }))
  await send(context)
  t.match(await told(db), Array(3).fill({ attempts: 1 }), 'not before their time')

  server.dead = false
  pass(2 * MINUTE)
  await send(context)
  t.match(await told(db), Array(3).fill({ state: 'sent', attempts: 2, problem: null }))
  t.equal(server.received.length, 3)
})

t.test('a recipient that the server refuses for good fails at once and holds up no other', async (t) => {
  await setting.reset()
  const { db, server, send, pass } = setting
  const refused = await quietCase(setting, { contact: { name: 'Invented', email: 'gone@example.org' } })
  const later = await quietCase(setting, { contact: { name: 'Invented', email: 'later@example.org' } })
  const fine = await quietCase(setting)
  for (const theCase of [refused, later, fine]) await tell(db, theCase, 'receipt_for_reporter')
  server.refuse = (command) =>
    command.includes('gone@')
      ? '550 5.1.1 gone@example.org is unknown'
      : command.includes('later@')
        ? '450 later'
        : undefined
  await send()
  t.match(await told(db, refused), [{ state: 'failed', problem: 'smtp_550', attempts: 1 }])
  t.match(await told(db, later), [{ state: 'waiting', problem: 'smtp_450', attempts: 1 }])
  t.match(await told(db, fine), [{ state: 'sent' }])

  for (let n = 0; n < 9; n++) {
    pass(25 * 60 * MINUTE)
    await send()
  }
  t.match(await told(db, later), [{ state: 'failed', problem: 'smtp_450', attempts: 8 }])
  t.match(await told(db, refused), [{ attempts: 1 }])
})

t.test('a sender that the server refuses is our fault: the mail waits', async (t) => {
  await setting.reset()
  const { db, server, send } = setting
  await tell(db, await quietCase(setting), 'receipt_for_reporter')
  server.refuse = (command) => (command.startsWith('MAIL') ? '550 5.7.1 not from here' : undefined)
  await send()
  t.match(await told(db), [{ state: 'waiting', problem: 'smtp_550' }])
})

t.test('two workers at once send each mail once', async (t) => {
  await setting.reset()
  const { db, server, send, worker } = setting
  const theCase = await quietCase(setting)
  for (let n = 0; n < 50; n++) await tell(db, theCase, 'question_for_reporter', n)
  await Promise.all([send(worker()), send(worker()), send(worker())])
  t.equal(server.received.length, 50)
  t.equal(new Set(server.received.map(({ messageId }) => messageId)).size, 50)
  t.match(await told(db), Array(50).fill({ state: 'sent', attempts: 1 }))
})

t.test(
  'what a killed worker had claimed is sent when its lease has ended, as the same message',
  async (t) => {
    await setting.reset()
    const { db, server, send, pass } = setting
    const theCase = await quietCase(setting)
    await tell(db, theCase, 'receipt_for_reporter')
    await claimNotifications(db, new Date(Date.now() + 1_000), { limit: 10, leaseMs: 5 * MINUTE })
    await send()
    t.equal(server.received.length, 0)
    pass(6 * MINUTE)
    await send()
    t.match(await told(db), [{ state: 'sent', attempts: 2 }])
    // As if the first had died after sending: a receiver can tell that it is the same.
    await rows(db.pool, `update notifications set state = 'waiting', sent_at = null`)
    pass(6 * MINUTE)
    await send()
    const [first, second] = server.received
    t.equal(first?.messageId, second?.messageId)
    t.match(first?.messageId, /^<[0-9a-f]{32}@example\.org>$/)
  },
)

t.test('a worker that is told to stop gives back what it has not begun', async (t) => {
  await setting.reset()
  const { db, server, send, worker } = setting
  await tell(db, await quietCase(setting), 'receipt_for_reporter')
  await send({ ...worker(), signal: AbortSignal.abort() })
  t.equal(server.received.length, 0)
  await send()
  t.equal(server.received.length, 1)
})

t.test('things are told as they are when they are told', async (t) => {
  await setting.reset()
  const { db, server, send } = setting
  await set(db, 'T01', { notify_email: 'pals@t01.example.org' })
  await set(db, 'T02', { notify_email: 'pals@t02.example.org' })

  const withdrawn = await quietCase(setting)
  for (const kind of ['case_for_organisation', 'response_for_reporter', 'removal_for_reporter'] as const)
    await tell(db, withdrawn, kind)
  await rows(
    db.pool,
    `update cases set status = 'withdrawn', publication = 'removed', closed_at = now(), acknowledged_at = now() where id = $1`,
    [withdrawn.id],
  )

  const moved = await quietCase(setting)
  await tell(db, moved, 'case_for_organisation')
  const [{ id: elsewhere = 0 } = {}] = await rows<{ id: number }>(
    db.pool,
    `select id from organisations where code = 'T02'`,
  )
  await rows(db.pool, 'update cases set organisation_id = $2 where id = $1', [moved.id, elsewhere])
  await tell(db, { ...moved, organisationId: elsewhere }, 'case_for_organisation')

  const reopened = await quietCase(setting)
  await tell(db, reopened, 'closing_for_reporter')
  await tell(db, reopened, 'response_for_reporter')
  const question = await quietCase(setting, { kind: 'question' })
  await tell(db, question, 'case_for_organisation')

  await send()
  t.match(await told(db, withdrawn), [
    { kind: 'case_for_organisation', problem: 'withdrawn' },
    { kind: 'case_for_organisation', problem: 'withdrawn' },
    { kind: 'response_for_reporter', state: 'dropped', problem: 'withdrawn' },
    { kind: 'removal_for_reporter', state: 'sent' },
  ])
  t.match(await told(db, moved), [
    { problem: 'moved' },
    { problem: 'moved' },
    { state: 'sent', address: 1 },
    { state: 'dropped', problem: 'no_address', address: 2 },
  ])
  t.match(await told(db, reopened), [{ problem: 'reopened' }, { problem: 'no_response' }])
  t.match(await told(db, question), Array(2).fill({ problem: 'not_passed_on' }))
  t.same(server.received.map(({ to }) => to).sort(), ['invented@example.org', 'pals@t02.example.org'])
})

t.test(
  'an urgent case goes to whoever is on call before anything else, and somebody gets up when it cannot',
  async (t) => {
    await setting.reset()
    const { db, server, send, worker, logged } = setting
    const theCase = await quietCase(setting)
    for (let n = 0; n < 30; n++) await tell(db, theCase, 'question_for_reporter', n)
    await tell(db, theCase, 'urgent_for_on_call')
    await send()
    const at = server.received.findIndex(({ to }) => to === ON_CALL)
    t.ok(at >= 0 && at < 20, 'with the first claimed')
    t.match(server.received[at], { subject: /URGENT/, text: new RegExp(theCase.reference) })

    await tell(db, theCase, 'urgent_for_on_call', 2)
    await send(worker({ onCall: null }))
    t.match((await told(db)).at(-1), { state: 'dropped', problem: 'no_on_call' })
    t.match(logged(), /"level":50.*nobody could be told of an urgent case/)
  },
)

t.test('a digest says how much feedback there is, and which, and nothing of what it says', async (t) => {
  await setting.reset()
  const { db, server, send, pass } = setting
  await set(db, 'T01', {
    notify_email: 'pals@t01.example.org',
    respond_url: 'https://tool.example/{reference}',
  })
  await rows(db.pool, `update cases set created_at = created_at - interval '30 days'`)
  const feedback = { ...canaryDraft, kind: 'feedback' }
  const [one, two, rejected] = await Promise.all([1, 2, 3].map(() => quietCase(setting, feedback)))
  const tomorrow = new Date(Date.now() + 24 * 60 * MINUTE)
  tomorrow.setUTCHours(12)
  t.equal(await noteDigests(db, tomorrow), 1)
  await rows(db.pool, `update cases set publication = 'rejected' where id = $1`, [rejected?.id])
  pass(2 * 24 * 60 * MINUTE)
  await send()

  t.equal(server.received.length, 1)
  const [mail] = server.received
  t.match(mail, { to: 'pals@t01.example.org', subject: 'Care Connect: new feedback, 2' })
  for (const { reference = '' } of [one ?? {}, two ?? {}])
    t.match(mail?.text, `${reference}  https://tool.example/${reference}`)
  t.notMatch(mail?.text, rejected?.reference)
  for (const canary of Object.values(canaries)) t.notOk(mail?.raw.includes(canary))
})

t.test('a client that was revoked sends nobody to its pages any more', async (t) => {
  await setting.reset()
  const { db, server, send } = setting
  const theCase = await quietCase(setting)
  await rows(
    db.pool,
    `update api_clients set follow_url = 'https://front.example/{reference}', revoked_at = now() where name = 'integrator'`,
  )
  await tell(db, theCase, 'receipt_for_reporter')
  await send()
  t.match(server.received[0]?.text, /use this reference where you told us/)
  t.notMatch(server.received[0]?.text, /front\.example/)
})

t.test('two addresses that are one get one mail, and without a mail server nobody does', async (t) => {
  await setting.reset()
  const { db, server, send, worker } = setting
  await set(db, 'T01', { notify_email: 'pals@t01.example.org', notify_email_2: 'PALS@t01.example.org' })
  const theCase = await quietCase(setting)
  await tell(db, theCase, 'case_for_organisation')
  await send()
  t.match(await told(db), [{ state: 'sent' }, { state: 'dropped', problem: 'same_address' }])
  await tell(db, theCase, 'receipt_for_reporter')
  await send(worker({ kind: 'none' }))
  t.match((await told(db)).at(-1), { state: 'dropped', problem: 'no_mail_server' })
  t.equal(server.received.length, 1)
})

t.test('into a folder, each mail is one file that only its owner reads', async (t) => {
  await setting.reset()
  const { db, send, worker } = setting
  const folder = join(t.testdir({}), 'mails')
  const theCase = await quietCase(setting)
  await tell(db, theCase, 'receipt_for_reporter')
  const context = worker({ kind: 'folder', folder } as never)
  await send(context)
  await rows(db.pool, `update notifications set state = 'waiting', sent_at = null, next_attempt_at = now()`)
  await send(context)
  const files = readdirSync(folder)
  t.equal(files.length, 1, 'sent again it is the same file')
  t.match(files[0], /^\d{6}-receipt-for-reporter\.eml$/)
  t.equal(statSync(join(folder, files[0] as string)).mode & 0o777, 0o600)
  const { subject, text } = readMail(readFileSync(join(folder, files[0] as string), 'utf8'))
  t.match(subject, theCase.reference)
  t.match(text, /Example Trust One/)
})

t.test('nothing of anybody gets into logs, errors or the table', async (t) => {
  await setting.reset()
  const { db, server, send, logged } = setting
  await set(db, 'T01', { notify_email: 'canary-office@example.org' })
  const theCase = await quietCase(setting, canaryDraft)
  const broken = await quietCase(setting, canaryDraft)
  await rows(db.pool, `update cases set contact_sealed = 'broken' where id = $1`, [broken.id])
  for (const one of [theCase, broken]) {
    for (const kind of ['receipt_for_reporter', 'case_for_organisation'] as const) await tell(db, one, kind)
  }
  server.refuse = (command) => (command.startsWith('RCPT') ? `550 ${command}` : undefined)
  await send()
  t.match(await told(db, broken), [{ state: 'waiting', problem: 'not_made' }, {}, {}])
  const kept = JSON.stringify(await rows(db.pool, 'select * from notifications'))
  for (const secret of [...Object.values(canaries), 'canary-office']) {
    t.notOk(logged().includes(secret), `${secret} in the log`)
    t.notOk(kept.includes(secret), `${secret} in the table`)
  }
  t.match(logged(), /smtp_550/)
})

function leavesOf(value: unknown): string[] {
  if (value === null || typeof value === 'boolean') return []
  if (typeof value !== 'object') return [String(value)]
  return Object.values(value).flatMap(leavesOf)
}

/** Whether a text has the value as words of its own. */
function says(text: string, value: string): boolean {
  if (value === '') return false
  const literal = value.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?<!\\w)${literal}(?!\\w)`, 'i').test(text)
}
