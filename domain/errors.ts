/** Every way in which this service says no. `docs/errors.md` has a section for each; the API gives each its HTTP status. */
export type ErrorCode =
  | 'validation_failed'
  | 'not_found'
  | 'not_your_case'
  | 'not_your_source'
  | 'not_your_figures'
  | 'move_not_allowed'
  | 'name_taken'
  | 'version_required'
  | 'version_stale'
  | 'idempotency_key_reused'
  | 'submission_refused'
  | 'source_paused'
  | 'source_not_polled'
  | 'run_finished'
  | 'signature_invalid'
  | 'already_answered'
  | 'claimed_by_other'
  | 'too_many_keys'
  | 'query_in_use'
  | 'too_many_queries'
  | 'too_many_subscriptions'
  | 'subscription_ended'
  | 'too_many_digests'
  | 'notification_not_failed'
  | 'code_taken'
  | 'tree_conflict'
  | 'policy_exists'
  | 'policy_needed'
  | 'legal_hold'
  | 'unavailable'

/** What was wrong with one field, where, and what would be right. */
export type FieldError = {
  in: 'body' | 'query' | 'path' | 'header'
  /** JSON Pointer (RFC 6901); for a parameter `/name`. */
  pointer: string
  code: string
  detail: string
}

/** A problem of a field of the body. */
export type Problem = Omit<FieldError, 'in'>

export type ErrorDetails = {
  detail?: string
  errors?: FieldError[]
  currentVersion?: number
  allowed?: readonly string[]
}

/** An error of the catalogue, thrown by the domain and answered by the doors. */
export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(code)
    this.code = code
    this.details = details
  }
}

/** The error for a body whose fields break a rule. */
export function invalid(...errors: Array<Omit<FieldError, 'in'> & { in?: FieldError['in'] }>): DomainError {
  return new DomainError('validation_failed', { errors: errors.map((error) => ({ in: 'body', ...error })) })
}
