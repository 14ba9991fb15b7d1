-- CreateEnum
CREATE TYPE "commissioned" AS ENUM ('locally', 'nationally');

-- CreateEnum
CREATE TYPE "response_moderation" AS ENUM ('before', 'after');

-- CreateEnum
CREATE TYPE "feedback_notice" AS ENUM ('at_once', 'digest', 'none');

-- CreateEnum
CREATE TYPE "objection_kind" AS ENUM ('report', 'removal_request');

-- CreateEnum
CREATE TYPE "objection_state" AS ENUM ('open', 'upheld', 'declined');

-- CreateEnum
CREATE TYPE "referral_state" AS ENUM ('waiting', 'accepted', 'declined', 'cancelled');

-- CreateEnum
CREATE TYPE "message_author" AS ENUM ('reporter', 'provider', 'central');

-- CreateEnum
CREATE TYPE "notification_kind" AS ENUM ('case_for_organisation', 'referral_for_organisation', 'feedback_digest', 'urgent_for_on_call', 'receipt_for_reporter', 'question_for_reporter', 'response_for_reporter', 'closing_for_reporter', 'removal_for_reporter', 'restoration_for_reporter', 'survey_for_reporter');

-- CreateEnum
CREATE TYPE "notification_state" AS ENUM ('waiting', 'sent', 'failed', 'dropped');

-- DropForeignKey
ALTER TABLE "idempotency_records" DROP CONSTRAINT "idempotency_records_client_id_fkey";

-- AlterTable
ALTER TABLE "api_keys" ALTER COLUMN "scopes" SET DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "api_clients" ADD COLUMN     "follow_url" TEXT,
ADD COLUMN     "survey_url" TEXT,
ADD COLUMN     "test" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "cases" ADD COLUMN     "acknowledge_due_at" TIMESTAMPTZ(3),
ADD COLUMN     "assignee" TEXT,
ADD COLUMN     "breach" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "commissioned" "commissioned",
ADD COLUMN     "due_at" TIMESTAMPTZ(3),
ADD COLUMN     "email_index" BYTEA,
ADD COLUMN     "formal_complaint" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "former_organisation_ids" INTEGER[] DEFAULT ARRAY[]::INTEGER[],
ADD COLUMN     "held_until" TIMESTAMPTZ(3),
ADD COLUMN     "moderate_due_at" TIMESTAMPTZ(3),
ADD COLUMN     "outcome_at" TIMESTAMPTZ(3),
ADD COLUMN     "outcome_manner" BOOLEAN,
ADD COLUMN     "outcome_resolved" BOOLEAN,
ADD COLUMN     "passed_on" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "phone_index" BYTEA,
ADD COLUMN     "receipt_generation" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "respond_due_at" TIMESTAMPTZ(3),
ADD COLUMN     "test" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "sorted" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "urgent" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
-- By hand: what was kept is still known after the update.
ALTER TABLE "idempotency_records" ADD COLUMN "owner" TEXT;
UPDATE "idempotency_records" SET "owner" = "client_id"::text;
ALTER TABLE "idempotency_records" DROP CONSTRAINT "idempotency_records_pkey",
DROP COLUMN "client_id",
ALTER COLUMN "owner" SET NOT NULL,
ADD CONSTRAINT "idempotency_records_pkey" PRIMARY KEY ("owner", "key");

-- AlterTable
ALTER TABLE "events" ADD COLUMN     "about_client_id" INTEGER;

-- AlterTable
ALTER TABLE "organisations" ADD COLUMN     "accepts_cases_from" DATE,
ADD COLUMN     "feedback_notice" "feedback_notice" NOT NULL DEFAULT 'digest',
ADD COLUMN     "notify_email" TEXT,
ADD COLUMN     "notify_email_2" TEXT,
ADD COLUMN     "respond_url" TEXT,
ADD COLUMN     "response_moderation" "response_moderation" NOT NULL DEFAULT 'after',
ADD COLUMN     "settings_version" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "where_to_turn" TEXT;

-- CreateTable
CREATE TABLE "case_claims" (
    "case_id" BIGINT NOT NULL,
    "client_id" INTEGER NOT NULL,
    "acting_user" TEXT NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "case_claims_pkey" PRIMARY KEY ("case_id")
);

