import { createHash } from 'node:crypto'

/** A strong ETag of what is sent (RFC 9110, section 8.8.3); a version in front is what `If-Match` wants back. */
export function etagOf(payload: string | Buffer, version: number | undefined): string {
  const hash = createHash('sha1').update(payload).digest('base64url').slice(0, 16)
  return version === undefined ? `"${hash}"` : `"${version}-${hash}"`
}

/** Whether `If-None-Match` names the ETag, compared weakly (RFC 9110, section 13.1.2). */
export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
}
