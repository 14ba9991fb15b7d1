import { type Db, inTransaction, row, rows, type Sql, type Vault } from '../prisma/client.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { type PollCursor, sealCursor } from './poll-cursors.ts'
import { keepOpinion } from './probes.ts'
import { COUNTS, type RunEnd, valuesOf } from './runs.ts'
import { HELD, type PollPlan, type Validators } from './source-polls.ts'
import { circuitChange, hostOf, type SourceOpinion, sealAddress } from './source-rows.ts'

/** What a finished poll leaves behind. */
export type PollEnd = RunEnd & {
  cursor: PollCursor
  /** Undefined leaves them as they are. */
  validators?: Validators | undefined
  failures: number
  /** Why there was no answer; null leaves what was said of the last failure. */
  failure: { reason: string; detail: string | null } | null
  /** Where the source is from now on; null when it has not moved. */
  movedTo: string | null
  nextCheckAt: Date
}

/** Closes a poll: its run, where the next one begins, and when; false when its run was closed before. */
export async function finishPoll(db: Db, plan: PollPlan, end: PollEnd, now: Date): Promise<boolean> {
  const events = eventsOf(plan, end)
  if (events.length === 0) return (await leave(db.pool, db.vault, plan, end, now)) !== 'lost'
  return inTransaction(db, async (tx) => {
    const left = await leave(tx, tx.vault, plan, end, now)
    if (left === 'as-planned') await recordEvents(tx, null, events)
    return left !== 'lost'
  })
}

/** Closes a first look that could read the document: from now on the source is polled, flagged or not. */
export async function finishProbe(
  db: Db,
  plan: PollPlan,
  { opinion, ...end }: PollEnd & { opinion: SourceOpinion },
  now: Date,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const left = await leave(tx, tx.vault, plan, end, now)
    if (left !== 'as-planned') return left !== 'lost'
    await recordEvents(tx, null, eventsOf(plan, end))
    await keepOpinion(tx, plan.sourceId, { opinion, version: null, isSample: false })
    await rows(
      tx,
      `update sources set state = 'active', version = version + 1, updated_at = now()
       where id = $1 and state = 'probing'`,
      [plan.sourceId],
    )
    return true
  })
}

function eventsOf({ sourceId, failures }: PollPlan, end: PollEnd): NewEvent[] {
  const circuit = circuitChange(failures, end.failures)
  return [
    ...(circuit === null ? [] : [{ type: `source.circuit_${circuit}`, sourceId } as const]),
    ...(end.movedTo === null ? [] : [{ type: 'source.changed', sourceId, fields: ['address'] } as const]),
  ]
}

/**
 * Closes the run and leaves the source in one statement. One that was changed while it was polled keeps its change, and
 * is due again as it is now.
 */
async function leave(
  sql: Sql,
  vault: Vault,
  plan: PollPlan,
  end: PollEnd,
  now: Date,
): Promise<'as-planned' | 'changed' | 'lost'> {
  const { validators, failure, movedTo, counts } = end
  const address = movedTo ?? plan.address
  const isNew = counts.created + counts.changed + counts.deleted + counts.parked > 0
  const left = await row<{ asPlanned: boolean }>(
    sql,
    `with source as (${HELD}),
     run as (
       update runs r set state = $4::run_state, outcome = $5, detail = $6, finished_at = $7, next_check_at = $8,
         (${COUNTS}) = ($21, $22, $23, $24, $25, $26, $27, $28, $29)
       from source where r.id = $2 and r.state = 'running' returning r.id),
     planned as (
       update sources s set claimed_until = null, next_check_at = $8, cursor_sealed = $9, failures = $10, host = $11,
         etag = case when $12 then $13 else s.etag end, last_modified = case when $12 then $14 else s.last_modified end,
         body_sha256 = case when $12 then $15 else s.body_sha256 end,
         last_success_at = case when $4 = 'succeeded' then $7 else s.last_success_at end,
         last_changed_at = case when $16 then $7 else s.last_changed_at end,
         failing_since = case when $4 = 'succeeded' then null when $10 > s.failures then coalesce(s.failing_since, $7)
           else s.failing_since end,
         last_failure_at = case when $17::text is null then s.last_failure_at else $7 end,
         last_failure_reason = coalesce($17, s.last_failure_reason),
         last_failure_detail = case when $17 is null then s.last_failure_detail else $18 end,
         address_sealed = coalesce($19, s.address_sealed), version = s.version + $20::int,
         updated_at = case when $20 > 0 then $7 else s.updated_at end
       from source, run where s.id = source.id and source.version = $3),
     changed as (
       update sources s set claimed_until = null, next_check_at = case when source.paused then null else $7::timestamptz end
       from source, run where s.id = source.id and source.version <> $3)
     select source.version = $3 as "asPlanned" from source, run`,
    [
      plan.sourceId,
      plan.run.id,
      plan.version,
      end.state,
      end.outcome,
      end.detail,
      now,
      end.nextCheckAt,
      sealCursor(vault, plan.name, end.cursor),
      end.failures,
      hostOf(address),
      validators !== undefined,
      validators?.etag ?? null,
      validators?.lastModified ?? null,
      validators?.bodySha256 ?? null,
      isNew,
      failure?.reason ?? null,
      failure?.detail ?? null,
      movedTo === null ? null : sealAddress(vault, plan.name, movedTo),
      movedTo === null ? 0 : 1,
      ...valuesOf(counts),
    ],
    'leave-source',
  )
  if (left === undefined) return 'lost'
  return left.asPlanned ? 'as-planned' : 'changed'
}
