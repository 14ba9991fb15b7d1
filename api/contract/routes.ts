import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { Contract, Operation, Parameter, Schema } from './contract.ts'
import { qualified } from './validation.ts'

/** What a handler of any operation looks like from here; the exact types hold where the handlers are written. */
export type AnyHandler = (request: AnyRequest) => Promise<AnyReply>
export type AnyRequest = { path: unknown; query: unknown; header: unknown; body: unknown }
export type AnyReply = {
  status: number
  body: unknown
  next?: string | null
  links?: readonly { rel: string; href: string }[]
  location?: string
  version?: number
  mediaType?: string
  fields?: readonly string[] | undefined
}

export type RouteHooks = {
  /** Runs before anything of the request is read: who asks? */
  onRequest: (operation: Operation, request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** Runs when the request is valid, and answers. */
  answer: (
    operation: Operation,
    handler: AnyHandler,
    request: FastifyRequest,
    reply: FastifyReply,
  ) => Promise<FastifyReply>
}

/** Refuses, by name, a contract and handlers that do not fit each other. */
function checkHandlers(contract: Contract, handlers: Readonly<Record<string, AnyHandler>>): void {
  const operations = contract.operations.map(({ id }) => id)
  const missing = operations.filter((id) => handlers[id] === undefined)
  const tooMany = Object.keys(handlers).filter((id) => !operations.includes(id))
  const twice = operations.filter((id, n) => operations.indexOf(id) !== n)
  if (missing.length + tooMany.length + twice.length === 0) return
  throw new Error(
    [
      ...missing.map((id) => `the contract's operation ${id} has no handler`),
      ...tooMany.map((id) => `the handler ${id} has no operation in the contract`),
      ...twice.map((id) => `the contract has two operations ${id}`),
    ].join('; '),
  )
}

/** Adds a route for every operation of the contract: authentication, validation, the handler, serialisation. */
export function addRoutes(
  app: FastifyInstance,
  contract: Contract,
  handlers: Readonly<Record<string, AnyHandler>>,
  hooks: RouteHooks,
): void {
  checkHandlers(contract, handlers)
  for (const [name, schema] of Object.entries(contract.document.components.schemas)) {
    app.addSchema({ ...qualified(schema), $id: name })
  }
  for (const operation of contract.operations) {
    const add = (to: FastifyInstance) => addRoute(to, operation, handlers[operation.id] as AnyHandler, hooks)
    const asBytes = takenAsBytes(operation)
    if (asBytes.length === 0) add(app)
    else takingBytes(app, asBytes, { json: takesJson(operation), add })
  }
}

/** The contract's parameters of one place, by their own names. */
export function parametersOf(
  operation: Operation,
  place: Parameter['in'],
  values: Record<string, unknown>,
): Record<string, unknown> {
  const named = operation.parameters
    .filter((parameter) => parameter.in === place)
    .map(
      (parameter) =>
        [parameter.name, values[place === 'header' ? parameter.name.toLowerCase() : parameter.name]] as const,
    )
  return Object.fromEntries(named.filter(([, value]) => value !== undefined))
}

/** The media types of which a handler gets the very bytes. */
function takenAsBytes(operation: Operation): string[] {
  const taken = Object.keys(operation.body?.content ?? {})
  return taken.filter((mediaType) => mediaType !== JSON_TYPE || operation.rawBody)
}

function takesJson({ body, rawBody }: Operation): boolean {
  return body?.content[JSON_TYPE] !== undefined && !rawBody
}

const JSON_TYPE = 'application/json'

// Only this route takes these media types, and none of the others but JSON where its operation has it.
function takingBytes(
  app: FastifyInstance,
  mediaTypes: string[],
  { json, add }: { json: boolean; add: (to: FastifyInstance) => void },
): void {
  app.register(async (own) => {
    if (!json) own.removeAllContentTypeParsers()
    own.addContentTypeParser(
      mediaTypes,
      { parseAs: 'buffer' },
      async (_: FastifyRequest, body: Buffer) => body,
    )
    add(own)
  })
}

function addRoute(app: FastifyInstance, operation: Operation, handler: AnyHandler, hooks: RouteHooks): void {
  const lists = operation.parameters.filter(
    (parameter) => parameter.in === 'query' && parameter.style === 'form' && parameter.explode === false,
  )
  const options: RouteShorthandOptions = {
    schema: routeSchema(operation),
    ...(operation.bodyLimit !== undefined && { bodyLimit: operation.bodyLimit }),
    onRequest: (request, reply) => hooks.onRequest(operation, request, reply),
    ...(lists.length > 0 && {
      preValidation: (request: FastifyRequest, _reply: FastifyReply, next: () => void) => {
        splitLists(lists, request.query as Record<string, unknown>)
        next()
      },
    }),
  }
  const url = operation.path.replaceAll(/\{(\w+)\}/g, ':$1')
  app.route({
    ...options,
    method: operation.method.toUpperCase(),
    url,
    handler: (request, reply) => hooks.answer(operation, handler, request, reply),
  })
}

function routeSchema(operation: Operation): Schema {
  return {
    operationId: operation.id,
    // Also where there are none: an unknown one is refused.
    querystring: parameterSchema(operation, 'query', false),
    ...(has(operation, 'path') && { params: parameterSchema(operation, 'path', false) }),
    // Every client sends headers of its own.
    ...(has(operation, 'header') && { headers: parameterSchema(operation, 'header', true) }),
    ...bodySchema(operation),
    // Problems are the same everywhere and small: only what succeeds is worth a serialiser of its own.
    response: Object.fromEntries(
      Object.entries(operation.responses)
        .filter(([status]) => status.startsWith('2'))
        .flatMap(([status, response]) => {
          const [schema] = Object.entries(response.content ?? {})
            .filter(([mediaType]) => isJsonType(mediaType))
            .map(([, content]) => content.schema)
          return schema === undefined ? [] : [[status, qualified(schema)]]
        }),
    ),
  }
}

function has({ parameters }: Operation, place: Parameter['in']): boolean {
  return parameters.some((parameter) => parameter.in === place)
}

// Where bytes stand beside JSON, only JSON is held against its schema.
function bodySchema(operation: Operation): Schema {
  const schema = operation.body?.content[JSON_TYPE]?.schema
  if (schema === undefined || !takesJson(operation)) return {}
  const body = qualified(schema)
  return takenAsBytes(operation).length === 0
    ? { body }
    : { body: { content: { [JSON_TYPE]: { schema: body } } } }
}

function isJsonType(mediaType: string): boolean {
  return /[/+]json$/.test(mediaType)
}

function parameterSchema(
  operation: Operation,
  place: Parameter['in'],
  additionalProperties: boolean,
): Schema {
  const parameters = operation.parameters.filter((parameter) => parameter.in === place)
  const nameOf = ({ name }: Parameter): string => (place === 'header' ? name.toLowerCase() : name)
  return {
    type: 'object',
    additionalProperties,
    required: parameters.filter(({ required }) => required).map(nameOf),
    properties: Object.fromEntries(
      parameters.map((parameter) => [nameOf(parameter), qualified(parameter.schema)]),
    ),
  }
}

// `bbox=1,2,3,4` arrives as one text.
function splitLists(lists: readonly Parameter[], query: Record<string, unknown>): void {
  for (const { name } of lists) {
    const value = query[name]
    if (typeof value === 'string') query[name] = value.split(',')
  }
}
