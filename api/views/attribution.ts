import type { Attribution } from '../../domain/case-rows.ts'
import type { Schemas } from '../contract/handler.ts'

/** Where an item came from, on the wire. */
export function attributionView(source: Attribution | null): Schemas['Attribution'] | null {
  if (source === null) return null
  const { name, title, link, attribution, licence } = source
  return { name, title, link, attribution, licence }
}