-- CreateTable
CREATE TABLE "decisions" (
    "id" BIGSERIAL NOT NULL,
    "case_id" BIGINT NOT NULL,
    "response_id" BIGINT,
    "action" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "edits" JSONB NOT NULL DEFAULT '[]',
    "note_sealed" TEXT,
    "client_id" INTEGER,
    "acting_user" TEXT,
    "decided_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "decisions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "response_edits" (
    "id" BIGSERIAL NOT NULL,
    "response_id" BIGINT NOT NULL,
    "text_sealed" TEXT NOT NULL,
    "acting_user" TEXT,
    "edited_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "response_edits_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "objections" (
    "id" BIGSERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "kind" "objection_kind" NOT NULL,
    "case_id" BIGINT NOT NULL,
    "organisation_id" INTEGER,
    "reason" TEXT NOT NULL,
    "text_sealed" TEXT,
    "client_id" INTEGER,
    "acting_user" TEXT,
    "state" "objection_state" NOT NULL DEFAULT 'open',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "decided_at" TIMESTAMPTZ(3),
    "decided_by" TEXT,
    "decision_reason" TEXT,

    CONSTRAINT "objections_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "referrals" (
    "id" BIGSERIAL NOT NULL,
    "case_id" BIGINT NOT NULL,
    "from_id" INTEGER NOT NULL,
    "to_id" INTEGER NOT NULL,
    "state" "referral_state" NOT NULL DEFAULT 'waiting',
    "client_id" INTEGER,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "answered_at" TIMESTAMPTZ(3),

    CONSTRAINT "referrals_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "notes" (
    "id" BIGSERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "case_id" BIGINT NOT NULL,
    "organisation_id" INTEGER,
    "shared" BOOLEAN NOT NULL DEFAULT false,
    "text_sealed" TEXT NOT NULL,
    "client_id" INTEGER,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "notes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "messages" (
    "id" BIGSERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "case_id" BIGINT NOT NULL,
    "author" "message_author" NOT NULL,
    "answers_id" BIGINT,
    "text_sealed" TEXT NOT NULL,
    "client_id" INTEGER,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "messages_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "images" (
    "id" BIGSERIAL NOT NULL,
    "token" TEXT NOT NULL,
    "case_id" BIGINT,
    "client_id" INTEGER,
    "media_type" TEXT NOT NULL,
    "width" INTEGER NOT NULL,
    "height" INTEGER NOT NULL,
    "bytes" INTEGER NOT NULL,
    "hidden" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "images_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "image_chunks" (
    "image_id" BIGINT NOT NULL,
    "n" INTEGER NOT NULL,
    "sealed" TEXT NOT NULL,

    CONSTRAINT "image_chunks_pkey" PRIMARY KEY ("image_id","n")
);

-- CreateTable
CREATE TABLE "surveys" (
    "id" BIGSERIAL NOT NULL,
    "case_id" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "answered_at" TIMESTAMPTZ(3),

    CONSTRAINT "surveys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "notifications" (
    "id" BIGSERIAL NOT NULL,
    "key" TEXT NOT NULL,
    "kind" "notification_kind" NOT NULL,
    "case_id" BIGINT,
    "organisation_id" INTEGER,
    "address" INTEGER NOT NULL DEFAULT 1,
    "state" "notification_state" NOT NULL DEFAULT 'waiting',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "problem" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMPTZ(3),

    CONSTRAINT "notifications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "accesses" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "client_id" INTEGER NOT NULL,
    "acting_user" TEXT,
    "operation" TEXT NOT NULL,
    "cases" TEXT[],

    CONSTRAINT "accesses_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "clock_policies" (
    "name" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "working_days" INTEGER,
    "hours" INTEGER,
    "version" INTEGER NOT NULL DEFAULT 1,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "clock_policies_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "store_secrets" (
    "name" TEXT NOT NULL,
    "sealed" TEXT NOT NULL,

    CONSTRAINT "store_secrets_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE INDEX "decisions_case_id_id_idx" ON "decisions"("case_id", "id");

-- CreateIndex
CREATE INDEX "decisions_response_id_idx" ON "decisions"("response_id");

-- CreateIndex
CREATE INDEX "response_edits_response_id_idx" ON "response_edits"("response_id");

-- CreateIndex
CREATE UNIQUE INDEX "objections_reference_key" ON "objections"("reference");

-- CreateIndex
CREATE INDEX "objections_case_id_id_idx" ON "objections"("case_id", "id");

-- CreateIndex
CREATE INDEX "objections_organisation_id_id_idx" ON "objections"("organisation_id", "id");

-- CreateIndex
CREATE INDEX "referrals_case_id_id_idx" ON "referrals"("case_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "notes_reference_key" ON "notes"("reference");

-- CreateIndex
CREATE INDEX "notes_case_id_id_idx" ON "notes"("case_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "messages_reference_key" ON "messages"("reference");

-- CreateIndex
CREATE INDEX "messages_case_id_id_idx" ON "messages"("case_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "images_token_key" ON "images"("token");

-- CreateIndex
CREATE INDEX "images_case_id_id_idx" ON "images"("case_id", "id");

-- CreateIndex
CREATE INDEX "images_expires_at_idx" ON "images"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "surveys_case_id_key" ON "surveys"("case_id");

-- CreateIndex
CREATE UNIQUE INDEX "notifications_key_key" ON "notifications"("key");

-- CreateIndex
CREATE INDEX "notifications_case_id_idx" ON "notifications"("case_id");

-- CreateIndex
CREATE INDEX "notifications_organisation_id_idx" ON "notifications"("organisation_id");

-- CreateIndex
CREATE INDEX "accesses_client_id_id_idx" ON "accesses"("client_id", "id");

-- CreateIndex
CREATE INDEX "accesses_cases_idx" ON "accesses" USING GIN ("cases");

-- CreateIndex
CREATE INDEX "cases_email_index_idx" ON "cases"("email_index");

-- CreateIndex
CREATE INDEX "cases_phone_index_idx" ON "cases"("phone_index");

-- AddForeignKey
ALTER TABLE "case_claims" ADD CONSTRAINT "case_claims_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "case_claims" ADD CONSTRAINT "case_claims_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_response_id_fkey" FOREIGN KEY ("response_id") REFERENCES "responses"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "response_edits" ADD CONSTRAINT "response_edits_response_id_fkey" FOREIGN KEY ("response_id") REFERENCES "responses"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "objections" ADD CONSTRAINT "objections_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "objections" ADD CONSTRAINT "objections_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "objections" ADD CONSTRAINT "objections_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "referrals" ADD CONSTRAINT "referrals_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "referrals" ADD CONSTRAINT "referrals_from_id_fkey" FOREIGN KEY ("from_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "referrals" ADD CONSTRAINT "referrals_to_id_fkey" FOREIGN KEY ("to_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "referrals" ADD CONSTRAINT "referrals_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notes" ADD CONSTRAINT "notes_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notes" ADD CONSTRAINT "notes_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notes" ADD CONSTRAINT "notes_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "messages" ADD CONSTRAINT "messages_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "messages" ADD CONSTRAINT "messages_answers_id_fkey" FOREIGN KEY ("answers_id") REFERENCES "messages"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "messages" ADD CONSTRAINT "messages_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "images" ADD CONSTRAINT "images_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "images" ADD CONSTRAINT "images_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "image_chunks" ADD CONSTRAINT "image_chunks_image_id_fkey" FOREIGN KEY ("image_id") REFERENCES "images"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "surveys" ADD CONSTRAINT "surveys_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "accesses" ADD CONSTRAINT "accesses_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- By hand from here: what schema.prisma cannot say.

-- A key has what its role has, unless it was given less.
update api_keys set scopes = '{}';

alter table cases
  add constraint cases_test_never_published check (not (test and publication = 'published')),
  add constraint cases_withdrawn_never_published check (not (status = 'withdrawn' and publication = 'published')),
  add constraint cases_outcome check (outcome_at is not null or (outcome_resolved is null and outcome_manner is null)),
  add constraint cases_held check (held_until is null or publication = 'awaiting_moderation');

alter table clock_policies
  add constraint clock_policies_one_unit check (num_nonnulls(working_days, hours) = 1),
  add constraint clock_policies_range check (coalesce(working_days, 0) between 0 and 250 and coalesce(hours, 0) between 0 and 8760);

alter table images
  add constraint images_size check (width > 0 and height > 0 and bytes > 0),
  add constraint images_waiting check ((case_id is null) = (expires_at is not null));

alter table notifications
  add constraint notifications_address check (address in (1, 2)),
  add constraint notifications_sent check ((state = 'sent') = (sent_at is not null));

-- What a worker looks for: messages to send, clocks that run, texts that a report has hidden.
create index notifications_waiting on notifications (next_attempt_at) where state = 'waiting';
create index cases_due on cases (due_at) where due_at is not null;
create index cases_held on cases (held_until) where held_until is not null;
create index cases_awaiting_second_tier on cases (id) where publication = 'awaiting_second_tier';
-- In the order of the queue (domain/queue.ts says it in the same words).
drop index cases_awaiting_moderation;
create index cases_awaiting_moderation
  on cases ((not urgent), (priority = 'normal'), (coalesce(moderate_due_at, 'infinity'::timestamptz)), id)
  where publication = 'awaiting_moderation';
create index responses_awaiting_moderation on responses (case_id) where publication = 'awaiting_moderation';
create index objections_open on objections (due_at) where state = 'open';
-- An organisation asks once; a case is on its way to one place at a time.
create unique index objections_one_removal_request on objections (case_id, organisation_id) where state = 'open' and kind = 'removal_request';
create unique index referrals_one_waiting on referrals (case_id) where state = 'waiting';

-- How long things may take. Working days are England's (domain/working-days.ts).
insert into clock_policies (name, label, working_days, hours) values
  ('moderate', 'A new case is moderated', 1, null),
  ('acknowledge', 'A concern or question is acknowledged', 3, null),
  ('respond', 'A concern or question is answered for good', 25, null),
  ('urgent', 'An urgent case is looked at', null, 4),
  ('referral', 'A referred case is accepted or declined', 2, null),
  ('removal_request', 'A removal request is decided', 2, null),
  ('report', 'A report from the public is decided; so long it hides a text', 1, null);
