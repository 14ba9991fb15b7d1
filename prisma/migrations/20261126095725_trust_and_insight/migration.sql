-- CreateEnum
CREATE TYPE "import_outcome" AS ENUM ('created', 'changed', 'unchanged', 'skipped', 'refused');

-- CreateEnum
CREATE TYPE "escalation_state" AS ENUM ('waiting', 'acknowledged', 'resolved');

-- CreateEnum
CREATE TYPE "extension_state" AS ENUM ('waiting', 'agreed', 'declined', 'cancelled');

-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "notification_kind" ADD VALUE 'escalation_for_commissioner';
ALTER TYPE "notification_kind" ADD VALUE 'escalation_for_national_contact';
ALTER TYPE "notification_kind" ADD VALUE 'extension_for_reporter';

-- AlterTable
ALTER TABLE "cases" ADD COLUMN     "anonymised_at" TIMESTAMPTZ(3),
ADD COLUMN     "paused_at" TIMESTAMPTZ(3),
ALTER COLUMN "original_sealed" DROP NOT NULL;

-- AlterTable
ALTER TABLE "organisations" ADD COLUMN     "address" TEXT,
ADD COLUMN     "closed_on" DATE,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "website" TEXT;

-- AlterTable
ALTER TABLE "services" ADD COLUMN     "active" BOOLEAN NOT NULL DEFAULT true;

-- CreateTable
CREATE TABLE "organisation_imports" (
    "id" BIGSERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "layout" TEXT NOT NULL,
    "update" BOOLEAN NOT NULL DEFAULT false,
    "dry_run" BOOLEAN NOT NULL DEFAULT false,
    "document_sealed" TEXT,
    "state" "run_state" NOT NULL DEFAULT 'waiting',
    "problem" TEXT,
    "counts" JSONB NOT NULL DEFAULT '{}',
    "client_id" INTEGER,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "claimed_until" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "organisation_imports_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "organisation_import_rows" (
    "import_id" BIGINT NOT NULL,
    "line" INTEGER NOT NULL,
    "code" TEXT,
    "outcome" "import_outcome" NOT NULL,
    "fields" TEXT[],
    "problem" TEXT,
    "detail" TEXT,

    CONSTRAINT "organisation_import_rows_pkey" PRIMARY KEY ("import_id","line")
);

-- CreateTable
CREATE TABLE "public_figures" (
    "scope" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "window" TEXT NOT NULL,
    "cases" INTEGER,
    "body" JSONB NOT NULL,
    "as_of" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "public_figures_pkey" PRIMARY KEY ("scope","subject","window")
);

-- CreateTable
CREATE TABLE "withheld_counts" (
    "id" SERIAL NOT NULL,
    "organisation_id" INTEGER,
    "week" DATE NOT NULL,
    "cases" INTEGER NOT NULL,

    CONSTRAINT "withheld_counts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "retention_policies" (
    "id" SERIAL NOT NULL,
    "kind" "case_kind",
    "source_id" INTEGER,
    "anonymise_after_days" INTEGER,
    "delete_after_days" INTEGER,
    "raw_after_days" INTEGER,
    "version" INTEGER NOT NULL DEFAULT 1,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "retention_policies_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "retention_runs" (
    "id" BIGSERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "dry_run" BOOLEAN NOT NULL,
    "night" DATE,
    "state" "run_state" NOT NULL DEFAULT 'waiting',
    "counts" JSONB NOT NULL DEFAULT '[]',
    "client_id" INTEGER,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "claimed_until" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "retention_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "legal_holds" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "case_id" BIGINT,
    "organisation_id" INTEGER,
    "reason_sealed" TEXT,
    "client_id" INTEGER NOT NULL,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "ended_by" TEXT,

    CONSTRAINT "legal_holds_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "erasures" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "of" TEXT NOT NULL,
    "cases" INTEGER NOT NULL,
    "held" INTEGER NOT NULL,
    "items" INTEGER NOT NULL,
    "digests" INTEGER NOT NULL,
    "client_id" INTEGER NOT NULL,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "erasures_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "erased_hashes" (
    "hash" BYTEA NOT NULL,
    "kind" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "erased_hashes_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "ledger_state" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "lines" BIGINT NOT NULL DEFAULT 0,
    "ledger" TEXT,
    "head" TEXT,

    CONSTRAINT "ledger_state_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "recalls" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "case_reference" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "erasure_id" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recalls_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "recall_holders" (
    "recall_id" INTEGER NOT NULL,
    "client_id" INTEGER NOT NULL,
    "how" TEXT NOT NULL,
    "told_at" TIMESTAMPTZ(3),
    "confirmed_at" TIMESTAMPTZ(3),
    "confirmed_by" TEXT,

    CONSTRAINT "recall_holders_pkey" PRIMARY KEY ("recall_id","client_id")
);

-- CreateTable
CREATE TABLE "delivered_copies" (
    "case_id" BIGINT NOT NULL,
    "client_id" INTEGER NOT NULL,

    CONSTRAINT "delivered_copies_pkey" PRIMARY KEY ("case_id","client_id")
);

