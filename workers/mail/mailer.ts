import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTransport, type SMTPPoolOptions } from 'nodemailer'
import { NotifyError, openNotify } from '../../net/notify.ts'

/** Where mails go: to a server, to GOV.UK Notify, into a folder as files (for trying it out), or nowhere. */
export type MailSettings = {
  from: string
  /** Who is told of urgent cases. */
  onCall: string | null
  /** Who is told of escalated cases of care that is commissioned nationally. */
  nationalContact: string | null
  /** That this is not for emergencies, and where to turn instead. */
  notice: string
} & (
  | { kind: 'smtp'; url: string }
  | ({ kind: 'notify' } & NotifySettings)
  | { kind: 'folder'; folder: string }
  | { kind: 'none' }
)

/** The account at GOV.UK Notify: its one template is `((subject))` and `((body))`. */
export type NotifySettings = { url: string; apiKey: string; template: string; replyTo: string | null }

/** What the environment says of mails. */
export type MailConfig = Readonly<
  { service: { notice: string } } & Record<
    | 'smtpUrl'
    | 'mailFrom'
    | 'mailFolder'
    | 'onCallEmail'
    | 'nationalContactEmail'
    | 'notifyApiKey'
    | 'notifyTemplate'
    | 'notifyReplyTo',
    string | undefined
  > & { notifyUrl: string }
>

/** Where mails go by these settings; into `folder` when they say nothing. */
export function mailSettings(config: MailConfig, folder?: string): MailSettings {
  const own = {
    from: config.mailFrom ?? DEMO_FROM,
    onCall: config.onCallEmail ?? null,
    nationalContact: config.nationalContactEmail ?? null,
    notice: config.service.notice,
  }
  if (config.smtpUrl !== undefined) return { ...own, kind: 'smtp', url: config.smtpUrl }
  const { notifyUrl: url, notifyApiKey: apiKey, notifyTemplate: template } = config
  if (apiKey !== undefined && template !== undefined)
    return { ...own, kind: 'notify', url, apiKey, template, replyTo: config.notifyReplyTo ?? null }
  const chosen = config.mailFolder ?? folder
  return chosen === undefined ? { ...own, kind: 'none' } : { ...own, kind: 'folder', folder: chosen }
}

const DEMO_FROM = 'Care Connect <care-connect@example.org>'

export type Mail = {
  to: string
  subject: string
  text: string
  /** The same when it is sent again. */
  token: string
  /** For a file of its own. */
  name: string
  /** A POST there ends mails like it (RFC 8058); null where nothing is to be ended. */
  unsubscribeUrl: string | null
  /** It was tried before, and may have arrived all the same. */
  again: boolean
}

/** What sends; it resolves to what its provider calls the mail, if it has a name for it, and rejects with what `problemOf` reads. */
export type Mailer = {
  send(mail: Mail, signal: AbortSignal): Promise<string | null>
  close(): void
}

/** How HTTP goes out of this process. */
type Network = { allowPrivate: readonly string[]; userAgent: string }

/** Opens what the settings say; nothing connects before the first mail. Null when mails go nowhere. */
export function openMailer(settings: MailSettings, network: Network): Mailer | null {
  switch (settings.kind) {
    case 'smtp':
      return toServer(settings.url, settings.from)
    case 'notify':
      return toNotify(settings, network)
    case 'folder':
      return toFolder(settings.folder, settings.from)
    case 'none':
      return null
  }
}

export type Problem = { problem: string; permanent: boolean }

/**
 * A failed sending as a code, and whether trying again is of no use: the server refused this recipient or this message
 * for good. What it refused before that (the login, the sender) is about us, and may be mended.
 */
