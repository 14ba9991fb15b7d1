/** The settings of a process, read once, whole and frozen; `.env.example` describes each. */
export type Config = {
  production: boolean
  databaseUrl: string | undefined
  redisUrl: string | undefined
  /** Begins every address that goes out; undefined: the address the API listens on. */
  publicUrl: string | undefined
  host: string
  /** undefined: 3000, or any free one in the embedded start when that is taken. */
  port: number | undefined
  trustProxy: string | undefined
  /** Where metrics and, in a worker, the queues are served; nowhere without a port. */
  operationsHost: string
  operationsPort: number | undefined
  /** From where on the API turns requests away. */
  pressure: PressureSettings
  /** How long a stopping API still takes requests while it says that it is not ready. */
  drainSeconds: number
  logLevel: (typeof LOG_LEVELS)[number]
  encryptionKeys: string | undefined
  databaseConnections: number
  requestsPerMinute: number
  /** New cases, previews, pictures and reports a minute, per address, without a secret key. */
  intakePerMinute: number
  /** What a front end shows of this service. */
  service: ServiceSettings
  pollEverySeconds: number
  pollsAtOnce: number
  /** Milliseconds between two requests to one host. */
  pollGapMs: number
  /** Finds whole postcodes: an address with `{postcode}` in it; without it their outward halves count. */
  geocoderUrl: string | undefined
  /** Attention: `host:port` that may be called although they are private; for a provider or geocoder inside your own network. */
  allowPrivate: readonly string[]
  /** The WebSub hub that tells of changes of the feeds. */
  websubHub: string | undefined
  /** The server that takes the mails; none are sent without it, unless a folder takes them. */
  smtpUrl: string | undefined
  mailFrom: string | undefined
  mailFolder: string | undefined
  /** GOV.UK Notify takes the mails instead of a server: its API key, and its template of `((subject))` and `((body))`. */
  notifyApiKey: string | undefined
  notifyTemplate: string | undefined
  /** The key of the address for answers there. */
  notifyReplyTo: string | undefined
  notifyUrl: string
  /** What GOV.UK Notify shows when it calls back; without it nobody may. */
  notifyCallbackToken: string | undefined
  /** Who is told at once that a case is urgent. */
  onCallEmail: string | undefined
  /** Who is told of escalated cases of care that is commissioned nationally. */
  nationalContactEmail: string | undefined
  /** The file, outside the database, that every erasure is noted in first; nothing can be erased without it. */
  erasureLedger: string | undefined
}

/** See `PressureLimits` of the API; undefined: nine tenths of what Node allows itself, and no limit of memory. */
export type PressureSettings = {
  loopDelayMs: number
  waiting: number
  heapMb: number | undefined
  memoryMb: number | undefined
}

/** Who the reporter finds behind the service, and what every form and every answer to a new case must say. */
export type ServiceSettings = {
  name: string
  telephone: string | null
  textNumber: string | null
  email: string | null
  hours: string | null
  notice: string
}

