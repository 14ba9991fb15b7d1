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
  logLevel: (typeof LOG_LEVELS)[number]
  encryptionKeys: string | undefined
  databaseConnections: number
  requestsPerMinute: number
  pollEverySeconds: number
  pollsAtOnce: number
  /** Milliseconds between two requests to one host. */
  pollGapMs: number
  /** Attention: `host:port` that may be polled although they are private; for a provider inside your own network. */
  allowPrivate: readonly string[]
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
    logLevel: setting('LOG_LEVEL', oneOf(LOG_LEVELS), `one of ${LOG_LEVELS.join(', ')}`) ?? 'info',
    encryptionKeys: setting(
      'ENCRYPTION_KEYS',
      vaultKeys,
      '<id>:<32 bytes in base64>, several separated by commas, the one that encrypts first',
    ),
    databaseConnections: setting('DATABASE_CONNECTIONS', whole(2, 500), 'a number from 2 to 500') ?? 10,
    requestsPerMinute: setting('REQUESTS_PER_MINUTE', whole(1, 1_000_000), 'a number from 1') ?? 600,
    pollEverySeconds:
      setting('POLL_EVERY_SECONDS', whole(1, 3_600), 'a number of seconds from 1 to 3600') ?? 5,
    pollsAtOnce: setting('POLLS_AT_ONCE', whole(1, 100), 'a number from 1 to 100') ?? 4,
    pollGapMs: setting('POLL_GAP_MS', whole(0, 60_000), 'a number of milliseconds from 0 to 60000') ?? 1_000,
    allowPrivate:
      setting('ALLOW_PRIVATE', list(/^[\w.:[\]-]+:\d+$/), 'host:port, several separated by commas') ?? [],
  }
  if (problems.length > 0)
    throw new Error(`The settings are not right:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
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

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const

function url(...protocols: string[]): (text: string) => string | undefined {
  return (text) => (URL.canParse(text) && protocols.includes(new URL(text).protocol) ? text : undefined)
}

function whole(min: number, max: number): (text: string) => number | undefined {
  return (text) =>
    /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined
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
