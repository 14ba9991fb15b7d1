import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Caller } from '../domain/callers.ts'
import { type VersionWatch, watchDataVersion } from '../domain/data-version.ts'
import type { ErasureLedger } from '../domain/erasure-ledger.ts'
import type { FieldError } from '../domain/errors.ts'
import { type Geocoder, outwardGeocoder } from '../domain/geocoding.ts'
import { watchLog } from '../domain/log-watch.ts'
import type { Db } from '../prisma/client.ts'
import { noteAnswer } from './accesses.ts'
import { actingUserMissing, createAuthenticate } from './auth.ts'
import { type Contract, type Operation, readContract } from './contract/contract.ts'
import {
  type Binary,
  type EventStream,
  FIELDS_TYPE,
  type Handlers,
  type OperationId,
  type Schemas,
} from './contract/handler.ts'
import { lazySerializers, lazyValidator } from './contract/lazily.ts'
import { partUnder } from './contract/part.ts'
import { type AnyHandler, type AnyReply, addRoutes, parametersOf } from './contract/routes.ts'
import { createValidation, fieldProblems, type Validation } from './contract/validation.ts'
import { asksForTable, createTables } from './csv.ts'
import { etagOf, matches } from './etag.ts'
import { createEventStreams, type EventStreamOptions, type EventStreams } from './event-stream.ts'
import { createForms } from './forms.ts'
import type { Context, ServiceDescription } from './handlers/context.ts'
import { handlers } from './handlers/index.ts'
import { createLimits, type Spend } from './limits.ts'
import type { Measure } from './measure.ts'
import { addPressure, type PressureLimits } from './pressure.ts'
import { answerTo, catalogue, DoorError, type Problem, problem, problemFrom } from './problems.ts'
import { addReadiness } from './stop.ts'
import { createVersioned, namesBody, type Versioned } from './versioned.ts'

export type AppOptions = {
  db: Db
  /** Begins every address that goes out; without a slash at the end. */
  publicUrl: string
  logger: FastifyBaseLogger | false
  /** Which proxies may say where a request comes from: addresses and ranges, or none. */
  trustProxy?: string
  /** Requests a minute, per key or per address without one. */
  requestsPerMinute: number
  /** New cases, previews, pictures and reports a minute, per address, without a secret key. */
  intakePerMinute: number
  /** What a front end shows of this service. */
  service: ServiceDescription
  /** Finds where a postcode is; without it by its outward half alone. */
  geocoder?: Geocoder
  /** The ledger of erasures; nothing can be erased without it. */
  ledger?: ErasureLedger
  /** Says which version of the data there is; by NOTIFY if nothing is said, never with `false`. */
  dataVersion?: VersionWatch | false
  /** The WebSub hub that tells of changes of the feeds; none if nothing is said. */
  hub?: string
  /** Bodies of public answers that are kept for the version of the data; 64 MiB if nothing is said. */
  cacheBytes?: number
  /** How streams of events are kept. */
  eventStreams?: EventStreamOptions
  /** What GOV.UK Notify shows when it calls back; without it nobody may. */
  notifyToken?: string
  /** Counts requests over all processes; without it each counts its own. */
  rateLimitRedis?: unknown
  /** From where on requests are turned away; nowhere if nothing is said. */
  pressure?: PressureLimits
  /** Takes the figures of what is answered. */
  measure?: Measure
  contract?: Contract
  now?: () => Date
}

const BODY_LIMIT = 1024 * 1024

