import type { Mapping } from '../../domain/mapping.ts'
import type { Schemas } from '../contract/handler.ts'

/** How a source's terms become our categories, on the wire. */
export function mappingView(mapping: Mapping): Schemas['Mapping'] {
  return {
    version: mapping.version,
    normalisedVersion: mapping.normalisedVersion,
    entries: mapping.entries.map(({ kind, term, category }) => ({ kind, term, category })),
    unmapped: mapping.unmapped.map(({ kind, term, cases }) => ({ kind, term, cases })),
  }
}
