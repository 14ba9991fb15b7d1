import { DomainError, type ErrorCode, type ErrorDetails } from '../domain/errors.ts'

/** Errors of the door itself, beside those of the domain. */
export type DoorCode =
  | 'key_missing'
  | 'key_invalid'
  | 'scope_missing'
  | 'origin_not_allowed'
  | 'method_not_allowed'
  | 'body_too_large'
  | 'head_too_large'
  | 'media_type_unsupported'
  | 'request_malformed'
  | 'request_timeout'
  | 'too_many_requests'
  | 'internal'

export type ProblemCode = ErrorCode | DoorCode

/** The body of an error answer (RFC 9457). */
export type Problem = {
  type: string
  title: string
  status: number
  code: ProblemCode
  requestId: string
} & ErrorDetails

/** Each code with its HTTP status and title; `docs/errors.md` has a section for each, checked both ways. */
export const catalogue: Readonly<Record<ProblemCode, { status: number; title: string }>> = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  submission_refused: { status: 400, title: 'The submission was refused' },
  request_malformed: { status: 400, title: 'The request cannot be read' },
  key_missing: { status: 401, title: 'A key is needed' },
  key_invalid: { status: 401, title: 'The key does not work' },
  signature_invalid: { status: 401, title: 'The signature does not fit' },
  scope_missing: { status: 403, title: 'The key may not do this' },
  origin_not_allowed: { status: 403, title: 'The key does not work from this origin' },
  not_your_case: { status: 403, title: 'The case is not yours to work on' },
  not_your_source: { status: 403, title: 'The source is not yours' },
  not_your_figures: { status: 403, title: 'The key has no figures of its own' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'This cannot be done here' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  move_not_allowed: { status: 409, title: 'The case cannot move there' },
  name_taken: { status: 409, title: 'The name is taken' },
  source_paused: { status: 409, title: 'The source is paused' },
  source_not_polled: { status: 409, title: 'The source is not polled' },
  run_finished: { status: 409, title: 'The run has ended' },
  already_answered: { status: 409, title: 'It was answered before' },
  claimed_by_other: { status: 409, title: 'Somebody else is deciding on it' },
  too_many_keys: { status: 409, title: 'Two keys work already' },
  query_in_use: { status: 409, title: 'The saved query is in use' },
  too_many_queries: { status: 409, title: 'There are too many saved queries' },
  too_many_subscriptions: { status: 409, title: 'There are too many subscriptions' },
  subscription_ended: { status: 409, title: 'The subscription has ended' },
  too_many_digests: { status: 409, title: 'There are too many digests' },
  notification_not_failed: { status: 409, title: 'The notification has not failed' },
  code_taken: { status: 409, title: 'The code is taken' },
  tree_conflict: { status: 409, title: 'That does not fit the tree of organisations' },
  policy_exists: { status: 409, title: 'There is a policy for this already' },
  policy_needed: { status: 409, title: 'This policy cannot go' },
  legal_hold: { status: 409, title: 'A legal hold keeps it' },
  version_stale: { status: 412, title: 'It has changed since you read it' },
  body_too_large: { status: 413, title: 'The body is too large' },
  media_type_unsupported: { status: 415, title: 'The body is of a kind that is not taken here' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was used for something else' },
  version_required: { status: 428, title: 'If-Match is needed' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  head_too_large: { status: 431, title: 'The address and headers are too large' },
  internal: { status: 500, title: 'Something went wrong here' },
  unavailable: { status: 503, title: 'The service cannot answer just now' },
}

/** An error of the door. */
export class DoorError extends Error {
  override readonly name = 'DoorError'
  readonly code: DoorCode
  readonly details: ErrorDetails
  readonly retryAfterSeconds: number | undefined

  constructor(code: DoorCode, details: ErrorDetails = {}, retryAfterSeconds?: number) {
    super(code)
    this.code = code
    this.details = details
    this.retryAfterSeconds = retryAfterSeconds
  }
}

const ERRORS_PAGE = 'https://care-connect.example/errors'

/** The problem document for a code. */
export function problem(code: ProblemCode, requestId: string, details: ErrorDetails = {}): Problem {
  const { status, title } = catalogue[code]
  return { type: `${ERRORS_PAGE}#${code}`, title, status, code, requestId, ...details }
}

/** The problem document for anything that was thrown. */
export function problemFrom(error: unknown, requestId: string): Problem {
  const { code, details } = answerTo(error)
  return problem(code, requestId, details)
}

/** What to answer to anything that was thrown; what is not foreseen is `internal` and says nothing. */
export function answerTo(error: unknown): {
  code: ProblemCode
  details: ErrorDetails
  retryAfterSeconds?: number
} {
  if (error instanceof DomainError) {
    const { code, details } = error
    return { code, details, ...(code === 'unavailable' && { retryAfterSeconds: RETRY_AFTER }) }
  }
  if (error instanceof DoorError) {
    return {
      code: error.code,
      details: error.details,
      ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
    }
  }
  const code = codeOf(error)
  const fastifys = FASTIFY_CODES[code]
  if (fastifys !== undefined) return { code: fastifys, details: {} }
  if (isStoreGone(error, code)) return { code: 'unavailable', details: {}, retryAfterSeconds: RETRY_AFTER }
  return { code: 'internal', details: {} }
}

const RETRY_AFTER = 5

const FASTIFY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_INVALID_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request_malformed',
  FST_ERR_CTP_INVALID_JSON_BODY: 'request_malformed',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request_malformed',
  FST_ERR_BAD_URL: 'request_malformed',
  FST_ERR_NOT_FOUND: 'not_found',
}

// A restarted or crowded PostgreSQL, as pg and Prisma tell of it (one has no code at all).
const STORE_GONE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  // A lock that was waited for in vain, or two that waited for each other: a repeat goes through.
  '40001',
  '40P01',
  '55P03',
  '57014',
  'P1001',
  'P1017',
  'P2024',
  'P2037',
])
const STORE_GONE_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/

function isStoreGone(error: unknown, code: string): boolean {
  return STORE_GONE.has(code) || (error instanceof Error && STORE_GONE_MESSAGE.test(error.message))
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
