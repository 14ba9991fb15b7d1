import { rows, type Tx } from '../prisma/client.ts'
import { keepClocks } from './clocks.ts'
import { recordEvents } from './events.ts'
import { forgetBesides, holdToForget, SHOWN } from './forget-besides.ts'
import type { GoneCase } from './objections.ts'

/**
 * Takes everything out of cases that says something of a person, for good and in the caller's transaction; their rows, and
 * those of their sources, are held from then on. What is left is what figures count, and of a case that the public reads
 * its moderated text and published answers. What is anonymised already, and has not changed since, stays as it is.
 */
export async function anonymiseCases(tx: Tx, caseIds: readonly number[], now: Date): Promise<void> {
  if (caseIds.length === 0) return
  await holdToForget(tx, caseIds)
  const beside = await forgetBesides(tx, caseIds, now)
  const anonymised = await rows<Anonymised>(tx, ANONYMISE, [caseIds, now], 'anonymise-cases')
  for (const { id, fields } of anonymised) if (fields.includes('publication')) await keepClocks(tx, id)
  await recordEvents(
    tx,
    null,
    anonymised.map(({ id, reference, organisationId, version, fields }) => ({
      type: 'case.anonymised',
      caseId: id,
      caseReference: reference,
      organisationId,
      fields: [...fields, ...(beside.get(id) ?? [])],
      caseVersion: version,
    })),
  )
}

/**
 * Deletes cases with all that belongs to them, in the caller's transaction. Whoever follows the change log hears that they
 * are gone; items stay as tombstones, so that no source brings one back. The store refuses it for a case with a legal hold.
 */
export async function deleteCases(tx: Tx, caseIds: readonly number[], now: Date): Promise<void> {
  if (caseIds.length === 0) return
  await holdToForget(tx, caseIds, 'delete')
  await forgetBesides(tx, caseIds, now)
  await rows(
    tx,
    `update items set state = 'deleted', changed_at = $2 where case_id = any($1::bigint[]) and state <> 'deleted'`,
    [caseIds, now],
    'entomb-items-of-cases',
  )
  await rows(
    tx,
    'delete from legal_holds where case_id = any($1::bigint[]) and ended_at is not null',
    [caseIds],
    'delete-ended-holds',
  )
  const deleted = await rows<GoneCase>(
    tx,
    `delete from cases where id = any($1::bigint[])
     returning id, reference, organisation_id as "organisationId", version`,
    [caseIds],
    'delete-cases',
  )
  await recordEvents(
    tx,
    null,
    deleted.map(({ id, reference, organisationId, version }) => ({
      type: 'case.removed',
      caseId: id,
      caseReference: reference,
      organisationId,
      reason: 'retention',
      fields: ['publication'],
      caseVersion: version + 1,
    })),
  )
}

type Anonymised = GoneCase & { fields: string[] }

/** Nobody judges any more what has no text: it waits for nobody, and is not published. */
const KEPT_BACK = `(not ${SHOWN} and c.publication in ('published', 'awaiting_moderation', 'awaiting_second_tier'))`

// A reporter's own position goes with the rest: the case stands where its organisation does.
const ANONYMISE = `
  with before as materialized (
    select c.id, ${SHOWN} as shown, ${KEPT_BACK} as kept_back, p.latitude, p.longitude, array_remove(array[
        case when c.original_sealed is not null then 'original' end,
        case when c.contact_sealed is not null then 'contact' end,
        case when c.public_name is not null then 'authorName' end,
        case when c.assignee is not null then 'assignee' end,
        case when c.visit_month is not null then 'visitMonth' end,
        case when c.tags <> '{}' then 'tags' end,
        case when c.under_16 then 'under16' end,
        case when c.on_behalf then 'onBehalf' end,
        case when c.source_link is not null then 'link' end,
        case when c.place_given then 'place' end,
        case when not ${SHOWN} and c.ratings <> '[]' then 'ratings' end,
        case when not ${SHOWN} and c.language is not null then 'language' end,
        case when not ${SHOWN} and c.moderated_text is not null then 'moderatedText' end,
        case when ${KEPT_BACK} then 'publication' end], null) as fields
    from cases c
    left join lateral (
      with recursive up as (
        select o.id, o.parent_id, o.latitude, o.longitude, 0 as depth from organisations o where o.id = c.organisation_id
        union all
        select o.id, o.parent_id, o.latitude, o.longitude, up.depth + 1 from organisations o join up on o.id = up.parent_id)
      select latitude, longitude from up where latitude is not null order by depth limit 1) p on c.place_given
    where c.id = any($1::bigint[]) and (c.anonymised_at is null or c.updated_at > c.anonymised_at))
  update cases c set original_sealed = null, contact_sealed = null, email_index = null, phone_index = null,
    preferred_contact = null, public_name = null, assignee = null, visit_month = null, tags = '{}', under_16 = false,
    on_behalf = false, source_link = null, receipt_generation = c.receipt_generation + 1, place_given = false,
    latitude = case when c.place_given then b.latitude else c.latitude end,
    longitude = case when c.place_given then b.longitude else c.longitude end,
    pt = case when c.place_given then mercator(b.latitude, b.longitude) else c.pt end,
    ratings = case when b.shown then c.ratings else '[]' end,
    language = case when b.shown then c.language end,
    moderated_title = case when b.shown then c.moderated_title end,
    moderated_text = case when b.shown then c.moderated_text end,
    publication = case when b.kept_back then 'kept_private' else c.publication end,
    decision_reason = case when b.kept_back then 'retention' else c.decision_reason end,
    anonymised_at = $2, version = c.version + 1, updated_at = $2
  from before b where c.id = b.id
  returning c.id, c.reference, c.organisation_id as "organisationId", c.version, b.fields`
