-- CreateEnum
CREATE TYPE "case_kind" AS ENUM ('concern', 'question', 'feedback');

-- CreateEnum
CREATE TYPE "channel" AS ENUM ('web', 'phone', 'sms', 'email', 'social', 'feed');

-- CreateEnum
CREATE TYPE "case_status" AS ENUM ('open', 'in_progress', 'resolved', 'unable_to_resolve', 'unable_to_contact', 'referred_elsewhere', 'no_action_needed', 'withdrawn');

-- CreateEnum
CREATE TYPE "publication" AS ENUM ('awaiting_moderation', 'awaiting_second_tier', 'published', 'kept_private', 'rejected', 'removed');

-- CreateEnum
CREATE TYPE "privacy" AS ENUM ('private', 'anonymous', 'named');

-- CreateEnum
CREATE TYPE "priority" AS ENUM ('normal', 'high');

-- CreateEnum
CREATE TYPE "organisation_kind" AS ENUM ('trust', 'site', 'gp_practice', 'gp_branch', 'local_authority', 'commissioner');

-- CreateEnum
CREATE TYPE "sector" AS ENUM ('acute', 'community', 'mental_health');

-- CreateEnum
CREATE TYPE "role" AS ENUM ('form', 'integrator', 'case_handler', 'second_tier', 'provider', 'commissioner', 'feed_provider', 'supplier', 'administrator');

-- CreateEnum
CREATE TYPE "source_state" AS ENUM ('probing', 'active', 'paused');

-- CreateEnum
CREATE TYPE "run_kind" AS ENUM ('poll', 'push');

-- CreateEnum
CREATE TYPE "run_state" AS ENUM ('running', 'succeeded', 'failed');

-- CreateEnum
CREATE TYPE "item_state" AS ENUM ('live', 'parked', 'deleted');

-- CreateEnum
CREATE TYPE "item_type" AS ENUM ('story', 'reply', 'deletion');

