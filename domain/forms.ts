import { createHash } from 'node:crypto'
import type { CaseKind, Db } from '../prisma/client.ts'
import { type Accepted, loadAccepted } from './accepted.ts'
import { DomainError, invalid } from './errors.ts'
import { type FormHint, hintsFor } from './form-hints.ts'
import type { Instrument } from './instruments.ts'
import { visitMonths } from './intake-rules.ts'
import type { OrganisationName } from './organisations.ts'

export type JsonSchema = { readonly [keyword: string]: unknown }

/** The fields of a new case as the contract has them, by name: limits and patterns are written there only. */
export type CaseFields = Readonly<Record<string, JsonSchema>>

/** Everything that a page needs to ask for one kind of case at one organisation. */
export type Form = {
  kind: CaseKind
  organisation: OrganisationName
  /** Changes with everything else here. */
  version: string
  title: string
  /** JSON Schema 2020-12 of the body that `createCase` takes. */
  schema: JsonSchema
  hints: readonly FormHint[]
  terms: string
}

const TERMS =
  'What I send is true as far as I know. The organisation that it is about and the staff of this service may read all of it. If I agreed to that, a checked version is published; I can take that back at any time with the receipt.'

/** The form for a kind of case at an organisation; throws `not_found` where there is none to take cases. */
export async function getForm(
  db: Db,
  kind: CaseKind,
  code: string,
  { fields, now }: { fields: CaseFields; now: Date },
): Promise<Form> {
  const { accepted, refused } = await loadAccepted(db.pool, code, now)
  if (accepted !== null) return formFor(kind, accepted, fields, now)
  if (refused.code === 'unknown_organisation') throw new DomainError('not_found', { detail: refused.detail })
  throw invalid({ ...refused, in: 'query' })
}

/** The one description of what is accepted: forms are made from it, and the intake of the web is held against it. */
export function formFor(kind: CaseKind, accepted: Accepted, fields: CaseFields, now: Date): Form {
  const { code, name } = accepted.organisation
  const months = visitMonths(now)
  const form = {
    kind,
    organisation: { code, name },
    title: titles[kind],
    schema: schemaFor(kind, accepted, fields, months),
    hints: hintsFor(kind, accepted, months),
    terms: TERMS,
  }
  const version = createHash('sha256').update(JSON.stringify(form)).digest('base64url').slice(0, 16)
  return { ...form, version }
}

const titles: Readonly<Record<CaseKind, string>> = {
  concern: 'Raise a concern',
  question: 'Ask a question',
  feedback: 'Leave feedback',
}

function schemaFor(
  kind: CaseKind,
  accepted: Accepted,
  fields: CaseFields,
  months: readonly string[],
): JsonSchema {
  const feedback = kind === 'feedback'
  const services = accepted.services.map(({ code }) => code)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: titles[kind],
    type: 'object',
    additionalProperties: false,
    required: ['kind', 'organisation', 'text', 'acceptsTerms'],
    properties: {
      kind: { const: kind },
      channel: { const: 'web' },
      organisation: { const: accepted.organisation.code },
      ...(services.length > 0 && { service: { enum: services } }),
      category: { enum: accepted.categories.map(({ code }) => code) },
      title: field(fields, 'title'),
      text: field(fields, 'text'),
      happeningNow: field(fields, 'happeningNow'),
      wantsResponse: field(fields, 'wantsResponse'),
      privacy: field(fields, 'privacy'),
      under16: field(fields, 'under16'),
      onBehalf: field(fields, 'onBehalf'),
      contact: { ...field(fields, 'contact'), allOf: [preferredIsThere('email'), preferredIsThere('phone')] },
      visitMonth: { enum: months },
      position: field(fields, 'position'),
      ...(feedback && { ratings: ratingsSchema(accepted.instruments) }),
      images: field(fields, 'images'),
      acceptsTerms: { const: true },
      website: { type: 'string', maxLength: 0 },
    },
    if: answerWanted(kind),
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: reachable(kind),
  }
}

function field(fields: CaseFields, name: string): JsonSchema {
  const found = fields[name]
  if (found === undefined) throw new Error(`the contract has no field ${name} for a new case`)
  return found
}

// A concern and a question want an answer unless they say no, feedback only if it says so.
function answerWanted(kind: CaseKind): JsonSchema {
  const says = (value: boolean) => ({
    properties: { wantsResponse: { const: value } },
    required: ['wantsResponse'],
  })
  return kind === 'feedback' ? says(true) : { not: says(false) }
}

function reachable(kind: CaseKind): JsonSchema {
  const contact = {
    ...(kind === 'concern' && { required: ['name'] }),
    anyOf: [{ required: ['email'] }, { required: ['phone'] }],
  }
  return { required: ['contact'], properties: { contact } }
}

function preferredIsThere(way: 'email' | 'phone'): JsonSchema {
  return {
    if: { properties: { preferred: { const: way } }, required: ['preferred'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: { required: [way] },
  }
}

/** Each question at most once, with one of its answers; and what an instrument needs wherever it is used. */
function ratingsSchema(instruments: readonly Instrument[]): JsonSchema {
  const questions = instruments.flatMap(({ code, questions }) =>
    questions.map((question) => ({ instrument: code, question })),
  )
  return {
    type: 'array',
    maxItems: questions.length,
    items: {
      anyOf: questions.map(({ instrument, question: { code, text, answers } }) => ({
        title: text,
        type: 'object',
        additionalProperties: false,
        required: ['instrument', 'question', 'answer'],
        properties: {
          instrument: { const: instrument },
          question: { const: code },
          answer: { enum: answers.map((answer) => answer.code) },
        },
      })),
    },
    allOf: [
      ...questions.map(({ instrument, question }) => ({
        contains: of({ instrument, question: question.code }),
        minContains: 0,
        maxContains: 1,
      })),
      ...questions
        .filter(({ question }) => question.required)
        .map(({ instrument, question }) => ({
          if: { contains: of({ instrument }) },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
          then: { contains: of({ instrument, question: question.code }) },
        })),
    ],
  }
}

function of(wanted: Readonly<Record<string, string>>): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(wanted).map(([name, value]) => [name, { const: value }]),
  )
  return { properties, required: Object.keys(wanted) }
}
