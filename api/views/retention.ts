import type { LegalHold } from '../../domain/legal-holds.ts'
import type { RetentionPolicy } from '../../domain/retention-policies.ts'
import type { RetentionRun } from '../../domain/retention-runs.ts'
import type { Schemas } from '../contract/handler.ts'

/** How long something is kept, for an administrator. */
export function retentionPolicyView(policy: RetentionPolicy): Schemas['RetentionPolicy'] {
  return {
    id: policy.id,
    kind: policy.kind,
    source: policy.source,
    anonymiseAfterDays: policy.anonymiseAfterDays,
    deleteAfterDays: policy.deleteAfterDays,
    rawAfterDays: policy.rawAfterDays,
    version: policy.version,
  }
}

/** A run of retention, for an administrator. */
export function retentionRunView({ state, ...run }: RetentionRun): Schemas['RetentionRun'] {
  if (state === 'cancelled') throw new Error('nobody cancels a run of retention')
  return {
    run: run.reference,
    dryRun: run.dryRun,
    state,
    counts: run.counts.map(({ policy, anonymised, deleted, held, raw }) => ({
      policy,
      anonymised,
      deleted,
      held,
      raw,
    })),
    createdAt: run.createdAt,
    finishedAt: run.finishedAt,
  }
}

/** A legal hold, for an administrator. */
export function legalHoldView(hold: LegalHold): Schemas['LegalHold'] {
  return {
    hold: hold.reference,
    case: hold.caseReference,
    organisation: hold.organisation,
    reason: hold.reason,
    actingUser: hold.actingUser,
    createdAt: hold.createdAt,
    endedAt: hold.endedAt,
    endedBy: hold.endedBy,
  }
}