-- CreateTable
CREATE TABLE "organisations" (
    "id" SERIAL NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" "organisation_kind" NOT NULL,
    "sector" "sector",
    "region" TEXT,
    "postcode" TEXT,
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "parent_id" INTEGER,
    "succeeded_by_id" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organisations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "organisation_external_ids" (
    "scheme" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "organisation_id" INTEGER NOT NULL,

    CONSTRAINT "organisation_external_ids_pkey" PRIMARY KEY ("scheme","code")
);

-- CreateTable
CREATE TABLE "commissioning" (
    "organisation_id" INTEGER NOT NULL,
    "commissioner_id" INTEGER NOT NULL,
    "primary" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "commissioning_pkey" PRIMARY KEY ("organisation_id","commissioner_id")
);

-- CreateTable
CREATE TABLE "services" (
    "id" SERIAL NOT NULL,
    "organisation_id" INTEGER NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "services_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "categories" (
    "code" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "help" TEXT,
    "allows_high_priority" BOOLEAN NOT NULL,
    "rank" INTEGER NOT NULL,

    CONSTRAINT "categories_pkey" PRIMARY KEY ("code")
);

-- CreateTable
CREATE TABLE "api_clients" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "role" "role" NOT NULL,
    "brand" TEXT,
    "origins" TEXT[],
    "source_id" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_clients_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_client_organisations" (
    "client_id" INTEGER NOT NULL,
    "organisation_id" INTEGER NOT NULL,

    CONSTRAINT "api_client_organisations_pkey" PRIMARY KEY ("client_id","organisation_id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" SERIAL NOT NULL,
    "client_id" INTEGER NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "cases" (
    "id" BIGINT NOT NULL,
    "reference" TEXT NOT NULL,
    "kind" "case_kind" NOT NULL,
    "channel" "channel" NOT NULL,
    "status" "case_status" NOT NULL,
    "publication" "publication" NOT NULL,
    "privacy" "privacy" NOT NULL,
    "privacy_chosen" "privacy" NOT NULL,
    "under_16" BOOLEAN NOT NULL DEFAULT false,
    "on_behalf" BOOLEAN NOT NULL DEFAULT false,
    "organisation_id" INTEGER NOT NULL,
    "service_id" INTEGER,
    "category_code" TEXT NOT NULL,
    "happening_now" BOOLEAN NOT NULL DEFAULT false,
    "priority" "priority" NOT NULL DEFAULT 'normal',
    "wants_response" BOOLEAN NOT NULL DEFAULT false,
    "original_sealed" TEXT NOT NULL,
    "contact_sealed" TEXT,
    "preferred_contact" TEXT,
    "moderated_title" TEXT,
    "moderated_text" TEXT,
    "public_name" TEXT,
    "decision_reason" TEXT,
    "visit_month" TEXT,
    "language" TEXT,
    "tags" TEXT[],
    "ratings" JSONB NOT NULL DEFAULT '[]',
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "pt" point,
    "client_id" INTEGER,
    "brand" TEXT,
    "source_id" INTEGER,
    "source_link" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "reported_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "acknowledged_at" TIMESTAMPTZ(3),
    "closed_at" TIMESTAMPTZ(3),
    "resolved_at" TIMESTAMPTZ(3),

    CONSTRAINT "cases_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "responses" (
    "id" BIGSERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "case_id" BIGINT NOT NULL,
    "organisation_id" INTEGER,
    "text" TEXT NOT NULL,
    "author_name" TEXT,
    "publication" "publication" NOT NULL,
    "client_id" INTEGER,
    "source_id" INTEGER,
    "source_link" TEXT,
    "responded_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "responses_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sources" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "connector" TEXT,
    "address_sealed" TEXT,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "organisation_scheme" TEXT NOT NULL,
    "organisation_id" INTEGER,
    "trusted" BOOLEAN NOT NULL DEFAULT false,
    "state" "source_state" NOT NULL,
    "site_url" TEXT,
    "attribution" TEXT,
    "licence" TEXT,
    "max_age_days" INTEGER,
    "interval_minutes" INTEGER NOT NULL DEFAULT 15,
    "opinion" JSONB,
    "flagged" BOOLEAN NOT NULL DEFAULT false,
    "next_check_at" TIMESTAMPTZ(3),
    "claimed_until" TIMESTAMPTZ(3),
    "cursor_sealed" TEXT,
    "etag" TEXT,
    "last_modified" TEXT,
    "body_sha256" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "polls" INTEGER NOT NULL DEFAULT 0,
    "last_success_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sources_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "items" (
    "id" BIGSERIAL NOT NULL,
    "source_id" INTEGER NOT NULL,
    "external_id" TEXT NOT NULL,
    "type" "item_type" NOT NULL,
    "state" "item_state" NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "raw_sealed" TEXT,
    "parent_external_id" TEXT,
    "case_id" BIGINT,
    "response_id" BIGINT,
    "warnings" TEXT[],
    "source_updated_at" TIMESTAMPTZ(3),
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "items_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "quarantined_items" (
    "id" BIGSERIAL NOT NULL,
    "source_id" INTEGER NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "external_id" TEXT,
    "reason" TEXT NOT NULL,
    "detail" TEXT NOT NULL,
    "place" TEXT,
    "raw_sealed" TEXT NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "quarantined_items_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "runs" (
    "id" BIGSERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "source_id" INTEGER NOT NULL,
    "kind" "run_kind" NOT NULL,
    "state" "run_state" NOT NULL,
    "outcome" TEXT,
    "detail" TEXT,
    "client_id" INTEGER,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "pages" INTEGER NOT NULL DEFAULT 0,
    "seen" INTEGER NOT NULL DEFAULT 0,
    "created" INTEGER NOT NULL DEFAULT 0,
    "changed" INTEGER NOT NULL DEFAULT 0,
    "unchanged" INTEGER NOT NULL DEFAULT 0,
    "deleted" INTEGER NOT NULL DEFAULT 0,
    "expired" INTEGER NOT NULL DEFAULT 0,
    "quarantined" INTEGER NOT NULL DEFAULT 0,
    "parked" INTEGER NOT NULL DEFAULT 0,
    "next_check_at" TIMESTAMPTZ(3),

    CONSTRAINT "runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "events" (
    "id" BIGSERIAL NOT NULL,
    "position" BIGINT,
    "type" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "case_id" BIGINT,
    "case_reference" TEXT,
    "organisation_id" INTEGER,
    "source_id" INTEGER,
    "client_id" INTEGER,
    "acting_user" TEXT,
    "reason" TEXT,
    "fields" TEXT[],
    "case_version" INTEGER,

    CONSTRAINT "events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_records" (
    "client_id" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "result" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_records_pkey" PRIMARY KEY ("client_id","key")
);

-- CreateTable
CREATE TABLE "vault_probe" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "sealed" TEXT NOT NULL,

    CONSTRAINT "vault_probe_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "organisations_code_key" ON "organisations"("code");

-- CreateIndex
CREATE INDEX "organisations_parent_id_idx" ON "organisations"("parent_id");

-- CreateIndex
CREATE INDEX "organisations_name_id_idx" ON "organisations"("name", "id");

-- CreateIndex
CREATE INDEX "organisation_external_ids_organisation_id_idx" ON "organisation_external_ids"("organisation_id");

-- CreateIndex
CREATE INDEX "commissioning_commissioner_id_idx" ON "commissioning"("commissioner_id");

-- CreateIndex
CREATE UNIQUE INDEX "services_organisation_id_code_key" ON "services"("organisation_id", "code");

-- CreateIndex
CREATE UNIQUE INDEX "api_clients_name_key" ON "api_clients"("name");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_prefix_key" ON "api_keys"("prefix");

-- CreateIndex
CREATE INDEX "api_keys_client_id_idx" ON "api_keys"("client_id");

-- CreateIndex
CREATE UNIQUE INDEX "cases_reference_key" ON "cases"("reference");

-- CreateIndex
CREATE INDEX "cases_organisation_id_id_idx" ON "cases"("organisation_id", "id");

-- CreateIndex
CREATE INDEX "cases_client_id_id_idx" ON "cases"("client_id", "id");

-- CreateIndex
CREATE INDEX "cases_source_id_id_idx" ON "cases"("source_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "responses_reference_key" ON "responses"("reference");

-- CreateIndex
CREATE INDEX "responses_case_id_responded_at_id_idx" ON "responses"("case_id", "responded_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "sources_name_key" ON "sources"("name");

-- CreateIndex
CREATE INDEX "items_case_id_idx" ON "items"("case_id");

-- CreateIndex
CREATE INDEX "items_response_id_idx" ON "items"("response_id");

-- CreateIndex
CREATE UNIQUE INDEX "items_source_id_external_id_key" ON "items"("source_id", "external_id");

-- CreateIndex
CREATE INDEX "quarantined_items_source_id_external_id_idx" ON "quarantined_items"("source_id", "external_id");

-- CreateIndex
CREATE UNIQUE INDEX "quarantined_items_source_id_fingerprint_key" ON "quarantined_items"("source_id", "fingerprint");

-- CreateIndex
CREATE UNIQUE INDEX "runs_reference_key" ON "runs"("reference");

-- CreateIndex
CREATE INDEX "runs_source_id_id_idx" ON "runs"("source_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "events_position_key" ON "events"("position");

-- CreateIndex
CREATE INDEX "events_case_id_id_idx" ON "events"("case_id", "id");

-- CreateIndex
CREATE INDEX "idempotency_records_expires_at_idx" ON "idempotency_records"("expires_at");

-- AddForeignKey
ALTER TABLE "organisations" ADD CONSTRAINT "organisations_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "organisations" ADD CONSTRAINT "organisations_succeeded_by_id_fkey" FOREIGN KEY ("succeeded_by_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "organisation_external_ids" ADD CONSTRAINT "organisation_external_ids_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "commissioning" ADD CONSTRAINT "commissioning_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "commissioning" ADD CONSTRAINT "commissioning_commissioner_id_fkey" FOREIGN KEY ("commissioner_id") REFERENCES "organisations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "services" ADD CONSTRAINT "services_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_clients" ADD CONSTRAINT "api_clients_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_client_organisations" ADD CONSTRAINT "api_client_organisations_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_client_organisations" ADD CONSTRAINT "api_client_organisations_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "cases" ADD CONSTRAINT "cases_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "cases" ADD CONSTRAINT "cases_service_id_fkey" FOREIGN KEY ("service_id") REFERENCES "services"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "cases" ADD CONSTRAINT "cases_category_code_fkey" FOREIGN KEY ("category_code") REFERENCES "categories"("code") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "cases" ADD CONSTRAINT "cases_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "cases" ADD CONSTRAINT "cases_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "responses" ADD CONSTRAINT "responses_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "responses" ADD CONSTRAINT "responses_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "responses" ADD CONSTRAINT "responses_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "responses" ADD CONSTRAINT "responses_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sources" ADD CONSTRAINT "sources_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "items" ADD CONSTRAINT "items_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "items" ADD CONSTRAINT "items_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "items" ADD CONSTRAINT "items_response_id_fkey" FOREIGN KEY ("response_id") REFERENCES "responses"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "quarantined_items" ADD CONSTRAINT "quarantined_items_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "runs" ADD CONSTRAINT "runs_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "runs" ADD CONSTRAINT "runs_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "events" ADD CONSTRAINT "events_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "events" ADD CONSTRAINT "events_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "idempotency_records" ADD CONSTRAINT "idempotency_records_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand from here: what schema.prisma cannot say.

-- For GiST over a point and a bigint.
create extension if not exists btree_gist;

-- The key of a case: seconds since 2000-01-01 × 2^22 + a cycling tie-break. Unique, ordered by when the case was
-- reported, below 2^53 until 2068: cursor, sort order and geo-index key in one.
create sequence case_tie minvalue 0 maxvalue 4194303 cycle;

create function case_key(reported_at timestamptz) returns bigint language sql volatile
return greatest(0, floor(extract(epoch from reported_at) - 946684800))::bigint * 4194304 + nextval('case_tie');

-- Degrees to Web Mercator scaled to 0..1 (latitude clamped where the projection ends).
create function mercator(latitude float8, longitude float8) returns point language sql immutable strict parallel safe
return point(
  (longitude + 180) / 360,
  0.5 - ln((1 + sin(radians(greatest(-85.05112878, least(85.05112878, latitude)))))
         / (1 - sin(radians(greatest(-85.05112878, least(85.05112878, latitude)))))) / (4 * pi()));

-- RFC 3339 in UTC with milliseconds.
create function utc(at timestamptz) returns text language sql stable strict parallel safe
return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

alter table organisations
  add constraint organisations_code check (code ~ '^[A-Z0-9]{1,20}$'),
  add constraint organisations_not_own_parent check (parent_id <> id and succeeded_by_id <> id),
  add constraint organisations_position check (
    (latitude is null) = (longitude is null) and latitude between -90 and 90 and longitude between -180 and 180);

alter table api_clients
  add constraint api_clients_form_has_origins check (role <> 'form' or cardinality(origins) > 0),
  add constraint api_clients_source check ((role = 'feed_provider') = (source_id is not null));

alter table api_keys
  add constraint api_keys_hash check (octet_length(hash) = 32);

alter table cases
  add constraint cases_key check (id between 0 and 9007199254740991),
  add constraint cases_under_16_never_named check (not (under_16 and (privacy = 'named' or privacy_chosen = 'named'))),
  add constraint cases_never_more_public_than_chosen check (privacy <= privacy_chosen),
  add constraint cases_published_with_moderated_text check (publication <> 'published' or moderated_text is not null),
  add constraint cases_private_never_published check (publication <> 'published' or privacy_chosen <> 'private'),
  add constraint cases_public_name check (public_name is null or privacy = 'named'),
  add constraint cases_channel check ((channel = 'feed') = (source_id is not null)),
  add constraint cases_preferred_contact check (preferred_contact in ('email', 'phone')),
  add constraint cases_visit_month check (visit_month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
  add constraint cases_times check (
    (resolved_at is null or closed_at is not null) and (closed_at is null or acknowledged_at is not null)),
  add constraint cases_closed_has_time check (
    channel = 'feed' or status in ('open', 'in_progress') or closed_at is not null),
  add constraint cases_position check ((latitude is null) = (pt is null) and (latitude is null) = (longitude is null)),
  add constraint cases_version check (version >= 1);

-- What the public may read, newest first: the list, and maps of large areas; by organisation, category and status.
create index cases_public_feed on cases (id desc) where publication = 'published' and privacy <> 'private';
create index cases_public_by_organisation on cases (organisation_id, id desc) where publication = 'published' and privacy <> 'private';
create index cases_public_by_category on cases (category_code, id desc) where publication = 'published' and privacy <> 'private';
create index cases_public_open on cases (id desc)
  where publication = 'published' and privacy <> 'private' and status in ('open', 'in_progress');
-- Maps of small areas: the key as second column gives the newest first.
create index cases_public_pt on cases using gist (pt, id) where publication = 'published' and privacy <> 'private';
create index cases_public_open_pt on cases using gist (pt, id)
  where publication = 'published' and privacy <> 'private' and status in ('open', 'in_progress');
create index cases_awaiting_moderation on cases (priority desc, id) where publication = 'awaiting_moderation';

alter table sources
  add constraint sources_connector check ((connector is null) = (address_sealed is null));
create index sources_due on sources (next_check_at) where state <> 'paused' and connector is not null;

create index items_parked on items (source_id, parent_external_id) where state = 'parked';

alter table runs
  add constraint runs_finished check ((state = 'running') = (finished_at is null));
-- Whoever opens a poll's run holds the source and has closed what ran before.
create unique index runs_one_poll_running on runs (source_id) where state = 'running' and kind = 'poll';

alter table vault_probe
  add constraint vault_probe_one check (id = 1);

-- The change log is only ever added to; the sequencer gives each line its position, once.
create function events_only_grow() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.position is null then
    if (to_jsonb(new) - 'position') = (to_jsonb(old) - 'position') then
      return new;
    end if;
  end if;
  raise exception 'events are only ever added' using errcode = 'restrict_violation';
end $$;
create trigger events_only_grow before update or delete on events for each row execute function events_only_grow();

-- What a case can be about: the thirteen categories of the original service, and which of them can be urgent.
insert into categories (code, label, help, allows_high_priority, rank) values
  ('staff', 'Staff attitude', 'How the people who work there treated you.', true, 0),
  ('access', 'Access to service', 'Getting to, into or through to a service.', false, 1),
  ('delays', 'Delays', 'Waiting times, and appointments that came late or not at all.', true, 2),
  ('treatment', 'Your treatment', 'The care itself.', true, 3),
  ('communication', 'Communication', 'What you were told, and how.', true, 4),
  ('cleanliness', 'Cleanliness', 'Wards, rooms, toilets and equipment that were not clean.', true, 5),
  ('equipment', 'Equipment', 'Equipment that was missing or broken.', false, 6),
  ('medicines', 'Medicines', 'Medicines and prescriptions.', true, 7),
  ('food', 'Food', 'Meals, drinks and diets.', true, 8),
  ('dignity', 'Dignity and privacy', 'Being treated with respect.', true, 9),
  ('parking', 'Parking', 'Parking and its cost.', false, 10),
  ('lostproperty', 'Lost property', 'Something of yours is gone.', false, 11),
  ('other', 'Other', null, false, 12);
