import type { NotificationKind, Tx } from '../prisma/client.ts'
import { rows } from '../prisma/client.ts'
import type { Caller } from './callers.ts'

/** What can happen; the word before the dot is what it happens to. */
export type EventType =
  | 'case.created'
  | 'case.changed'
  | 'case.published'
  | 'case.kept_private'
  | 'case.referred_to_second_tier'
  | 'case.rejected'
  | 'case.removed'
  | 'case.hidden'
  | 'case.shown_again'
  | 'case.privacy_changed'
  | 'case.status_changed'
  | 'case.reopened_by_reporter'
  | 'case.withdrawn'
  | 'case.consent_withdrawn'
  | 'case.rated'
  | 'case.referred'
  | 'case.referral_accepted'
  | 'case.referral_declined'
  | 'case.claimed'
  | 'case.receipt_renewed'
  | 'case.removed_by_source'
  | 'report.created'
  | 'report.decided'
  | 'removal_request.created'
  | 'removal_request.decided'
  | 'message.created'
  | 'note.created'
  | 'response.created'
  | 'response.changed'
  | 'response.published'
  | 'response.rejected'
  | 'response.removed'
  | 'response.removed_by_source'
  | 'source.created'
  | 'source.changed'
  | 'source.circuit_opened'
  | 'source.circuit_closed'
  | 'source.entry_dismissed'
  | 'source.alias_created'
  | 'source.alias_removed'
  | 'source.readers_agree'
  | 'source.readers_disagree'
  | 'source.mapping_changed'
  | 'source.secret_created'
  | 'source.secret_revoked'
  | 'organisation.settings_changed'
  | 'policy.changed'
  | 'client.created'
  | 'client.changed'
  | 'client.revoked'
  | 'key.created'
  | 'key.revoked'
  | 'query.created'
  | 'query.changed'
  | 'query.removed'
  | 'subscription.created'
  | 'subscription.changed'
  | 'subscription.paused'
  | 'subscription.ended'
  | 'subscription.secret_created'
  | 'digest.created'
  | 'digest.confirmed'
  | 'digest.ended'
  | 'notification.retried'
  | 'case.overdue'
  | 'case.anonymised'
  | 'case.erased'
  | 'case.escalated'
  | 'case.escalation_answered'
  | 'case.extension_answered'
  | 'case.extension_asked'
  | 'case.paused'
  | 'case.resumed'
  | 'hold.created'
  | 'hold.ended'
  | 'organisation.changed'
  | 'organisation.closed'
  | 'organisation.created'
  | 'organisation.imported'
  | 'organisation.reopened'
  | 'recall.confirmed'
  | 'recall.created'
  | 'retention.policy_changed'
  | 'retention.run'
  | 'service.changed'
  | 'service.created'
  | 'subject_access.given'
  | 'template.changed'
  | 'template.created'
  | 'template.removed'

/**
 * That somebody is to be told of an event: what of, and with `once` what tells it apart where it may happen to a case
 * several times. The same thing is never told twice. An organisation is told where it is the one of the event, or named.
 */
export type Telling = { kind: NotificationKind; once?: string | number; organisationId?: number }

/** One line of the change log: fields are named, never their values. */
export type NewEvent = {
  type: EventType
  caseId?: number
  caseReference?: string
  organisationId?: number
  sourceId?: number
  reason?: string
  fields?: readonly string[]
  caseVersion?: number
  /** The API client that it happened to; the caller is whoever did it. */
  aboutClientId?: number
  /** Who is to be told of it (domain/notifications.ts); an organisation is the one that the event names. */
  tells?: readonly Telling[]
}

/**
 * SQL that records the events of new cases in the very statement that makes them: `made` names what gives their `id`,
 * `reference` and `organisation_id`, `types` is a text[] of event types in their order, `source` the source's key.
 */
export function eventsOfNewCases(made: string, { types, source }: { types: string; source: string }): string {
  return `insert into events (type, case_id, case_reference, organisation_id, source_id, fields, case_version)
    select e.type, m.id, m.reference, m.organisation_id, ${source},
      case e.type when 'case.published' then array['publication'] else '{}' end, 1
    from ${made} m cross join unnest(${types}::text[]) with ordinality as e(type, n) order by m.id, e.n`
}

/**
 * Records events in the caller's transaction, in the order given. Where an event is about a case, the caller holds
 * that case's row lock, so that the numbers of one case's events follow the order of its changes.
 */
export async function recordEvents(
  tx: Tx,
  caller: Caller | null,
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length === 0) return
  const client = caller?.kind === 'client' ? caller : null
  await rows(
    tx,
    `insert into events (type, case_id, case_reference, organisation_id, source_id, client_id, acting_user, reason, fields, case_version, about_client_id, tells)
     select e.type, e.case_id, e.case_reference, e.organisation_id, e.source_id, $1, $2, e.reason,
            array(select json_array_elements_text(coalesce(e.fields, '[]'::json))), e.case_version, e.about_client_id, e.tells
     from json_to_recordset($3::json) as e(
       n int, type text, case_id bigint, case_reference text, organisation_id int, source_id int, reason text, fields json, case_version int, about_client_id int, tells jsonb)
     order by e.n`,
    [
      client?.clientId ?? null,
      client?.actingUser ?? null,
      JSON.stringify(
        events.map((event, n) => ({
          n,
          type: event.type,
          case_id: event.caseId,
          case_reference: event.caseReference,
          organisation_id: event.organisationId,
          source_id: event.sourceId,
          reason: event.reason,
          fields: event.fields,
          case_version: event.caseVersion,
          about_client_id: event.aboutClientId,
          tells: event.tells?.length ? event.tells : undefined,
        })),
      ),
    ],
    'record-events',
  )
}