/** The whole API over one store; starts with `listen`, or takes requests by `inject`. Rejects when contract and handlers do not fit. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const contract = options.contract ?? readContract()
  const validation = createValidation(contract)
  const app = fastify({
    ...(options.logger === false ? { logger: false } : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: options.trustProxy ?? false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    // A missing Host is refused below, in our words.
    http: { headersTimeout: 15_000, connectionsCheckingInterval: 5_000, requireHostHeader: false },
    // As long as an address can be at all: the contract says how long a parameter may be.
    routerOptions: { maxParamLength: 16_384, ignoreTrailingSlash: false },
    // The path `/` under the server that the API definition of `/ogc` names.
    rewriteUrl: ({ url = '/' }) => url.replace(/^\/ogc\/(?=\?|$)/, '/ogc'),
    forceCloseConnections: 'idle',
    // Fastify's own answer is no problem document; what still arrives is answered.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) =>
      sendProblem(error, request as FastifyRequest, reply as unknown as FastifyReply),
    clientErrorHandler,
    schemaController: lazySerializers,
  })
  // Bodies without a schema must not slip through to a handler.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(
    ({ schema, httpPart }) =>
      lazyValidator(() =>
        httpPart === 'body' ? validation.body(schema as never) : validation.text(schema as never),
      ) as never,
  )
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply))
  app.setNotFoundHandler((request, reply) => sendNotFound(contract, request, reply))
  app.addHook('onRequest', requireHost)
  app.addHook('onSend', addHeaders)
  app.addHook('onResponse', logRequest)
  const { measure, pressure } = options
  if (measure !== undefined) app.addHook('onResponse', measured(measure))
  addReadiness(app)

  await app.register(cors, {
    origin: '*',
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'If-Match',
      'If-None-Match',
      'Idempotency-Key',
      'Acting-User',
      'Case-Receipt',
      'Last-Event-ID',
    ],
    exposedHeaders: [
      'ETag',
      'Link',
      'Location',
      'Request-Id',
      'Retry-After',
      'RateLimit-Limit',
      'RateLimit-Remaining',
      'RateLimit-Reset',
    ],
    maxAge: 86_400,
  })
  if (pressure !== undefined) await addPressure(app, { db: options.db, limits: pressure, measure })
  await app.register(rateLimit, {
    global: false,
    enableDraftSpec: true,
    ...(options.rateLimitRedis !== undefined && {
      redis: options.rateLimitRedis,
      skipOnError: true,
      nameSpace: 'care-connect-limit-',
    }),
  })
  await addReference(app, contract)
  addContractRoutes(app, contract, validation, options)
  await app.ready()
  return app
}

// RFC 9112, section 3.2.
function requireHost({ headers, raw }: FastifyRequest, _reply: FastifyReply, next: Next): void {
  if (headers.host !== undefined || raw.httpVersion !== '1.1') next()
  else next(new DoorError('request_malformed', { detail: 'A request of HTTP/1.1 names its Host.' }))
}

// A hook that waits for nothing calls the next one: a promise each would cost every request more than what they do.
type Next = (error?: Error) => void

/** What a request to an operation carries along, once its caller is known. */
const callers = new WeakMap<FastifyRequest, Caller>()
const operations = new WeakMap<FastifyRequest, Operation>()
/** Keeps the body of an answer that depends on the version of the data alone, and gives its ETag. */
const kept = new WeakMap<FastifyRequest, (payload: Buffer) => string>()

function addContractRoutes(
  app: FastifyInstance,
  contract: Contract,
  validation: Validation,
  options: AppOptions,
): void {
  const { now } = options
  const versioned = versionedOf(app, contract, options)
  const streams = streamsOf(app, options)
  const authenticate = createAuthenticate(options.db, {
    ...(now && { clock: () => now().getTime() }),
    ...(options.notifyToken !== undefined && { notifyToken: options.notifyToken }),
  })
  const spend = createLimits(app, options)
  const forms = createForms(contract)
  const sendTable = createTables(app, contract)
  const problemsOf: Context['problemsOf'] = (schema, value) => {
    const validate = validation.component(schema)
    return validate(value) ? [] : fieldProblems('body', validate.errors ?? [])
  }

  addRoutes(app, contract, handlers satisfies Handlers<Context> as unknown as Record<string, AnyHandler>, {
    async onRequest(operation, request, reply) {
      operations.set(request, operation)
      if (isLimited(operation)) {
        const caller = await authenticated(authenticate, operation, request, reply, spend)
        callers.set(request, caller)
        await spend(request, reply, { operationId: operation.id, caller })
      }
    },
    async answer(operation, handler, request, reply) {
      const caller = callers.get(request) ?? { kind: 'public' }
      requireActingUser(operation, caller)
      const asked = versioned?.asked(operation, request)
      if (asked !== undefined) {
        const known = versioned?.answerKnown(asked, request, reply)
        if (known !== undefined) return known
        kept.set(request, (payload) => versioned?.keep(asked, reply, payload) ?? '')
      }
      const context: Context = {
        db: options.db,
        caller,
        now: options.now?.() ?? new Date(),
        publicUrl: options.publicUrl,
        hub: options.hub ?? null,
        geocoder: options.geocoder ?? outwardGeocoder,
        ledger: options.ledger ?? null,
        contentType: request.headers['content-type'],
        problemsOf,
        fieldsOf: (schema) => Object.keys(contract.document.components.schemas[schema]?.properties ?? {}),
        parameters: queryParametersOf(operation),
        contractUnder: (path) => partUnder(contract.document, path),
        forms,
        service: options.service,
        alarm: (fields, message) => request.log.error(fields, message),
        problemFrom: (error) => told(request, error, problemFrom(error, request.id)) as Schemas['Problem'],
      }
      const ask = async (query: object): Promise<AnyReply> => {
        const answer = await handler({
          ...context,
          path: request.params,
          query,
          header: parametersOf(operation, 'header', request.headers),
          body: request.body,
        })
        const askedOf = { operation: operation.id, path: request.params as object, query }
        await noteAnswer(options.db, caller, askedOf, answer.body)
        return answer
      }
      if (asksForTable(request)) {
        const failed = (error: unknown) => told(request, error, problemFrom(error, request.id))
        return sendTable(request, reply, { operation, caller, now: context.now, ask, failed })
      }
      const answer = await ask(request.query as object)
      if (isStream(answer.body)) {
        return streams.open(request, reply, answer.body, holdsOf(authenticate, operation, request, caller))
      }
      return send(reply, operation, answer, options.publicUrl)
    },
  })
}

