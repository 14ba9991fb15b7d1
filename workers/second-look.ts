import type { FetchedDocument } from '../connectors/connector.ts'
import { readWithRssParser } from '../connectors/rss-parser-thread.ts'
import { compareItems, type OurItem } from '../connectors/second-opinion.ts'
import type { SourceOpinion } from '../domain/sources.ts'

/** What a second reader needs: a document's own copy, as reading moves its bytes away, and what we have read in it. */
export type SecondLook = Pick<FetchedDocument, 'bytes' | 'contentType'> & { items: OurItem[] }

// Comparing more would hold up the process, and a document that is read wrong is so in its first megabytes.
const MOST_BYTES = 5_000_000

/** What is kept of a document for a second reader, before it is read; null for a very large one. */
export function secondLook(
  { bytes, contentType }: Pick<FetchedDocument, 'bytes' | 'contentType'>,
  mostBytes = MOST_BYTES,
): SecondLook | null {
  return bytes.byteLength > mostBytes ? null : { bytes: Uint8Array.from(bytes), contentType, items: [] }
}

/** What a second reader says of a document; its own failure is no opinion, and never stops a source. */
export async function opinionOf(look: SecondLook | null, now: Date): Promise<SourceOpinion> {
  const at = now.toISOString()
  const other = look === null ? { noOpinion: 'it is very large' } : await readWithRssParser(look)
  if (look === null || 'noOpinion' in other) return { verdict: 'none', at, differences: [] }
  const differences = compareItems(look.items, other.items)
  return { verdict: differences.length === 0 ? 'agrees' : 'differs', at, differences: fewOf(differences) }
}

const MOST_DIFFERENCES = 20

function fewOf(differences: readonly string[]): string[] {
  if (differences.length <= MOST_DIFFERENCES) return [...differences]
  const few = differences.slice(0, MOST_DIFFERENCES)
  return [...few, `and ${differences.length - MOST_DIFFERENCES} more`]
}
