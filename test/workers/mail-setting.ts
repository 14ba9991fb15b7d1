import { Writable } from 'node:stream'
import type { Test } from 'tap'
import { createLog } from '../../log.ts'
import { type Db, type NotificationKind, row, rows } from '../../prisma/client.ts'
import { type Mailer, type MailSettings, openMailer } from '../../workers/mail/mailer.ts'
import { type MailContext, sendMail } from '../../workers/send-mail.ts'
import { createCase, type Harness, PUBLIC_URL, startHarness } from '../api/harness.ts'
import { noteAll, tellOf } from '../noted.ts'
import { type SmtpServer, smtpServer } from './smtp-server.ts'

export const NOTICE = 'Not for emergencies. (Invented.)'
export const ON_CALL = 'on-call@example.org'
export const NATIONAL_CONTACT = 'national-contact@example.org'

export type MailSetting = {
  harness: Harness
  db: Db
  server: SmtpServer
  /** A worker's context; each has a connection of its own. */
  worker: (changes?: Partial<MailSettings>) => MailContext
  send: (context?: MailContext) => Promise<void>
  /** Lets time pass for the workers. */
  pass: (milliseconds: number) => void
  logged: () => string
  /** Nothing to tell, nobody to tell it to, and a server that takes everything. */
  reset: () => Promise<void>
}

/** The API on a store of its own, a mail server, and workers that send there. */
export async function mailSetting(t: Test, allowPrivate: readonly string[] = []): Promise<MailSetting> {
  const harness = await startHarness(t)
  const server = await smtpServer(t)
  let passed = 0
  const lines: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const log = createLog('debug', sink)
  const mailers: Mailer[] = []
  t.teardown(() => {
    for (const mailer of mailers) mailer.close()
  })
  const worker = (changes: Partial<MailSettings> = {}): MailContext => {
    const from = 'Care Connect <care-connect@example.org>'
    const notice = NOTICE
    const own = {
      kind: 'smtp',
      url: server.url,
      from,
      onCall: ON_CALL,
      nationalContact: NATIONAL_CONTACT,
      notice,
    }
    const settings = { ...own, ...changes } as MailSettings
    const mailer = openMailer(settings, { allowPrivate, userAgent: 'care-connect-test/0.1' })
    if (mailer !== null) mailers.push(mailer)
    return {
      db: harness.db,
      log,
      now: () => new Date(Date.now() + passed),
      random: () => 0.5,
      signal: new AbortController().signal,
      mailer,
      publicUrl: PUBLIC_URL,
      onCall: settings.onCall,
      nationalContact: settings.nationalContact,
      notice,
    }
  }
  return {
    harness,
    db: harness.db,
    server,
    worker,
    async send(context = worker()) {
      await noteAll(harness.db)
      await sendMail(context)
    },
    pass: (milliseconds) => {
      passed += milliseconds
    },
    logged: () => lines.join(''),
    async reset() {
      passed = 0
      lines.length = 0
      server.received.length = 0
      server.dead = false
      server.refuse = () => undefined
      await noteAll(harness.db)
      const { pool } = harness.db
      await rows(pool, 'delete from notifications')
      await rows(
        pool,
        'update organisations set notify_email = null, notify_email_2 = null, respond_url = null',
      )
      await rows(pool, 'update api_clients set follow_url = null, survey_url = null, revoked_at = null')
    },
  }
}

export type TestCase = { id: number; organisationId: number; reference: string; test: boolean }

/** A case by API that nobody has been told of yet. */
export async function quietCase(
  { harness }: MailSetting,
  changes: Record<string, unknown> = {},
): Promise<TestCase> {
  const { reference } = await createCase(harness, changes)
  const found = await row<TestCase>(
    harness.db.pool,
    'select id, organisation_id as "organisationId", reference, test from cases where reference = $1',
    [reference],
  )
  const theCase = found as TestCase
  await noteAll(harness.db)
  await rows(harness.db.pool, 'delete from notifications where case_id = $1', [theCase.id])
  return theCase
}

/** Has somebody to be told of a case. */
export async function tell(
  db: Db,
  theCase: TestCase,
  kind: NotificationKind,
  once: string | number = '',
): Promise<void> {
  await tellInLog(db, theCase, kind, once)
  await noteAll(db)
}

/** The same, and nobody has noted it yet. */
export async function tellInLog(
  db: Db,
  theCase: TestCase,
  kind: NotificationKind,
  once: string | number = '',
): Promise<void> {
  await tellOf(db, theCase, [{ kind, once }])
}

export type Told = { kind: string; state: string; problem: string | null; attempts: number; address: number }

/** What became of what was to be told, in the order in which it was noted. */
export async function told(db: Db, theCase?: TestCase): Promise<Told[]> {
  await noteAll(db)
  return rows(
    db.pool,
    `select kind, state, problem, attempts, address from notifications where $1::bigint is null or case_id = $1 order by id`,
    [theCase?.id ?? null],
  )
}

/** Gives an organisation these settings, by column. */
export async function set(db: Db, code: string, columns: Record<string, unknown>): Promise<void> {
  const names = Object.keys(columns)
  await rows(
    db.pool,
    `update organisations set ${names.map((name, n) => `${name} = $${n + 2}`).join(', ')} where code = $1`,
    [code, ...Object.values(columns)],
  )
}
