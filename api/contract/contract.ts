import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'

/** The contract as it was read; `text` is the file itself. */
export type Contract = { text: string; document: ContractDocument; operations: readonly Operation[] }

export type Schema = { [keyword: string]: unknown }

export type ContractDocument = {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, unknown>>
  components: {
    schemas: Record<string, Schema>
    parameters: Record<string, Parameter>
    responses: Record<string, ResponseObject>
    headers: Record<string, unknown>
    securitySchemes: Record<string, unknown>
  }
}

export type Parameter = {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  style?: string
  explode?: boolean
  schema: Schema
  description?: string
}

export type ResponseObject = {
  description: string
  headers?: Record<string, unknown>
  content?: Record<string, { schema: Schema; examples?: Record<string, { value: unknown }> }>
}

/** One scheme with the scopes it needs; none at all means that no key is needed. */
export type SecurityChoice = Partial<Record<SchemeName, readonly string[]>>
export type SchemeName = 'publishableKey' | 'secretKey' | 'caseReceipt' | 'webhookSignature' | 'notifyToken'

/** One operation, its references resolved but for the schemas. */
export type Operation = {
  id: string
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  path: string
  security: readonly SecurityChoice[]
  parameters: readonly Parameter[]
  /** In bytes; what the service takes of any body if nothing is said. */
  bodyLimit: number | undefined
  /** JSON too is taken as the bytes that came, because somebody has signed them. */
  rawBody: boolean
  /** What everybody reads of it depends on the version of the data and the query alone. */
  versioned: boolean
  body: { required: boolean; content: Record<string, { schema: Schema }> } | undefined
  responses: Readonly<Record<string, ResponseObject>>
}

/** Reads openapi.yaml, the only description of the wire; throws when an operation has no name or no security rule. */
export function readContract(file: URL = new URL('../../openapi.yaml', import.meta.url)): Contract {
  const text = readFileSync(file, 'utf8')
  const document = load(text) as ContractDocument
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) =>
      readOperation(
        document,
        path,
        method,
        item[method] as RawOperation,
        (item.parameters ?? []) as Ref<Parameter>[],
      ),
    ),
  )
  return { text, document, operations }
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

type Ref<T> = T | { $ref: string }
type RawOperation = {
  operationId?: string
  'x-body-limit'?: number
  'x-raw-body'?: boolean
  'x-versioned'?: boolean
  security?: SecurityChoice[]
  parameters?: Ref<Parameter>[]
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }
  responses: Record<string, Ref<ResponseObject>>
}

function readOperation(
  document: ContractDocument,
  path: string,
  method: Operation['method'],
  raw: RawOperation,
  shared: Ref<Parameter>[],
): Operation {
  if (raw.operationId === undefined) throw new Error(`the contract gives ${method} ${path} no operationId`)
  // An operation without a rule is closed, not open.
  if (raw.security === undefined) throw new Error(`the contract gives ${raw.operationId} no security`)
  return {
    id: raw.operationId,
    method,
    path,
    security: raw.security,
    bodyLimit: raw['x-body-limit'],
    rawBody: raw['x-raw-body'] ?? false,
    versioned: raw['x-versioned'] ?? false,
    parameters: [...shared, ...(raw.parameters ?? [])].map((parameter) => resolve(document, parameter)),
    body: raw.requestBody && {
      required: raw.requestBody.required ?? false,
      content: raw.requestBody.content,
    },
    responses: Object.fromEntries(
      Object.entries(raw.responses).map(([status, response]) => [status, resolve(document, response)]),
    ),
  }
}

function resolve<T>(document: ContractDocument, value: Ref<T>): T {
  if (typeof value !== 'object' || value === null || !('$ref' in value)) return value as T
  const target = value.$ref
    .slice(2)
    .split('/')
    .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document)
  if (target === undefined) throw new Error(`the contract has no ${value.$ref}`)
  return resolve(document, target as Ref<T>)
}
