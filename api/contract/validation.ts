import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Contract, Schema } from './contract.ts'

/** What was wrong with one field, as the problem document says it. */
export type FieldProblem = {
  in: 'body' | 'query' | 'path' | 'header'
  pointer: string
  code: string
  detail: string
}

export type Validation = {
  /** Bodies as they are: nothing coerced, nothing stripped. */
  body: (schema: Schema) => ValidateFunction
  /** Query, path and headers arrive as text: numbers, booleans and single values of lists are read out of it. */
  text: (schema: Schema) => ValidateFunction
  /** A component by name, as a body; compiled once. */
  component: (name: string) => ValidateFunction
}

/** Validators over the contract's schemas (JSON Schema 2020-12). */
export function createValidation(contract: Contract): Validation {
  const body = instance(contract, { coerceTypes: false })
  // Infinity is read out of a text too; without strictNumbers it is larger than any maximum.
  const text = instance(contract, { coerceTypes: 'array', strictNumbers: false })
  const components = new Map<string, ValidateFunction>()
  return {
    body: (schema) => body.compile(qualified(schema)),
    text: (schema) => text.compile(qualified(schema)),
    component(name) {
      const compiled = components.get(name) ?? body.compile({ $ref: `${name}#` })
      components.set(name, compiled)
      return compiled
    },
  }
}

/** A validator of a schema that refers to no other; it leaves nothing behind when it is dropped. */
export function standalone(schema: Schema): ValidateFunction {
  const ajv = new Ajv2020({ ...STRICT, strictRequired: false, validateSchema: false })
  addFormats.default(ajv)
  return ajv.compile(schema)
}

/** What a failed validation says, in words that tell what would be right. */
export function fieldProblems(part: FieldProblem['in'], errors: readonly ErrorObject[]): FieldProblem[] {
  const told = errors.filter(
    (error) => !['oneOf', 'anyOf', 'if', 'not'].includes(error.keyword) || errors.length === 1,
  )
  return told.slice(0, MOST_TOLD).map((error) => ({
    in: part,
    pointer: pointerOf(error),
    code: codeOf(error),
    detail: detailOf(error),
  }))
}

// A body can hold more mistakes than anybody reads.
const MOST_TOLD = 100

/** `#/components/schemas/X` becomes `X#`, under which Fastify and Ajv know it; recursion works. */
export function qualified<T>(value: T): T {
  if (Array.isArray(value)) return value.map(qualified) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'discriminator' && key !== 'example' && key !== 'examples')
      .map(([key, item]) => [
        key,
        key === '$ref' && typeof item === 'string'
          ? item.replace(/^#\/components\/schemas\/(.+)$/, '$1#')
          : qualified(item),
      ]),
  ) as T
}

const STRICT = {
  allErrors: true,
  useDefaults: false,
  strict: true,
  strictTypes: false,
  allowUnionTypes: true,
} as const

function instance(
  contract: Contract,
  options: { coerceTypes: false | 'array'; strictNumbers?: boolean },
): Ajv2020 {
  // That they are schemas at all is tested once, not at every start.
  const ajv = new Ajv2020({ ...STRICT, ...options, validateSchema: false })
  addFormats.default(ajv)
  for (const [name, schema] of Object.entries(contract.document.components.schemas)) {
    ajv.addSchema({ ...qualified(schema), $id: name })
  }
  return ajv
}

function pointerOf({ keyword, instancePath, params }: ErrorObject): string {
  const field =
    keyword === 'required'
      ? params.missingProperty
      : keyword === 'additionalProperties'
        ? params.additionalProperty
        : undefined
  if (typeof field !== 'string') return instancePath
  return `${instancePath}/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function codeOf({ keyword }: ErrorObject): string {
  return CODES[keyword] ?? 'not_valid'
}

const CODES: Readonly<Record<string, string>> = {
  required: 'missing',
  additionalProperties: 'unknown_field',
  type: 'wrong_type',
  enum: 'unknown_value',
  const: 'unknown_value',
  format: 'wrong_format',
  pattern: 'wrong_format',
  minLength: 'too_short',
  maxLength: 'too_long',
  minItems: 'too_few',
  maxItems: 'too_many',
  minProperties: 'too_few',
  minimum: 'too_small',
  maximum: 'too_large',
}

// The value itself is never repeated: it may be personal.
function detailOf({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'Is needed.'
    case 'additionalProperties':
      return 'Is not known here; leave it out.'
    case 'type':
      return `Must be ${[params.type].flat().join(' or ')}.`
    case 'enum':
      return `Must be one of ${(params.allowedValues as unknown[]).map(String).join(', ')}.`
    case 'format':
      return `Must be a valid ${FORMATS[params.format as string] ?? params.format}.`
    case 'pattern':
      return `Must match ${params.pattern}.`
    default:
      return `It ${message ?? 'is not valid'}.`
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': 'time (RFC 3339, like 2026-11-22T09:30:00Z)',
  email: 'e-mail address',
  uri: 'absolute address (URI)',
}