/** Reads the settings; throws one error that names every setting that is wrong, and what would be right. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = []
  const setting = <T>(
    name: string,
    read: (text: string) => T | undefined,
    expected: string,
  ): T | undefined => {
    const text = env[name]?.trim()
    if (text === undefined || text === '') return undefined
    const value = read(text)
    if (value === undefined) problems.push(`${name} must be ${expected}.`)
    return value
  }
  const config: Config = {
    production: env.NODE_ENV === 'production',
    databaseUrl: setting(
      'DATABASE_URL',
      url('postgres:', 'postgresql:'),
      'the address of a PostgreSQL, like postgresql://user:password@host:5432/care_connect',
    ),
    redisUrl: setting(
      'REDIS_URL',
      url('redis:', 'rediss:'),
      'the address of a Redis, like redis://host:6379',
    ),
    publicUrl: setting(
      'PUBLIC_URL',
      (text) => url('http:', 'https:')(text)?.replace(/\/+$/, ''),
      'the address under which clients reach the API, like https://api.example.org',
    ),
    host: setting('HOST', (text) => text, 'an address to listen on') ?? '127.0.0.1',
    port: setting('PORT', whole(0, 65_535), 'a port number'),
    trustProxy: setting(
      'TRUST_PROXY',
      addresses,
      'addresses or ranges of your proxies, separated by commas, like 10.0.0.0/8',
    ),
    operationsHost: setting('OPERATIONS_HOST', (text) => text, 'an address to listen on') ?? '127.0.0.1',
    operationsPort: setting('OPERATIONS_PORT', whole(0, 65_535), 'a port number'),
    pressure: {
      loopDelayMs: setting('MOST_LOOP_DELAY_MS', whole(50, 60_000), 'milliseconds from 50 to 60000') ?? 1_000,
      waiting: setting('MOST_WAITING', whole(1, 100_000), 'a number from 1 to 100000') ?? 500,
      heapMb: setting('MOST_HEAP_MB', whole(100, 1_000_000), 'megabytes, at least 100'),
      memoryMb: setting('MOST_MEMORY_MB', whole(200, 1_000_000), 'megabytes, at least 200'),
    },
    drainSeconds: setting('DRAIN_SECONDS', whole(0, 300), 'a number of seconds from 0 to 300') ?? 0,
    logLevel: setting('LOG_LEVEL', oneOf(LOG_LEVELS), `one of ${LOG_LEVELS.join(', ')}`) ?? 'info',
    encryptionKeys: setting(
      'ENCRYPTION_KEYS',
      vaultKeys,
      '<id>:<32 bytes in base64>, several separated by commas, the one that encrypts first',
    ),
    databaseConnections: setting('DATABASE_CONNECTIONS', whole(2, 500), 'a number from 2 to 500') ?? 10,
    requestsPerMinute: setting('REQUESTS_PER_MINUTE', whole(1, 1_000_000), 'a number from 1') ?? 600,
    intakePerMinute: setting('INTAKE_PER_MINUTE', whole(1, 1_000_000), 'a number from 1') ?? 20,
    service: {
      name: setting('SERVICE_NAME', text(200), 'a name of at most 200 characters') ?? 'Care Connect',
      telephone: setting('SERVICE_TELEPHONE', telephone, 'a telephone number') ?? null,
      textNumber: setting('SERVICE_TEXT_NUMBER', telephone, 'a telephone number') ?? null,
      email: setting('SERVICE_EMAIL', mailAddress, 'an e-mail address') ?? null,
      hours: setting('SERVICE_HOURS', text(500), 'a text of at most 500 characters') ?? null,
      notice: setting('SERVICE_NOTICE', text(1_000), 'a text of at most 1000 characters') ?? EMERGENCY_NOTICE,
    },
    pollEverySeconds:
      setting('POLL_EVERY_SECONDS', whole(1, 3_600), 'a number of seconds from 1 to 3600') ?? 5,
    pollsAtOnce: setting('POLLS_AT_ONCE', whole(1, 100), 'a number from 1 to 100') ?? 32,
    pollGapMs: setting('POLL_GAP_MS', whole(0, 60_000), 'a number of milliseconds from 0 to 60000') ?? 1_000,
    geocoderUrl: setting(
      'GEOCODER_URL',
      geocoder,
      'the address of a geocoder with {postcode} in it, like https://postcodes.example.org/postcodes/{postcode}',
    ),
    allowPrivate:
      setting('ALLOW_PRIVATE', list(/^[\w.:[\]-]+:\d+$/), 'host:port, several separated by commas') ?? [],
    websubHub: setting(
      'WEBSUB_HUB',
      hub,
      'the http or https address of a WebSub hub, like https://hub.example.org/',
    ),
    smtpUrl: setting(
      'SMTP_URL',
      smtpServer,
      'the address of a mail server, like smtps://user:password@mail.example.org',
    ),
    mailFrom: setting(
      'MAIL_FROM',
      pattern(/^([^<>"@]+ <[^@\s<>]+@[A-Za-z0-9.-]+>|[^@\s<>]+@[A-Za-z0-9.-]+)$/),
      'the address that mails come from, like Care Connect <care-connect@example.org>',
    ),
    mailFolder: setting('MAIL_FOLDER', (text) => text, 'a folder'),
    notifyApiKey: setting(
      'NOTIFY_API_KEY',
      pattern(new RegExp(`^.+-${UUID}-${UUID}$`, 'i')),
      'an API key of GOV.UK Notify, <name>-<service>-<secret>, as it is shown once',
    ),
    notifyTemplate: setting('NOTIFY_TEMPLATE', pattern(ONE_UUID), 'the id of a template of GOV.UK Notify'),
    notifyReplyTo: setting(
      'NOTIFY_REPLY_TO',
      pattern(ONE_UUID),
      'the id of a reply-to address of GOV.UK Notify',
    ),
    notifyUrl:
      setting(
        'NOTIFY_URL',
        (text) => url('https:', 'http:')(text)?.replace(/\/+$/, ''),
        'an https address',
      ) ?? 'https://api.notifications.service.gov.uk',
    notifyCallbackToken: setting(
      'NOTIFY_CALLBACK_TOKEN',
      pattern(/^[\x21-\x7e]{16,200}$/),
      '16 to 200 letters, digits and signs, which nobody can guess',
    ),
    onCallEmail: setting(
      'ON_CALL_EMAIL',
      pattern(/^[^@\s<>,;]+@[A-Za-z0-9.-]+$/),
      'one e-mail address, like on-call@example.org',
    ),
    nationalContactEmail: setting(
      'NATIONAL_CONTACT_EMAIL',
      pattern(/^[^@\s<>,;]+@[A-Za-z0-9.-]+$/),
      'one e-mail address, like contact-centre@example.org',
    ),
    erasureLedger: setting(
      'ERASURE_LEDGER',
      pattern(/^\/.*[^/]$/),
      'the whole path of a file, like /var/lib/care-connect-ledger/erasures',
    ),
  }
  if (config.smtpUrl !== undefined && config.mailFrom === undefined)
    problems.push('MAIL_FROM must be set with SMTP_URL: the address that mails come from.')
  problems.push(...notifyProblems(config))
  if (config.websubHub !== undefined && config.publicUrl === undefined)
    problems.push('PUBLIC_URL must be set with WEBSUB_HUB: the hub fetches the feeds from there.')
  if (problems.length > 0)
    throw new Error(`The settings are not right:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
  Object.freeze(config.service)
  Object.freeze(config.pressure)
  return Object.freeze(config)
}

/** What a process on a store of yours needs; throws one error that names all that is missing. */
export function needOwnStore(config: Config): { databaseUrl: string; encryptionKeys: string } {
  const { databaseUrl, encryptionKeys } = config
  if (databaseUrl !== undefined && encryptionKeys !== undefined) return { databaseUrl, encryptionKeys }
  const missing = [
    databaseUrl === undefined && '  - DATABASE_URL names the PostgreSQL of yours that holds the cases.',
    encryptionKeys === undefined &&
      '  - ENCRYPTION_KEYS encrypts what is personal: npm run key:create makes one. Keep it as safe as the cases.',
  ]
  throw new Error(
    `A deployment needs settings of its own (.env.example describes them); only the embedded start, npm start, does without:\n${missing.filter(Boolean).join('\n')}`,
  )
}