-- CreateTable
CREATE TABLE "response_templates" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "organisation_id" INTEGER,
    "statuses" "case_status"[] DEFAULT ARRAY[]::"case_status"[],
    "kinds" "case_kind"[] DEFAULT ARRAY[]::"case_kind"[],
    "categories" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "text" TEXT NOT NULL,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "client_id" INTEGER,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "response_templates_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "escalations" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "case_id" BIGINT NOT NULL,
    "to_id" INTEGER,
    "reason" TEXT NOT NULL,
    "text_sealed" TEXT,
    "answer_sealed" TEXT,
    "state" "escalation_state" NOT NULL DEFAULT 'waiting',
    "client_id" INTEGER,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "acknowledged_at" TIMESTAMPTZ(3),
    "resolved_at" TIMESTAMPTZ(3),
    "answered_by" TEXT,

    CONSTRAINT "escalations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "pauses" (
    "id" SERIAL NOT NULL,
    "case_id" BIGINT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "end_reason" TEXT,
    "client_id" INTEGER,
    "acting_user" TEXT,

    CONSTRAINT "pauses_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "extensions" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "case_id" BIGINT NOT NULL,
    "working_days" INTEGER NOT NULL,
    "reason_sealed" TEXT NOT NULL,
    "consent" TEXT NOT NULL,
    "state" "extension_state" NOT NULL,
    "client_id" INTEGER,
    "acting_user" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "answered_at" TIMESTAMPTZ(3),

    CONSTRAINT "extensions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "event_seals" (
    "position" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,

    CONSTRAINT "event_seals_pkey" PRIMARY KEY ("position")
);

-- CreateIndex
CREATE UNIQUE INDEX "organisation_imports_reference_key" ON "organisation_imports"("reference");

-- CreateIndex
CREATE INDEX "withheld_counts_week_organisation_id_idx" ON "withheld_counts"("week", "organisation_id");

-- CreateIndex
CREATE UNIQUE INDEX "retention_runs_reference_key" ON "retention_runs"("reference");

-- CreateIndex
CREATE UNIQUE INDEX "retention_runs_night_key" ON "retention_runs"("night");

-- CreateIndex
CREATE UNIQUE INDEX "legal_holds_reference_key" ON "legal_holds"("reference");

-- CreateIndex
CREATE INDEX "legal_holds_case_id_idx" ON "legal_holds"("case_id");

-- CreateIndex
CREATE INDEX "legal_holds_organisation_id_idx" ON "legal_holds"("organisation_id");

-- CreateIndex
CREATE UNIQUE INDEX "erasures_reference_key" ON "erasures"("reference");

-- CreateIndex
CREATE UNIQUE INDEX "recalls_reference_key" ON "recalls"("reference");

-- CreateIndex
CREATE INDEX "recalls_case_reference_idx" ON "recalls"("case_reference");

-- CreateIndex
CREATE INDEX "recall_holders_client_id_recall_id_idx" ON "recall_holders"("client_id", "recall_id");

-- CreateIndex
CREATE UNIQUE INDEX "response_templates_reference_key" ON "response_templates"("reference");

-- CreateIndex
CREATE UNIQUE INDEX "escalations_reference_key" ON "escalations"("reference");

-- CreateIndex
CREATE INDEX "escalations_case_id_id_idx" ON "escalations"("case_id", "id");

-- CreateIndex
CREATE INDEX "escalations_to_id_id_idx" ON "escalations"("to_id", "id");

-- CreateIndex
CREATE INDEX "escalations_due_at_id_idx" ON "escalations"("due_at", "id");

