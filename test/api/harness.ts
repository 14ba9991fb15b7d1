import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { type AppOptions, createApp } from '../../api/app.ts'
import { type Contract, readContract } from '../../api/contract/contract.ts'
import { createValidation, type Validation } from '../../api/contract/validation.ts'
import { createClient, type NewClient } from '../../domain/clients.ts'
import type { ErasureLedger } from '../../domain/erasure-ledger.ts'
import { openFileLedger } from '../../ledger/file-ledger.ts'
import { createLog } from '../../log.ts'
import { closeDb, type Db, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { preparedDatabase } from '../database.ts'
import { type Keys, ORIGIN } from './prepared.ts'

export { type Keys, ORIGIN } from './prepared.ts'

export const PUBLIC_URL = 'https://api.test.example'

/** What GOV.UK Notify shows when it calls back. (Invented.) */
export const NOTIFY_TOKEN = 'invented-token-of-the-callbacks'

/** What the service says of itself in tests. (Invented.) */
export const SERVICE = {
  name: 'Care Connect',
  telephone: '020 7946 0100',
  textNumber: '020 7946 0101',
  email: 'help@care-connect.example.org',
  hours: 'Monday to Friday, 9 to 17',
  notice: 'This is not for emergencies: dial 999, or 111 for urgent medical advice.',
}

type Tap = { teardown(work: () => Promise<void>): unknown }

export type Harness = {
  app: FastifyInstance
  db: Db
  /** One key for each role; the provider's is of T01, the commissioner's of XCM01, the others' of T02 and XCM02, the feed provider's of the source `pushed`. */
  keys: Keys
  call: (request: Call) => Promise<Answer>
  addClient: (client: NewClient) => Promise<string>
  /** Everything that was logged. */
  logged: () => string
}

export type Call = {
  method?: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'OPTIONS' | 'DELETE'
  url: string
  key?: string
  body?: unknown
  headers?: Record<string, string>
}

export type Answer = {
  status: number
  body: ReturnType<typeof JSON.parse>
  headers: LightMyRequestResponse['headers']
  text: string
  /** As they came, for what is no text. */
  bytes: Buffer
}

const contract = readContract()
const validation = createValidation(contract)

/** The real app on a database of the test's own, with two trusts, their sites, a commissioner and a client for each role. */
export async function startHarness(
  tap: Tap,
  options: {
    requestsPerMinute?: number
    intakePerMinute?: number
    now?: () => Date
    publicUrl?: string
    dataVersion?: AppOptions['dataVersion']
    eventStreams?: AppOptions['eventStreams']
    hub?: string
    /** Null: GOV.UK Notify may not call back. */
    notifyToken?: null
    /** Null: nothing can be erased. */
    ledger?: ErasureLedger | null
  } = {},
): Promise<Harness> {
  const { url, keys } = await preparedDatabase(tap)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 8, applicationName: 'test' })
  const lines: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const app = await createApp({
    contract,
    db,
    publicUrl: options.publicUrl ?? PUBLIC_URL,
    logger: createLog('info', sink),
    requestsPerMinute: options.requestsPerMinute ?? 100_000,
    intakePerMinute: options.intakePerMinute ?? 100_000,
    service: SERVICE,
    // What is kept for a version may lag behind a change by a moment: only tests of that want it.
    dataVersion: options.dataVersion ?? false,
    ...(options.now && { now: options.now }),
    ...(options.eventStreams && { eventStreams: options.eventStreams }),
    ...(options.hub !== undefined && { hub: options.hub }),
    ...(options.notifyToken !== null && { notifyToken: NOTIFY_TOKEN }),
    ...(options.ledger !== null && { ledger: options.ledger ?? openFileLedger(ledgerFile(tap), db.vault) }),
  })
  tap.teardown(async () => {
    await app.close()
    await closeDb(db)
  })
  return {
    app,
    db,
    keys,
    call: (request) => call(app, request),
    addClient: async (client) => (await createClient(db, client)).key,
    logged: () => lines.join(''),
  }
}

/** Where a test may keep a ledger of erasures; it goes when the test ends. */
export function ledgerFile(tap: Tap): string {
  const file = join(tmpdir(), `care-connect-ledger-${randomUUID()}`)
  tap.teardown(() => rm(file, { force: true }))
  return file
}

