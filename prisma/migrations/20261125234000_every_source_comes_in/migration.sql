-- CreateEnum
CREATE TYPE "term_kind" AS ENUM ('tag', 'question', 'service');

-- Written by hand: a value that is added to an enum cannot be used in the same transaction, and the indexes below do.
drop index runs_one_poll_running;
alter table runs drop constraint runs_finished;
alter type run_kind rename to run_kind_before;
create type run_kind as enum ('poll', 'push', 'webhook', 'text', 'probe', 'document', 'redrive', 'normalise');
alter table runs alter column kind type run_kind using kind::text::run_kind;
drop type run_kind_before;
alter type run_state rename to run_state_before;
create type run_state as enum ('waiting', 'running', 'succeeded', 'failed', 'cancelled');
alter table runs alter column state type run_state using state::text::run_state;
drop type run_state_before;

-- AlterTable
ALTER TABLE "items" ADD COLUMN     "listed_at" TIMESTAMPTZ(3),
ADD COLUMN     "missed_at" TIMESTAMPTZ(3),
ADD COLUMN     "read_by" TEXT,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;
update items set read_by = coalesce(s.connector, 'pushed') from sources s where s.id = items.source_id;
alter table items alter column read_by set not null;

-- AlterTable
ALTER TABLE "quarantined_items" ADD COLUMN     "attempts" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "dismissed_at" TIMESTAMPTZ(3),
ADD COLUMN     "read_by" TEXT,
ADD COLUMN     "reference" TEXT;
update quarantined_items q set read_by = coalesce(s.connector, 'pushed'), reference = gen_random_uuid()::text
  from sources s where s.id = q.source_id;
alter table quarantined_items alter column read_by set not null, alter column reference set not null;

-- AlterTable
ALTER TABLE "runs" ADD COLUMN     "acting_user" TEXT,
ADD COLUMN     "asked" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "attempts" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "claimed_until" TIMESTAMPTZ(3),
ADD COLUMN     "dry_run" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "total" INTEGER;

-- AlterTable
ALTER TABLE "sources" ADD COLUMN     "bookmark" TEXT,
ADD COLUMN     "failing_since" TIMESTAMPTZ(3),
ADD COLUMN     "fresh_minutes" INTEGER,
ADD COLUMN     "full_listing" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "gone_limit_percent" INTEGER NOT NULL DEFAULT 50,
ADD COLUMN     "gone_waiting" INTEGER,
ADD COLUMN     "host" TEXT,
ADD COLUMN     "last_changed_at" TIMESTAMPTZ(3),
ADD COLUMN     "last_failure_at" TIMESTAMPTZ(3),
ADD COLUMN     "last_failure_detail" TEXT,
ADD COLUMN     "last_failure_reason" TEXT,
ADD COLUMN     "mapping_version" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "max_document_bytes" INTEGER,
ADD COLUMN     "normalised_version" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "unmapped_counted_at" TIMESTAMPTZ(3),
ADD COLUMN     "unmapped_terms" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "accesses" ADD COLUMN     "subject" TEXT;

-- CreateTable
CREATE TABLE "source_secrets" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "source_id" INTEGER NOT NULL,
    "sealed" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "source_secrets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "category_mappings" (
    "source_id" INTEGER NOT NULL,
    "kind" "term_kind" NOT NULL,
    "term" TEXT NOT NULL,
    "category_code" TEXT NOT NULL,

    CONSTRAINT "category_mappings_pkey" PRIMARY KEY ("source_id","kind","term")
);

-- CreateTable
CREATE TABLE "item_versions" (
    "item_id" BIGINT NOT NULL,
    "version" INTEGER NOT NULL,
    "raw_sealed" TEXT NOT NULL,
    "read_by" TEXT NOT NULL,
    "source_updated_at" TIMESTAMPTZ(3),
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "item_versions_pkey" PRIMARY KEY ("item_id","version")
);

-- CreateTable
CREATE TABLE "run_documents" (
    "run_id" BIGINT NOT NULL,
    "content_type" TEXT NOT NULL,
    "sealed" TEXT NOT NULL,

    CONSTRAINT "run_documents_pkey" PRIMARY KEY ("run_id")
);