function queryParametersOf({ parameters }: Operation): string[] {
  return parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
}

// All but the probes of whoever runs the service.
function isLimited({ path }: Operation): boolean {
  return path.startsWith('/v1/') || path.startsWith('/ogc')
}

// Streams end before the app waits for its requests to end.
function streamsOf(app: FastifyInstance, { db, eventStreams, measure, now }: AppOptions): EventStreams {
  const streams = createEventStreams(() => watchLog(db), { ...(now && { now }), ...eventStreams })
  measure?.gauge('streams', streams.listeners)
  app.addHook('preClose', () => streams.end())
  app.addHook('onClose', () => streams.close())
  return streams
}

// A key that was revoked, or opens something else now, ends what it has opened.
function holdsOf(
  authenticate: ReturnType<typeof createAuthenticate>,
  operation: Operation,
  request: FastifyRequest,
  caller: Caller,
): (() => Promise<boolean>) | undefined {
  if (caller.kind === 'public') return undefined
  const asText = (one: Caller): string =>
    JSON.stringify(one.kind === 'client' ? { ...one, organisationIds: one.organisationIds.toSorted() } : one)
  const before = asText(caller)
  return () =>
    authenticate(operation, request).then(
      (found) => asText(found) === before,
      (error) => !(error instanceof DoorError),
    )
}

// Follows the version of the data as long as the app lives.
function versionedOf(
  app: FastifyInstance,
  { text }: Contract,
  { db, publicUrl, hub, dataVersion, measure, cacheBytes = 64 * 1024 * 1024 }: AppOptions,
): Versioned | undefined {
  if (dataVersion === false) return undefined
  const watch = dataVersion ?? watchDataVersion(db)
  app.addHook('onClose', () => watch.close())
  return createVersioned(watch, {
    cacheBytes,
    measure,
    salt: `${publicUrl}\n${hub ?? ''}\n${etagOf(text, undefined)}\n`,
  })
}

// Who fails to say who they are is counted by address, so that keys cannot be tried out at speed.
async function authenticated(
  authenticate: ReturnType<typeof createAuthenticate>,
  operation: Operation,
  request: FastifyRequest,
  reply: FastifyReply,
  spend: Spend,
): Promise<Caller> {
  try {
    return await authenticate(operation, request)
  } catch (error) {
    if (error instanceof DoorError && error.code === 'origin_not_allowed')
      reply.removeHeader('access-control-allow-origin')
    if (error instanceof DoorError)
      await spend(request, reply, { operationId: operation.id, caller: undefined })
    throw error
  }
}

function requireActingUser(operation: Operation, caller: Caller): void {
  if (!actingUserMissing(operation, caller)) return
  throw Object.assign(new Error('acting user missing'), {
    validation: [],
    problems: [
      {
        in: 'header',
        pointer: '/Acting-User',
        code: 'missing',
        detail: 'A staff tool must say which person acts.',
      },
    ],
  })
}

