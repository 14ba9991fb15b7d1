import { rows, type Tx } from '../prisma/client.ts'
import { keepHoldsOut } from './legal-holds.ts'

/** What the public reads of cases `c`, or read until a report hid it: it is shown again when nobody decides in time. */
export const SHOWN = `((c.publication = 'published' and c.privacy <> 'private') or c.held_until is not null)`

/**
 * Holds what forgetting cases needs, in the order in which everybody takes it: no legal hold begins meanwhile, no source
 * brings anything of them, and nobody works on them. To be called before the rows of the cases are held.
 */
export async function holdToForget(
  tx: Tx,
  caseIds: readonly number[],
  what: 'change' | 'delete' = 'change',
): Promise<void> {
  await keepHoldsOut(tx)
  await rows(
    tx,
    `select 1 from sources where id in (select source_id from cases where id = any($1::bigint[]))
     order by id for no key update`,
    [caseIds],
    'hold-sources-to-forget',
  )
  const lock = what === 'delete' ? 'for update' : 'for no key update'
  await rows(tx, `select 1 from cases where id = any($1::bigint[]) order by id ${lock}`, [caseIds])
}

/**
 * Forgets what lies beside held cases and says something of a person: messages, notes, pictures, surveys, claims, what was
 * sent by sources, what receivers have quoted, the words of decisions, objections, escalations and extensions, and the
 * answers that the public does not read. Resolves to the fields of each case that are different now.
 */
export async function forgetBesides(
  tx: Tx,
  caseIds: readonly number[],
  now: Date,
): Promise<Map<number, string[]>> {
  const gone = await rows<{ caseId: number; fields: string[] }>(
    tx,
    FORGET,
    [caseIds, now, caseIds.map((id) => `case:${id}`)],
    'forget-besides',
  )
  return new Map(gone.map(({ caseId, fields }) => [caseId, fields]))
}

// Of a short text somebody could guess what it was made of.
const NO_FINGERPRINT = `decode(repeat('00', 32), 'hex')`

/*
 * An answer keeps its row without its words: whose it was and when is what figures count. `deliveries` have no index by case,
 * but the events of a case have positions, and each subscription at most one delivery of each.
 */
const FORGET = `
  with answers as (
    update responses r set text = '', author_name = null, source_link = null, updated_at = $2,
      publication = case when r.publication in ('awaiting_moderation', 'awaiting_second_tier') then 'rejected' else r.publication end
    from cases c
    where c.id = r.case_id and r.case_id = any($1::bigint[]) and r.text <> '' and not (${SHOWN} and r.publication = 'published')
    returning r.case_id),
  edits as (
    delete from response_edits where response_id in (select id from responses where case_id = any($1::bigint[]))),
  messages_gone as (delete from messages where case_id = any($1::bigint[]) returning case_id),
  notes_gone as (delete from notes where case_id = any($1::bigint[]) returning case_id),
  images_gone as (delete from images where case_id = any($1::bigint[]) returning case_id),
  extensions_gone as (delete from extensions where case_id = any($1::bigint[]) returning case_id),
  surveys_gone as (delete from surveys where case_id = any($1::bigint[])),
  claims_gone as (delete from case_claims where case_id = any($1::bigint[])),
  remarks as (
    update objections set text_sealed = null where case_id = any($1::bigint[]) and text_sealed is not null),
  judged as (
    update decisions set note_sealed = null, edits = '[]'
    where case_id = any($1::bigint[]) and (note_sealed is not null or edits <> '[]')),
  escalated as (
    update escalations set text_sealed = null, answer_sealed = null
    where case_id = any($1::bigint[]) and (text_sealed is not null or answer_sealed is not null)),
  held as (
    update legal_holds set reason_sealed = null
    where case_id = any($1::bigint[]) and ended_at is not null and reason_sealed is not null),
  sent as (
    update items set raw_sealed = null, warnings = '{}', fingerprint = ${NO_FINGERPRINT}
    where case_id = any($1::bigint[]) and state <> 'deleted' returning id, source_id, external_id),
  versions as (
    delete from item_versions where item_id in (select id from items where case_id = any($1::bigint[]))),
  aside as (
    delete from quarantined_items q using items i
    where i.case_id = any($1::bigint[]) and q.source_id = i.source_id and q.external_id = i.external_id),
  told as (
    update run_results set detail = null where case_id = any($1::bigint[]) and detail is not null),
  repeats as (delete from idempotency_records where owner = any($3::text[])),
  unsent as (
    update notifications set state = 'dropped', problem = 'case_anonymised'
    where case_id = any($1::bigint[]) and state = 'waiting'),
  quoted as (
    update delivery_attempts a set answer_sealed = null
    from events e cross join subscriptions s join deliveries d on d.subscription_id = s.id and d.position = e.position
    where e.case_id = any($1::bigint[]) and a.delivery_id = d.id and a.answer_sealed is not null)
  select case_id as "caseId", array_agg(distinct field order by field) as fields
  from (
    select case_id, 'responses' as field from answers
    union all select case_id, 'messages' from messages_gone
    union all select case_id, 'notes' from notes_gone
    union all select case_id, 'images' from images_gone
    union all select case_id, 'extension' from extensions_gone) as gone
  group by case_id`
