import type { Category } from '../../domain/categories.ts'
import type { Schemas } from '../contract/handler.ts'

/** A category on the wire. */
export function categoryView({ code, label, help, allowsHighPriority }: Category): Schemas['Category'] {
  return { code, label, help, allowsHighPriority }
}
