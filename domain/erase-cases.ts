import { type CaseStatus, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { recordEvents } from './events.ts'
import { anonymiseCases } from './forget-cases.ts'
import { closeObjections, type GoneCase } from './objections.ts'

/** A case that is to be erased, its row held. */
export type ErasedCase = { id: number; reference: string }

/**
 * Erases cases for good, in the caller's transaction, which holds their rows: all that is personal of them, and beside that
 * the moderated text, every answer, and whatever their reporter chose. What is left is a removed case with what figures need:
 * kind, organisation, category, channel, status and times. An open one becomes `withdrawn`: nothing moves it any more,
 * no clock runs, and nobody is told. Things of sources stay as tombstones, so that they do not come back; how many those
 * were.
 */
export async function eraseCases(
  tx: Tx,
  ids: readonly number[],
  { caller, now }: { caller: ClientCaller | null; now: Date },
): Promise<number> {
  if (ids.length === 0) return 0
  const entombed = await entombItems(tx, 'i.case_id = any($1::bigint[])', [ids], now)
  await anonymiseCases(tx, ids, now)
  await rows(tx, 'delete from responses where case_id = any($1::bigint[])', [ids], 'erase-responses')
  await endWaiting(tx, ids, now)
  const erased = await rows<GoneCase & { was: CaseStatus; status: CaseStatus }>(
    tx,
    ERASE,
    [ids, now],
    'erase-cases',
  )
  await closeObjections(tx, caller, erased, 'erased')
  await recordEvents(
    tx,
    caller,
    erased.map(({ id, reference, organisationId, version, was, status }) => ({
      type: 'case.erased',
      caseId: id,
      caseReference: reference,
      organisationId,
      fields: was === status ? FIELDS : [...FIELDS, 'status'],
      caseVersion: version,
    })),
  )
  return entombed
}

/**
 * Makes tombstones of the items `i` of a condition and of the replies that wait for them: without what they said, and
 * without what they said before. How many of them were none yet.
 */
export async function entombItems(tx: Tx, which: string, values: unknown[], now: Date): Promise<number> {
  const at = `$${values.length + 1}`
  const entombed = await rows(
    tx,
    `with wanted as materialized (select i.id, i.source_id, i.external_id from items i where ${which}),
     gone as (
       update items i set state = 'deleted', raw_sealed = null, warnings = '{}', fingerprint = ${NO_FINGERPRINT}, changed_at = ${at}
       where i.state <> 'deleted' and (i.id in (select id from wanted) or (i.state = 'parked' and exists (
         select from wanted w where w.source_id = i.source_id and w.external_id = i.parent_external_id)))
       returning i.id),
     before as (delete from item_versions where item_id in (select id from wanted union select id from gone))
     select id from gone`,
    [...values, now],
  )
  return entombed.length
}

const FIELDS = ['text', 'name', 'privacy', 'publication', 'language', 'tags', 'ratings', 'responses']

// Of a short text somebody could guess what it was made of.
const NO_FINGERPRINT = `decode(repeat('00', 32), 'hex')`

const ERASE = `
  with before as materialized (select id, status from cases where id = any($1::bigint[]))
  update cases c set publication = 'removed', decision_reason = 'erased', privacy = 'private', privacy_chosen = 'private',
    public_name = null, moderated_title = null, moderated_text = null, held_until = null, language = null, tags = '{}',
    ratings = '[]', source_link = null, under_16 = false, on_behalf = false, urgent = false, due_at = null, paused_at = null,
    status = case when c.status in ('open', 'in_progress') then 'withdrawn' else c.status end,
    acknowledged_at = case when c.status in ('open', 'in_progress') then coalesce(c.acknowledged_at, $2) else c.acknowledged_at end,
    closed_at = case when c.status in ('open', 'in_progress') then coalesce(c.closed_at, $2) else c.closed_at end,
    anonymised_at = $2, version = c.version + 1, updated_at = $2
  from before b where c.id = b.id
  returning c.id, c.reference, c.organisation_id as "organisationId", c.version, b.status as was, c.status`

/** Whoever is waited for is not waited for any more. */
async function endWaiting(tx: Tx, ids: readonly number[], now: Date): Promise<void> {
  await rows(
    tx,
    `with paused as (
       update pauses set ended_at = $2, end_reason = 'closed' where case_id = any($1::bigint[]) and ended_at is null),
     extended as (
       update extensions set state = 'cancelled', answered_at = $2 where case_id = any($1::bigint[]) and state = 'waiting'),
     escalated as (
       update escalations set state = 'resolved', resolved_at = $2 where case_id = any($1::bigint[]) and state <> 'resolved')
     update referrals set state = 'cancelled', answered_at = $2 where case_id = any($1::bigint[]) and state = 'waiting'`,
    [ids, now],
    'end-waiting',
  )
}