export function problemOf(error: unknown): Problem {
  if (error instanceof NotifyError) return { problem: error.problem, permanent: error.permanent }
  const { code, command, responseCode } = (error ?? {}) as Record<string, unknown>
  const ofThisMail = command === 'RCPT TO' || command === 'DATA'
  if (typeof responseCode === 'number') {
    // RFC 5321, section 4.2.1; 503 says that the session was out of step.
    const forGood = responseCode >= 500 && responseCode !== 503
    return { problem: `smtp_${responseCode}`, permanent: ofThisMail && forGood }
  }
  if (code === 'EENVELOPE') return { problem: 'bad_address', permanent: true }
  return { problem: typeof code === 'string' ? code.toLowerCase().slice(0, 40) : 'error', permanent: false }
}

/** How many mails a process sends at a time. */
export const MAILS_AT_ONCE = 5

function toServer(url: string, from: string): Mailer {
  const transport = createTransport(
    {
      ...serverOf(url),
      pool: true,
      maxConnections: MAILS_AT_ONCE,
      // Once for a connection that the server had given up; after that a mail comes again by its own time.
      maxRequeues: 1,
      dnsTimeout: 10_000,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 30_000,
      idleTimeout: 10_000,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  )
  // A connection that fails while nothing is sent is replaced with the next mail.
  transport.on('error', () => undefined)
  return {
    async send(mail, signal) {
      await transport.sendMail({ ...messageOf(mail, from), signal })
      return null
    },
    close: () => transport.close({ force: true }),
  }
}

// Notify sends the same reference again without a word: what may have arrived is looked for first.
function toNotify({ template, replyTo, ...account }: NotifySettings, network: Network): Mailer {
  const notify = openNotify({ ...account, ...network })
  return {
    async send({ to, subject, text, token, again, unsubscribeUrl }, signal) {
      const known = again ? await notify.findEmail(token, signal) : undefined
      if (known !== undefined) return known
      const personalisation = { subject, body: text }
      // It takes no other, and would refuse the mail for it.
      const unsubscribe = unsubscribeUrl?.startsWith('https:') ? unsubscribeUrl : null
      return notify.sendEmail(
        { to, template, personalisation, reference: token, replyTo, unsubscribeUrl: unsubscribe },
        signal,
      )
    },
    close: () => void notify.close().catch(() => undefined),
  }
}

/** Files that a mail program opens; one that is sent again replaces itself. */
function toFolder(folder: string, from: string): Mailer {
  const transport = createTransport({ streamTransport: true, buffer: true }, { from })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return {
    async send(mail) {
      const { message } = await transport.sendMail(messageOf(mail, from))
      writeWhole(join(folder, `${mail.name}.eml`), message as Buffer)
      return null
    },
    close: () => undefined,
  }
}

/** `smtps` is TLS from the start. `smtp` must change to it, except on this machine or with `?tls=never`. */
export function serverOf(address: string): SMTPPoolOptions {
  const { protocol, hostname, port, username, password, searchParams } = new URL(address)
  const host = hostname.replace(/^\[|\]$/g, '')
  const secure = protocol === 'smtps:'
  const plain = searchParams.get('tls') === 'never' || ['localhost', '127.0.0.1', '::1'].includes(host)
  return {
    host,
    ...(port !== '' && { port: Number(port) }),
    secure,
    requireTLS: !secure && !plain,
    ignoreTLS: !secure && plain,
    ...(username !== '' && {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    }),
  }
}

function messageOf({ to, subject, text, token, unsubscribeUrl }: Mail, from: string) {
  return {
    // As an object it is one address, whatever it holds.
    to: { name: '', address: to },
    subject,
    text,
    textEncoding: 'quoted-printable' as const,
    messageId: `<${token}@${domainOf(from)}>`,
    // RFC 3834: nobody's out-of-office answers this.
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      ...(unsubscribeUrl !== null && {
        'List-Unsubscribe': `<${unsubscribeUrl}>`,
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      }),
    },
  }
}

function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)/.exec(from)?.[1] ?? 'localhost'
}

function writeWhole(file: string, bytes: Buffer): void {
  const draft = `${file}.draft`
  rmSync(draft, { force: true })
  const descriptor = openSync(draft, 'wx', 0o600)
  writeFileSync(descriptor, bytes)
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(draft, file)
}