/** Sends a request and holds the answer against the contract: status, media type, headers and body. */
export async function call(
  app: FastifyInstance,
  { method = 'GET', url, key, body, headers = {} }: Call,
): Promise<Answer> {
  const response = await app.inject({
    method,
    url,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(key?.startsWith('cc_pk_') && { origin: ORIGIN }),
      ...headers,
    },
    ...(body !== undefined && { payload: body as object }),
  })
  const type = String(response.headers['content-type'] ?? '')
  const parsed = /json/.test(type) && response.payload !== '' ? JSON.parse(response.payload) : undefined
  checkAnswer(contract, validation, method, url, response, parsed)
  return {
    status: response.statusCode,
    body: parsed,
    headers: response.headers,
    text: response.payload,
    bytes: response.rawPayload,
  }
}

/** A draft that the intake takes; a test gives what matters to it. */
export function draft(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    kind: 'concern',
    organisation: 'T01',
    category: 'delays',
    text: 'We waited for hours. (Invented.)',
    privacy: 'anonymous',
    contact: { name: 'Invented Person', email: 'invented@example.org' },
    acceptsTerms: true,
    ...changes,
  }
}

/** A draft as a case handler sends it, who has moderated it already. */
export function handledDraft(
  changes: Record<string, unknown> = {},
  moderation: Record<string, unknown> = {},
): Record<string, unknown> {
  return draft({
    channel: 'phone',
    moderation: {
      commissioned: 'locally',
      moderatedText: 'They waited for hours. (Invented.)',
      ...moderation,
    },
    ...changes,
  })
}

/** A case as `changes` want it, created with the integrator's key. */
export async function createCase(
  { call, keys }: Harness,
  changes: Record<string, unknown> = {},
): Promise<{ reference: string; version: number; receipt: string }> {
  const { body, status, text } = await call({
    method: 'POST',
    url: '/v1/cases',
    key: keys.integrator,
    body: draft(changes),
  })
  if (status !== 201) throw new Error(`the case was not created: ${text}`)
  return body
}

/** Headers of a staff tool that has read this version. */
export function staff(version: number, user = 'person-1'): Record<string, string> {
  return { 'if-match': `"${version}"`, 'acting-user': user }
}

/** A case that the public can read. */
export async function publishedCase(
  harness: Harness,
  changes: Record<string, unknown> = {},
): Promise<{ reference: string; version: number; receipt: string }> {
  const { reference, version, receipt } = await createCase(harness, changes)
  const { body, status, text } = await harness.call({
    method: 'POST',
    url: `/v1/cases/${reference}/decisions`,
    key: harness.keys.case_handler,
    headers: staff(version),
    body: {
      action: 'publish',
      reason: 'fit_to_publish',
      commissioned: 'locally',
      moderatedText: 'They waited for hours. (Invented.)',
    },
  })
  if (status !== 201) throw new Error(`the case was not published: ${text}`)
  return { reference, version: body.version, receipt }
}

// Made once for each path and schema: most of the time of a test would go there.
const patterns = new Map<string, RegExp>()
const validators = new Map<object, ReturnType<Validation['component']>>()

function patternOf(path: string): RegExp {
  const pattern = patterns.get(path) ?? new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
  patterns.set(path, pattern)
  return pattern
}

// Every answer in the suite goes through here: what the contract does not say must not happen.
function checkAnswer(
  { operations }: Contract,
  { component, body: compile }: Validation,
  method: string,
  url: string,
  response: LightMyRequestResponse,
  parsed: unknown,
): void {
  const path = url.split('?')[0] ?? ''
  const operation = operations.find(
    (one) => one.method === method.toLowerCase() && patternOf(one.path).test(path),
  )
  const where = `${method} ${path} ${response.statusCode}`
  if (operation === undefined) return
  const declared = operation.responses[response.statusCode]
  if (declared === undefined)
    throw new Error(
      `${where}: the contract of ${operation.id} does not have this status: ${response.payload}`,
    )
  const types = Object.keys(declared.content ?? {})
  const type = String(response.headers['content-type'] ?? '').split(';')[0]
  if (types.length > 0 && !types.includes(type ?? ''))
    throw new Error(`${where}: the media type is ${type}, the contract has ${types}`)
  for (const header of Object.keys(declared.headers ?? {})) {
    const optional = ['link', 'etag'].includes(header.toLowerCase()) || header.startsWith('RateLimit')
    if (!optional && response.headers[header.toLowerCase()] === undefined)
      throw new Error(`${where}: the header ${header} is missing`)
  }
  const schema = declared.content?.[type ?? '']?.schema
  if (schema === undefined) return
  const validate =
    validators.get(schema) ??
    ('$ref' in schema ? component(String(schema.$ref).split('/').at(-1) as string) : compile(schema))
  validators.set(schema, validate)
  if (!validate(/json/.test(type ?? '') ? parsed : response.payload))
    throw new Error(
      `${where}: the body is not what the contract says: ${JSON.stringify(validate.errors)}\n${response.payload}`,
    )
}
