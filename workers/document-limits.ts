import { DEFAULT_LIMITS, type FetchLimits } from '../net/fetch.ts'

/** The bounds of a source's documents: its own bound counts unpacked, and what comes unpacked may be as long on the wire. */
export function documentLimits(
  maxDocumentBytes: number | null,
): Partial<Pick<FetchLimits, 'wireBytes' | 'decodedBytes'>> {
  if (maxDocumentBytes === null) return {}
  return {
    decodedBytes: maxDocumentBytes,
    wireBytes: Math.max(DEFAULT_LIMITS.wireBytes, maxDocumentBytes),
  }
}
