import type { Policy } from '../../domain/policies.ts'
import type { Schemas } from '../contract/handler.ts'

/** A policy as everybody sees it. */
export function policyView({ name, label, workingDays, hours, version }: Policy): Schemas['Policy'] {
  return { policy: name, label, workingDays, hours, version }
}