-- CreateTable
CREATE TABLE "run_results" (
    "run_id" BIGINT NOT NULL,
    "number" INTEGER NOT NULL,
    "external_id" TEXT,
    "outcome" TEXT NOT NULL,
    "case_id" BIGINT,
    "fields" TEXT[],
    "reason" TEXT,
    "detail" TEXT,

    CONSTRAINT "run_results_pkey" PRIMARY KEY ("run_id","number")
);

-- CreateIndex
CREATE UNIQUE INDEX "source_secrets_reference_key" ON "source_secrets"("reference");

-- CreateIndex
CREATE INDEX "source_secrets_source_id_idx" ON "source_secrets"("source_id");

-- CreateIndex
CREATE INDEX "category_mappings_category_code_idx" ON "category_mappings"("category_code");

-- CreateIndex
CREATE INDEX "run_results_case_id_idx" ON "run_results"("case_id");

-- CreateIndex
CREATE UNIQUE INDEX "quarantined_items_reference_key" ON "quarantined_items"("reference");

-- AddForeignKey
ALTER TABLE "source_secrets" ADD CONSTRAINT "source_secrets_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "category_mappings" ADD CONSTRAINT "category_mappings_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "sources"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "category_mappings" ADD CONSTRAINT "category_mappings_category_code_fkey" FOREIGN KEY ("category_code") REFERENCES "categories"("code") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "item_versions" ADD CONSTRAINT "item_versions_item_id_fkey" FOREIGN KEY ("item_id") REFERENCES "items"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run_documents" ADD CONSTRAINT "run_documents_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run_results" ADD CONSTRAINT "run_results_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run_results" ADD CONSTRAINT "run_results_case_id_fkey" FOREIGN KEY ("case_id") REFERENCES "cases"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- By hand from here: what schema.prisma cannot say.

update sources set fresh_minutes = 1440 where connector is not null;

alter table runs
  add constraint runs_finished check ((state in ('waiting', 'running')) = (finished_at is null)),
  add constraint runs_taken_up check (state <> 'waiting' or kind in ('probe', 'document', 'redrive', 'normalise'));
create unique index runs_one_poll_running on runs (source_id) where state = 'running' and kind = 'poll';
-- What a worker looks for: runs to take up, and those whose worker may have died.
create index runs_to_do on runs (id)
  where state in ('waiting', 'running') and kind in ('probe', 'document', 'redrive', 'normalise');
-- Of these a person is told.
create index runs_failed on runs (finished_at) where state = 'failed' and kind in ('document', 'redrive', 'normalise');
-- Polls that found nothing are most of all runs, and are forgotten first.
create index runs_uneventful on runs (finished_at) where outcome in ('not-modified', 'unchanged');
create index runs_eventful on runs (finished_at) where outcome not in ('not-modified', 'unchanged');

alter table sources
  add constraint sources_gone_limit check (gone_limit_percent between 1 and 100),
  add constraint sources_fresh check (fresh_minutes > 0),
  add constraint sources_max_document check (max_document_bytes > 0),
  add constraint sources_normalised check (normalised_version <= mapping_version);

create index quarantined_items_waiting on quarantined_items (source_id, id) where dismissed_at is null;
create index quarantined_items_dismissed on quarantined_items (source_id, id) where dismissed_at is not null;
create index source_secrets_working on source_secrets (source_id) where revoked_at is null;
-- What a listing lacked the last time, and a second time takes away.
create index items_missed on items (source_id) where missed_at is not null;

-- A first import fills these with nothing, once for each case: they need only what has a value.
drop index cases_client_id_id_idx, cases_email_index_idx, cases_phone_index_idx, items_response_id_idx;
create index cases_by_client on cases (client_id, id) where client_id is not null;
create index cases_by_email on cases (email_index) where email_index is not null;
create index cases_by_phone on cases (phone_index) where phone_index is not null;
create index items_by_response on items (response_id) where response_id is not null;

-- The same key as before; in floating point, which is exact for whole seconds, instead of numeric.
create or replace function case_key(reported_at timestamptz) returns bigint language sql volatile
return greatest(0, floor(date_part('epoch', reported_at) - 946684800))::bigint * 4194304 + nextval('case_tie');