// Addresses of people go there: never in clear, but to a stand-in of your own.
function notifyProblems({
  smtpUrl,
  notifyApiKey,
  notifyTemplate,
  notifyUrl,
  allowPrivate,
}: Config): string[] {
  const { protocol, host } = new URL(notifyUrl)
  return [
    ...(notifyApiKey !== undefined && smtpUrl !== undefined
      ? ['SMTP_URL must be left out with NOTIFY_API_KEY: mails go one way.']
      : []),
    ...(notifyApiKey !== undefined && notifyTemplate === undefined
      ? ['NOTIFY_TEMPLATE must be set with NOTIFY_API_KEY: the template that mails are made of there.']
      : []),
    ...(protocol === 'https:' || allowPrivate.includes(host)
      ? []
      : ['NOTIFY_URL must be an https address, unless ALLOW_PRIVATE has its host:port.']),
  ]
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const ONE_UUID = new RegExp(`^${UUID}$`, 'i')

/** What every form says unless something else is set. */
const EMERGENCY_NOTICE =
  'Care Connect is not for emergencies. In an emergency dial 999; for urgent medical advice dial 111.'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const

function url(...protocols: string[]): (text: string) => string | undefined {
  return (text) => (URL.canParse(text) && protocols.includes(new URL(text).protocol) ? text : undefined)
}

function geocoder(text: string): string | undefined {
  return text.includes('{postcode}') ? url('http:', 'https:')(text) : undefined
}

// As it is written: feeds name it so, and who subscribes calls it so.
function hub(text: string): string | undefined {
  const address = url('http:', 'https:')(text)
  if (address === undefined) return undefined
  const { username, password, hash } = new URL(address)
  return username === '' && password === '' && hash === '' ? address : undefined
}

function smtpServer(text: string): string | undefined {
  const address = url('smtp:', 'smtps:')(text)
  if (address === undefined) return undefined
  const { hostname, search } = new URL(address)
  return hostname !== '' && (search === '' || search === '?tls=never') ? address : undefined
}

function pattern(wanted: RegExp): (text: string) => string | undefined {
  return (text) => (wanted.test(text) ? text : undefined)
}

function whole(min: number, max: number): (text: string) => number | undefined {
  return (text) =>
    /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined
}

function text(longest: number): (text: string) => string | undefined {
  return (text) => (text.length <= longest ? text : undefined)
}

function telephone(text: string): string | undefined {
  return /^[0-9 +]{3,50}$/.test(text) ? text : undefined
}

function mailAddress(text: string): string | undefined {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) ? text : undefined
}

function oneOf<T extends string>(values: readonly T[]): (text: string) => T | undefined {
  return (text) => values.find((value) => value === text)
}

function list(pattern: RegExp): (text: string) => string[] | undefined {
  return (text) => {
    const items = text.split(',').map((item) => item.trim())
    return items.every((item) => pattern.test(item)) ? items : undefined
  }
}

function addresses(text: string): string | undefined {
  return list(/^([\da-f.:]+(\/\d{1,3})?|loopback|linklocal|uniquelocal)$/i)(text)?.join(',')
}

function vaultKeys(text: string): string | undefined {
  return list(/^[a-z0-9-]{1,20}:[A-Za-z0-9+/]{43}=$/i)(text)?.join(',')
}