function send(reply: FastifyReply, operation: Operation, answer: AnyReply, publicUrl: string): FastifyReply {
  reply.code(answer.status)
  if (answer.location !== undefined) reply.header('location', `${publicUrl}${answer.location}`)
  const next = answer.next ? [{ rel: 'next', href: nextUrl(reply.request, answer.next, publicUrl) }] : []
  const links = [...next, ...(answer.links ?? [])].map(({ rel, href }) => `<${href}>; rel="${rel}"`)
  if (links.length > 0) reply.header('link', links.join(', '))
  if (answer.version !== undefined) reply.header('etag', String(answer.version))
  if (answer.body === undefined) return reply.send()
  if (isBinary(answer.body)) {
    reply.type(answer.body.mediaType).header('content-disposition', 'inline')
    return reply.send(answer.body.bytes)
  }
  if (answer.fields !== undefined) {
    reply.type(`${FIELDS_TYPE}; charset=utf-8`)
    return reply.send(pickedPage(answer.body as Page, answer.fields))
  }
  const [first = 'application/json'] = Object.keys(operation.responses[answer.status]?.content ?? {})
  reply.type(`${answer.mediaType ?? first}; charset=utf-8`)
  return reply.send(isJson(answer.body) ? answer.body.json : answer.body)
}

type Page = { items: Record<string, unknown>[] }

// As JSON: the serialiser of the route knows whole items only.
function pickedPage(page: Page, fields: readonly string[]): string {
  const items = page.items.map((item) => Object.fromEntries(fields.map((name) => [name, item[name]])))
  return JSON.stringify({ ...page, items })
}

function isJson(body: unknown): body is { json: string } {
  return typeof body === 'object' && body !== null && 'json' in body && typeof body.json === 'string'
}

function isStream(body: unknown): body is EventStream {
  return typeof body === 'object' && body !== null && 'read' in body && typeof body.read === 'function'
}

function isBinary(body: unknown): body is Binary<string> {
  return typeof body === 'object' && body !== null && 'bytes' in body && Buffer.isBuffer(body.bytes)
}

function nextUrl(request: FastifyRequest, next: string, publicUrl: string): string {
  const url = new URL(request.url, 'http://here.invalid')
  url.searchParams.set('after', next)
  return `${publicUrl}${url.pathname}${url.search}`
}

async function addHeaders(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  reply.header('request-id', request.id)
  reply.header('x-content-type-options', 'nosniff')
  const operation = operations.get(request)
  if (operation === undefined || (reply.statusCode >= 300 && reply.statusCode !== 304)) return payload
  const whole = typeof payload === 'string' || Buffer.isBuffer(payload)
  if (!whole && !(payload instanceof Readable)) return payload

  // What a key, a receipt or a secret link sees is for whoever has it; what everybody sees may be kept, but is asked for again.
  const forEverybody =
    (callers.get(request)?.kind ?? 'public') === 'public' && !operation.path.includes('{token}')
  const cached = NEVER_KEPT.has(operation.id) ? 'no-store' : 'no-cache'
  reply.header('cache-control', `${forEverybody ? 'public' : 'private'}, ${cached}`)
  reply.header('vary', 'authorization, case-receipt, origin')
  if (!whole) return payload
  const keep = kept.get(request)
  const body = keep !== undefined && typeof payload === 'string' ? Buffer.from(payload) : payload
  if (keep !== undefined && Buffer.isBuffer(body)) {
    const etag = keep(body)
    reply.header('etag', etag)
    return namesBody(request.headers['if-none-match'], etag) ? notModified(reply) : body
  }
  const version = reply.getHeader('etag')
  if (operation.versioned && version !== undefined) return payload
  if (operation.method !== 'get' && version === undefined) return payload
  const etag = etagOf(payload, version === undefined ? undefined : Number(version))
  reply.header('etag', etag)
  if (operation.method !== 'get' || !matches(request.headers['if-none-match'], etag)) return payload
  return notModified(reply)
}

// Everything about somebody, in one answer: nothing on the way keeps it, not even to ask again.
const NEVER_KEPT = new Set<string>(['createSubjectAccess'] satisfies OperationId[])

function notModified(reply: FastifyReply): string {
  reply.code(304)
  reply.removeHeader('content-length')
  reply.removeHeader('content-type')
  return ''
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const operation = operations.get(request)
  const validation = validationProblems(error, operation)
  // Who breaks off an upload says nothing about the store.
  const brokenOff: Answer | undefined = request.raw.readableAborted
    ? { code: 'request_malformed', details: {} }
    : undefined
  const { code, details, retryAfterSeconds } = brokenOff ?? validation ?? answerTo(error)
  const body = problem(code, request.id, {
    ...(code === 'media_type_unsupported' && takenBy(operation)),
    ...details,
  })
  told(request, error, body)
  // What cannot be routed never comes to `addHeaders`.
  reply.header('request-id', request.id)
  // A refusal is for this request: a shared cache may otherwise keep a 404 and give it to others.
  reply.header('cache-control', 'no-store')
  if (body.status === 401) reply.header('www-authenticate', 'Bearer realm="care-connect"')
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
  if (details.currentVersion !== undefined) reply.header('etag', `"${details.currentVersion}"`)
  if (code === 'body_too_large' || code === 'request_malformed') reply.header('connection', 'close')
  // Not by the response schema of the route: a route need not declare what happens before it is reached.
  return reply.code(body.status).type('application/problem+json').serializer(JSON.stringify).send(body)
}

