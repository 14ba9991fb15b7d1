import { ForbiddenAddressError, LookupError } from './address-guard.ts'
import { EncodingError, TooLargeError } from './body.ts'

export type FailureReason =
  | 'forbidden-address'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'too-large'
  | 'encoding'
  | 'redirects'
  | 'http-status'
  | 'aborted'
  | 'protocol'

export type Failure = { reason: FailureReason; detail: string }

/** Says what an error of the network means; the detail holds our own words or an error code, never a URL. */
export function explainFailure(error: unknown): Failure {
  if (error instanceof ForbiddenAddressError) return { reason: 'forbidden-address', detail: error.message }
  if (error instanceof LookupError) return { reason: 'dns', detail: error.message }
  if (error instanceof TooLargeError) return { reason: 'too-large', detail: error.message }
  if (error instanceof EncodingError) return { reason: 'encoding', detail: error.message }
  const code = errorCode(error)
  return { reason: reasonOf(code), detail: code }
}

const TIMEOUTS = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']
const ABORTS = ['ABORT_ERR', 'AbortError', 'UND_ERR_ABORTED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED']
const CONNECTION =
  /^(ECONN|EHOST|ENET|EPIPE|EADDR|EACCES|EINVAL|ENOTCONN|UND_ERR_SOCKET|ERR_STREAM_PREMATURE_CLOSE)/
// OpenSSL's verification results come as bare names: CERT_HAS_EXPIRED, SELF_SIGNED_CERT_IN_CHAIN, …
const TLS = /^(ERR_TLS|ERR_SSL|EPROTO)|CERT|SIGNATURE|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE/

function reasonOf(code: string): FailureReason {
  if (TIMEOUTS.includes(code)) return 'timeout'
  if (ABORTS.includes(code)) return 'aborted'
  if (TLS.test(code)) return 'tls'
  if (CONNECTION.test(code)) return 'connect'
  return 'protocol'
}

function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error instanceof AggregateError && !('code' in error)) return errorCode(error.errors[0])
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