-- CreateIndex
CREATE INDEX "pauses_case_id_id_idx" ON "pauses"("case_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "extensions_reference_key" ON "extensions"("reference");

-- CreateIndex
CREATE INDEX "extensions_case_id_id_idx" ON "extensions"("case_id", "id");

-- CreateIndex
CREATE INDEX "organisations_succeeded_by_id_idx" ON "organisations"("succeeded_by_id");

-- AddForeignKey
ALTER TABLE "organisation_imports" ADD CONSTRAINT "organisation_imports_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "organisation_import_rows" ADD CONSTRAINT "organisation_import_rows_import_id_fkey" FOREIGN KEY ("import_id") REFERENCES "organisation_imports"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "retention_policies" ADD CONSTRAINT "retention_policies_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "retention_runs" ADD CONSTRAINT "retention_runs_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "legal_holds" ADD CONSTRAINT "legal_holds_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "legal_holds" ADD CONSTRAINT "legal_holds_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "legal_holds" ADD CONSTRAINT "legal_holds_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "erasures" ADD CONSTRAINT "erasures_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recalls" ADD CONSTRAINT "recalls_erasure_id_fkey" FOREIGN KEY ("erasure_id") REFERENCES "erasures"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recall_holders" ADD CONSTRAINT "recall_holders_recall_id_fkey" FOREIGN KEY ("recall_id") REFERENCES "recalls"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recall_holders" ADD CONSTRAINT "recall_holders_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivered_copies" ADD CONSTRAINT "delivered_copies_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivered_copies" ADD CONSTRAINT "delivered_copies_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "response_templates" ADD CONSTRAINT "response_templates_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "response_templates" ADD CONSTRAINT "response_templates_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "escalations" ADD CONSTRAINT "escalations_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "escalations" ADD CONSTRAINT "escalations_to_id_fkey" FOREIGN KEY ("to_id") REFERENCES "organisations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "escalations" ADD CONSTRAINT "escalations_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pauses" ADD CONSTRAINT "pauses_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pauses" ADD CONSTRAINT "pauses_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "extensions" ADD CONSTRAINT "extensions_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "extensions" ADD CONSTRAINT "extensions_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- By hand from here on: what Prisma cannot say.

alter table organisation_imports
  add constraint organisation_imports_layout check (layout in ('own', 'commissioners', 'parents', 'organisations', 'ods_trusts',
    'ods_sites', 'ods_practices', 'ods_branches', 'ods_commissioners', 'ods_successors'));
create index organisation_imports_waiting on organisation_imports (id) where state in ('waiting', 'running');

-- An import that only tries what would become of a file takes all of it back: nobody is to wait for it meanwhile.
create or replace function note_change_of_organisations() returns trigger language plpgsql as $$
begin
  if current_setting('care_connect.dry_run', true) = 'on' then return null; end if;
  update log_state set changes = changes + 1;
  return null;
end $$;

alter table organisations
  add constraint organisations_not_its_own_successor check (succeeded_by_id <> id),
  add constraint organisations_closed check (closed_on is null or not active),
  add constraint organisations_succeeded check (succeeded_by_id is null or not active) not valid;

alter table retention_policies
  add constraint retention_policies_days check (coalesce(anonymise_after_days, 1) > 0 and coalesce(delete_after_days, 1) > 0
    and coalesce(raw_after_days, 1) > 0);
create unique index retention_policies_source_kind on retention_policies (source_id, kind) where source_id is not null and kind is not null;
create unique index retention_policies_source on retention_policies (source_id) where kind is null and source_id is not null;
create unique index retention_policies_kind on retention_policies (kind) where source_id is null and kind is not null;
create unique index retention_policies_else on retention_policies ((true)) where source_id is null and kind is null;
-- Nothing goes until somebody says when.
insert into retention_policies (kind, source_id) values (null, null);
create index retention_runs_waiting on retention_runs (id) where state in ('waiting', 'running');

alter table legal_holds
  add constraint legal_holds_of_one check (num_nonnulls(case_id, organisation_id) = 1);

alter table erased_hashes
  add constraint erased_hashes_hash check (octet_length(hash) = 32),
  add constraint erased_hashes_kind check (kind in ('case', 'item', 'address'));
alter table ledger_state add constraint ledger_state_one_row check (id = 1);
insert into ledger_state default values;

-- Who was sent what of a case, to call the copies back.
create index deliveries_about on deliveries (case_id) where case_id is not null and not gone;
alter table recalls
  add constraint recalls_reason check (reason in ('consent_withdrawn', 'erased', 'withdrawn', 'removed'));
alter table recall_holders
  add constraint recall_holders_how check (how in ('webhook', 'read'));

-- What waits with the central team (domain/queue-ages.ts).
create index cases_open_questions on cases (id) where kind = 'question' and not passed_on and status in ('open', 'in_progress');

create unique index response_templates_code on response_templates (organisation_id, code) where organisation_id is not null;
create unique index response_templates_central_code on response_templates (code) where organisation_id is null;

create unique index escalations_open on escalations (case_id) where state <> 'resolved';
create unique index pauses_open on pauses (case_id) where ended_at is null;
create index pauses_over on pauses (until) where ended_at is null;
alter table pauses
  add constraint pauses_ended check ((ended_at is null) = (end_reason is null)),
  add constraint pauses_end_reason check (end_reason in ('answered', 'closed', 'moved', 'ended', 'over'));
create unique index extensions_waiting on extensions (case_id) where state = 'waiting';
alter table extensions
  add constraint extensions_days check (working_days between 1 and 60),
  add constraint extensions_consent check (consent in ('asked', 'phone', 'email', 'letter', 'in_person'));

alter table event_seals add constraint event_seals_hash check (octet_length(hash) = 32);
create function event_seals_only_grow() returns trigger language plpgsql as $$
begin
  raise exception 'the seals of events are only ever added' using errcode = 'restrict_violation';
end $$;
create trigger event_seals_only_grow before update or delete or truncate on event_seals
  for each statement execute function event_seals_only_grow();

insert into clock_policies (name, label, working_days, hours) values
  ('escalation', 'An escalated case is taken up', 2, null);

-- Counted with all other figures of the public now: two counts of the same cases at two times say what neither may say.
drop table overdue_counts;
alter table log_state drop column overdue_counted_at;

create index public_figures_listed on public_figures (scope, "window", cases);

-- Whoever deletes a message looks for what answers it.
create index messages_by_answer on messages (answers_id) where answers_id is not null;

-- What came after an organisation took over from it: it is closed (domain/succession.ts).
update organisations set active = false where active and succeeded_by_id is not null;
alter table organisations
  add constraint organisations_open_or_closed check (not active or (closed_on is null and succeeded_by_id is null));
