import type { Caller, ClientCaller, Db, ReporterCaller } from '../../domain/callers.ts'
import type { ErasureLedger } from '../../domain/erasure-ledger.ts'
import { DomainError, type FieldError } from '../../domain/errors.ts'
import type { Geocoder } from '../../domain/geocoding.ts'
import type { FormRules } from '../../domain/submit-case.ts'
import type { ContractPart, Handler, OperationId, Schemas } from '../contract/handler.ts'

/** What a front end shows of this service, as it is configured. */
export type ServiceDescription = Schemas['ServiceDescription']

/** What every handler has at hand. */
export type Context = {
  db: Db
  caller: Caller
  now: Date
  /** Begins every address that goes out; without a slash at the end. */
  publicUrl: string
  /** The WebSub hub that tells of changes of the feeds, or null. */
  hub: string | null
  /** Finds where a postcode is. */
  geocoder: Geocoder
  /** What is erased is noted there first; null when there is none, and nothing can be erased. */
  ledger: ErasureLedger | null
  /** How the body calls itself, as it was sent. */
  contentType: string | undefined
  /** The problems of a value as the named schema of the contract; empty when it is valid. */
  problemsOf: (schema: keyof Schemas, value: unknown) => FieldError[]
  /** The fields that the named schema of the contract has. */
  fieldsOf: (schema: keyof Schemas) => string[]
  /** The names of the query parameters that the operation has. */
  parameters: readonly string[]
  /** The part of the contract under a path, as a document of its own. */
  contractUnder: (path: string) => ContractPart
  forms: FormsAtHand
  service: ServiceDescription
  /** Has somebody get up who runs the service; fields are ids and codes. */
  alarm: (fields: Record<string, string | number>, message: string) => void
  /** The problem document for what was thrown, for an answer that holds several results. */
  problemFrom: (error: unknown) => Schemas['Problem']
}

/** What the contract says that a form needs. */
export type FormsAtHand = FormRules & { images: { mediaTypes: string[]; maxBytes: number } }

/** The function of one operation; its name is the operationId. */
export type Handle<O extends OperationId> = Handler<O, Context>

/** The caller of an operation that the contract closes to everybody without a key. */
export function clientOf({ caller }: Context): ClientCaller {
  if (caller.kind === 'client') return caller
  throw new Error(
    'an operation that needs a key was reached without one: its security in the contract is open',
  )
}

/** The caller of an operation that the contract opens to a receipt alone. */
export function reporterOf({ caller }: Context): ReporterCaller {
  if (caller.kind === 'reporter') return caller
  throw new Error(
    'an operation that needs a receipt was reached without one: its security in the contract is open',
  )
}

/** The version that `If-Match` names (RFC 9110, section 13.1.1); throws `version_required` when it names none. */
export function versionIn(ifMatch: string | undefined): number {
  if (ifMatch === undefined) {
    throw new DomainError('version_required', { detail: 'Read it first, and send its ETag as If-Match.' })
  }
  const [, version] = /^"(\d{1,9})(?:-[\w-]+)?"$/.exec(ifMatch) ?? []
  if (version === undefined) {
    throw new DomainError('version_required', {
      detail: 'If-Match must be one ETag as it was sent, like "3"; neither * nor a weak one.',
    })
  }
  return Number(version)
}
