/**
 * What of a case, and of what belongs to it, stays when it is anonymised (`keeps`), and what is taken out of its row
 * (`loses`); a table without either loses its rows. A column that stands nowhere here was not thought of.
 */
const TABLES: Readonly<Record<string, { keeps?: string; loses?: string; rows?: string }>> = {
  cases: {
    keeps: `id reference kind channel status publication privacy privacy_chosen organisation_id service_id category_code
      happening_now priority wants_response decision_reason client_id brand source_id version reported_at created_at
      updated_at acknowledged_at closed_at resolved_at acknowledge_due_at breach commissioned due_at formal_complaint
      former_organisation_ids held_until moderate_due_at outcome_at outcome_manner outcome_resolved passed_on
      receipt_generation respond_due_at test sorted urgent anonymised_at paused_at`,
    // Title, text, language and ratings stay where the public reads them; latitude, longitude and pt become the organisation's.
    loses: `under_16 on_behalf original_sealed contact_sealed preferred_contact moderated_title moderated_text public_name
      visit_month language tags ratings latitude longitude pt source_link assignee email_index phone_index place_given`,
  },
  // What the public reads keeps its words, its author and its link.
  responses: {
    keeps:
      'id reference case_id organisation_id publication client_id source_id responded_at created_at updated_at',
    loses: 'text author_name source_link',
  },
  decisions: {
    keeps: 'id case_id response_id action reason client_id acting_user decided_at',
    loses: 'edits note_sealed',
  },
  objections: {
    keeps: `id reference kind case_id organisation_id reason client_id acting_user state created_at due_at decided_at decided_by
      decision_reason`,
    loses: 'text_sealed',
  },
  escalations: {
    keeps: `id reference case_id to_id reason state client_id acting_user created_at due_at acknowledged_at resolved_at
      answered_by`,
    loses: 'text_sealed answer_sealed',
  },
  legal_holds: {
    keeps: 'id reference case_id organisation_id client_id acting_user created_at ended_at ended_by',
    loses: 'reason_sealed',
  },
  items: {
    keeps: `id source_id external_id type state parent_external_id case_id response_id source_updated_at first_seen_at changed_at
      listed_at missed_at read_by version`,
    loses: 'fingerprint raw_sealed warnings',
  },
  run_results: { keeps: 'run_id number external_id outcome case_id fields reason', loses: 'detail' },
  notifications: {
    keeps: `id key kind case_id organisation_id address state attempts next_attempt_at problem created_at sent_at digest_id
      provider_id subscription_id`,
  },
  referrals: { keeps: 'id case_id from_id to_id state client_id acting_user created_at due_at answered_at' },
  pauses: { keeps: 'id case_id since until ended_at end_reason client_id acting_user' },
  deliveries: {
    keeps: `id reference subscription_id position type case_id case_reference gone state attempts next_attempt_at created_at
      settled_at`,
  },
  delivered_copies: { keeps: 'case_id client_id' },
  events: {
    keeps: `id position type at case_id case_reference organisation_id source_id client_id acting_user reason fields case_version
      about_client_id tells`,
  },
  // Where it stood goes a month later (domain/retention-leftovers.ts).
  public_events: {
    keeps: `position type at case_id case_reference fields organisation_id kind category_code status source_id language
      reported_at was_position left_organisation_id`,
    loses: 'latitude longitude pt',
  },
  case_index: {
    keeps: 'case_id organisation_id kind category_code status cell x y position',
    loses: 'words places',
  },
  messages: { rows: 'id reference case_id author answers_id text_sealed client_id acting_user created_at' },
  notes: { rows: 'id reference case_id organisation_id shared text_sealed client_id acting_user created_at' },
  images: { rows: 'id token case_id client_id media_type width height bytes hidden created_at expires_at' },
  extensions: {
    rows: 'id reference case_id working_days reason_sealed consent state client_id acting_user created_at answered_at',
  },
  surveys: { rows: 'id case_id created_at expires_at answered_at' },
  case_claims: { rows: 'case_id client_id acting_user until' },
}

/** The names of all columns that were decided on, like `cases.status`. */
export const decidedColumns: ReadonlySet<string> = new Set(
  Object.entries(TABLES).flatMap(([table, { keeps = '', loses = '', rows = '' }]) =>
    `${keeps} ${loses} ${rows}`
      .split(/\s+/)
      .filter(Boolean)
      .map((column) => `${table}.${column}`),
  ),
)