// Those who run the service hear of what those who use it cannot mend.
function told(request: FastifyRequest, error: unknown, body: Problem): Problem {
  if (body.code === 'internal') request.log.error({ err: error }, 'a request failed')
  if (body.code === 'unavailable') request.log.warn({ detail: body.detail }, 'the service cannot answer now')
  return body
}

type Answer = ReturnType<typeof answerTo>

function takenBy(operation: Operation | undefined): { detail?: string } {
  const taken = Object.keys(operation?.body?.content ?? {})
  return taken.length === 0 ? {} : { detail: `Send it with the Content-Type ${taken.join(' or ')}.` }
}

function validationProblems(error: unknown, operation: Operation | undefined): Answer | undefined {
  if (
    typeof error !== 'object' ||
    error === null ||
    !('validation' in error) ||
    !Array.isArray(error.validation)
  )
    return undefined
  const context = 'validationContext' in error ? String(error.validationContext) : 'body'
  const part = { querystring: 'query', params: 'path', headers: 'header' }[context] ?? 'body'
  const own =
    'problems' in error ? (error.problems as FieldError[]) : fieldProblems(part as 'body', error.validation)
  return { code: 'validation_failed', details: { errors: own.map((one) => inContractCase(one, operation)) } }
}

// Headers arrive in lower case; the contract says how they are written.
function inContractCase(problem: FieldError, operation: Operation | undefined): FieldError {
  if (problem.in !== 'header') return problem
  const header = operation?.parameters.find(
    ({ in: place, name }) => place === 'header' && `/${name.toLowerCase()}` === problem.pointer,
  )
  return header === undefined ? problem : { ...problem, pointer: `/${header.name}` }
}

function sendNotFound(contract: Contract, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?')[0] ?? ''
  const allowed = contract.operations
    .filter((operation) => pathPattern(operation).test(path))
    .flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
  if (allowed.length === 0) return sendProblem({ code: 'FST_ERR_NOT_FOUND' }, request, reply)
  reply.header('allow', allowed.join(', '))
  const detail = `There is ${allowed.join(', ')}.`
  return sendProblem(new DoorError('method_not_allowed', { detail }), request, reply)
}

function pathPattern({ path }: Operation): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`)
}

// One line for one request; never its query or body, where names and texts travel.
function logRequest(request: FastifyRequest, reply: FastifyReply, next: Next): void {
  const caller = callers.get(request)
  request.log.info(
    {
      operation: operations.get(request)?.id ?? null,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      client: caller?.kind === 'client' ? caller.clientId : null,
    },
    'request',
  )
  next()
}

function measured(measure: Measure): (request: FastifyRequest, reply: FastifyReply, next: Next) => void {
  return (request, reply, next) => {
    // Who is turned away at the door has come to no operation yet.
    const { operationId } = (request.routeOptions.schema ?? {}) as { operationId?: string }
    measure.answered(operationId ?? null, reply.statusCode, reply.elapsedTime / 1_000)
    next()
  }
}

// What cannot be parsed as HTTP never becomes a request; it still gets a problem document.
function clientErrorHandler(error: NodeJS.ErrnoException, socket: import('node:net').Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'head_too_large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request_timeout'
        : 'request_malformed'
  const requestId = randomUUID()
  const body = JSON.stringify(problem(code, requestId))
  socket.end(
    `HTTP/1.1 ${catalogue[code].status} ${catalogue[code].title}\r\nContent-Type: application/problem+json\r\nRequest-Id: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

async function addReference(app: FastifyInstance, contract: Contract): Promise<void> {
  await app.register(swagger, { mode: 'static', specification: { document: contract.document as never } })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { deepLinking: true, tryItOutEnabled: true, validatorUrl: null },
  })
  app.get('/openapi.json', async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
  )
  app.get('/openapi.yaml', async (_request, reply) => reply.type('application/yaml').send(contract.text))
}
