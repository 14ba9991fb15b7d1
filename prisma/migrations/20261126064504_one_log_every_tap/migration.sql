-- CreateEnum
CREATE TYPE "query_view" AS ENUM ('public', 'mine');

-- CreateEnum
CREATE TYPE "subscription_state" AS ENUM ('active', 'paused', 'ended');

-- CreateEnum
CREATE TYPE "delivery_state" AS ENUM ('waiting', 'delivered', 'failed', 'cancelled');

-- CreateEnum
CREATE TYPE "digest_state" AS ENUM ('unconfirmed', 'active', 'ended');

-- CreateEnum
CREATE TYPE "digest_interval" AS ENUM ('day', 'week');

-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "notification_kind" ADD VALUE 'digest_confirmation';
ALTER TYPE "notification_kind" ADD VALUE 'query_digest';
ALTER TYPE "notification_kind" ADD VALUE 'subscription_paused';

-- AlterTable
ALTER TABLE "events" ADD COLUMN     "tells" JSONB;

-- AlterTable
ALTER TABLE "log_state" ADD COLUMN     "placed" BIGINT NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "notifications" ADD COLUMN     "digest_id" INTEGER,
ADD COLUMN     "provider_id" TEXT,
ADD COLUMN     "subscription_id" INTEGER;

-- CreateTable
CREATE TABLE "public_events" (
    "position" BIGINT NOT NULL,
    "type" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "case_id" BIGINT NOT NULL,
    "case_reference" TEXT NOT NULL,
    "fields" TEXT[],
    "organisation_id" INTEGER NOT NULL,
    "kind" "case_kind" NOT NULL,
    "category_code" TEXT NOT NULL,
    "status" "case_status" NOT NULL,
    "source_id" INTEGER,
    "language" TEXT,
    "reported_at" TIMESTAMPTZ(3) NOT NULL,
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "pt" point,
    "was_position" BIGINT,
    "left_organisation_id" INTEGER,

    CONSTRAINT "public_events_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "log_taps" (
    "name" TEXT NOT NULL,
    "position" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "log_taps_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "saved_queries" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "client_id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "view" "query_view" NOT NULL,
    "filter" JSONB NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "saved_queries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "subscriptions" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "client_id" INTEGER NOT NULL,
    "description" TEXT,
    "url_sealed" TEXT NOT NULL,
    "view" "query_view" NOT NULL,
    "query_id" INTEGER,
    "types" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "state" "subscription_state" NOT NULL DEFAULT 'active',
    "state_reason" TEXT,
    "notice_sealed" TEXT,
    "position" BIGINT NOT NULL,
    "failing_since" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "subscriptions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "subscription_secrets" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "subscription_id" INTEGER NOT NULL,
    "sealed" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "subscription_secrets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deliveries" (
    "id" BIGSERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "subscription_id" INTEGER NOT NULL,
    "position" BIGINT,
    "type" TEXT NOT NULL,
    "case_id" BIGINT,
    "case_reference" TEXT,
    "gone" BOOLEAN NOT NULL DEFAULT false,
    "state" "delivery_state" NOT NULL DEFAULT 'waiting',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "deliveries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "delivery_attempts" (
    "id" BIGSERIAL NOT NULL,
    "delivery_id" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "milliseconds" INTEGER NOT NULL,
    "status" INTEGER,
    "problem" TEXT,
    "answer_sealed" TEXT,

    CONSTRAINT "delivery_attempts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "digests" (
    "id" SERIAL NOT NULL,
    "reference" TEXT NOT NULL,
    "client_id" INTEGER NOT NULL,
    "query_id" INTEGER NOT NULL,
    "address_sealed" TEXT NOT NULL,
    "address_index" BYTEA NOT NULL,
    "every" "digest_interval" NOT NULL,
    "state" "digest_state" NOT NULL DEFAULT 'unconfirmed',
    "position" BIGINT NOT NULL,
    "next_at" TIMESTAMPTZ(3) NOT NULL,
    "confirmed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "digests_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "hub_topics" (
    "topic" TEXT NOT NULL,
    "position" BIGINT NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3),
    "problem" TEXT,
    "told_at" TIMESTAMPTZ(3),

    CONSTRAINT "hub_topics_pkey" PRIMARY KEY ("topic")
);

-- CreateIndex
CREATE INDEX "public_events_case_id_position_idx" ON "public_events"("case_id", "position");

-- CreateIndex
CREATE INDEX "public_events_organisation_id_position_idx" ON "public_events"("organisation_id", "position");

-- CreateIndex
CREATE UNIQUE INDEX "saved_queries_reference_key" ON "saved_queries"("reference");

-- CreateIndex
CREATE UNIQUE INDEX "saved_queries_client_id_name_key" ON "saved_queries"("client_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "subscriptions_reference_key" ON "subscriptions"("reference");

-- CreateIndex
CREATE INDEX "subscriptions_client_id_id_idx" ON "subscriptions"("client_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "subscription_secrets_reference_key" ON "subscription_secrets"("reference");

-- CreateIndex
CREATE INDEX "subscription_secrets_subscription_id_idx" ON "subscription_secrets"("subscription_id");

-- CreateIndex
CREATE UNIQUE INDEX "deliveries_reference_key" ON "deliveries"("reference");

-- CreateIndex
CREATE INDEX "deliveries_subscription_id_id_idx" ON "deliveries"("subscription_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "deliveries_subscription_id_position_key" ON "deliveries"("subscription_id", "position");

-- CreateIndex
CREATE INDEX "delivery_attempts_delivery_id_id_idx" ON "delivery_attempts"("delivery_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "digests_reference_key" ON "digests"("reference");

-- CreateIndex
CREATE INDEX "digests_client_id_id_idx" ON "digests"("client_id", "id");

-- CreateIndex
CREATE INDEX "digests_query_id_idx" ON "digests"("query_id");

-- CreateIndex
CREATE UNIQUE INDEX "digests_client_id_query_id_address_index_key" ON "digests"("client_id", "query_id", "address_index");

-- CreateIndex
CREATE UNIQUE INDEX "notifications_provider_id_key" ON "notifications"("provider_id");

-- CreateIndex
CREATE INDEX "notifications_state_id_idx" ON "notifications"("state", "id");

-- AddForeignKey
ALTER TABLE "saved_queries" ADD CONSTRAINT "saved_queries_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_query_id_fkey" FOREIGN KEY ("query_id") REFERENCES "saved_queries"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "subscription_secrets" ADD CONSTRAINT "subscription_secrets_subscription_id_fkey" FOREIGN KEY ("subscription_id") REFERENCES "subscriptions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_subscription_id_fkey" FOREIGN KEY ("subscription_id") REFERENCES "subscriptions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivery_attempts" ADD CONSTRAINT "delivery_attempts_delivery_id_fkey" FOREIGN KEY ("delivery_id") REFERENCES "deliveries"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "digests" ADD CONSTRAINT "digests_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "api_clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "digests" ADD CONSTRAINT "digests_query_id_fkey" FOREIGN KEY ("query_id") REFERENCES "saved_queries"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_digest_id_fkey" FOREIGN KEY ("digest_id") REFERENCES "digests"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_subscription_id_fkey" FOREIGN KEY ("subscription_id") REFERENCES "subscriptions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AlterTable
ALTER TABLE "api_clients" ADD COLUMN     "digest_url" TEXT;

-- By hand from here: what schema.prisma cannot say.

-- Whoever gives events their positions is woken when one is committed; many in one transaction wake it once.
create function wake_change_log() returns trigger language plpgsql as $$
begin
  perform pg_notify('care_connect_events', '');
  return null;
end $$;
create trigger events_wake after insert on events for each statement execute function wake_change_log();

-- What was said before there were public lines: that each public case is published, at the last change that was seen.
update log_state set placed = greatest(position, (select coalesce(max(position), 0) from events));
insert into public_events (position, type, at, case_id, case_reference, fields, organisation_id, kind, category_code, status,
  source_id, language, reported_at, latitude, longitude, pt)
select e.position, 'case.published', e.at, c.id, c.reference, '{}', c.organisation_id, c.kind, c.category_code, c.status,
  c.source_id, c.language, c.reported_at, c.latitude, c.longitude, c.pt
from case_index i join events e on e.position = i.position join cases c on c.id = i.case_id
where c.publication = 'published' and c.privacy <> 'private';

alter table public_events
  add constraint public_events_was check (was_position < position);
-- Cases that were taken over by another organisation, for the feed of the one before: few.
create index public_events_left on public_events (left_organisation_id, position) where left_organisation_id is not null;

alter table deliveries
  add constraint deliveries_settled check ((state = 'waiting') = (settled_at is null));
-- What waits, in the order in which it is due, and of one case in the order of the log.
create index deliveries_waiting on deliveries (subscription_id, next_attempt_at, id) where state = 'waiting';
create index deliveries_of_case on deliveries (subscription_id, case_id, id) where state = 'waiting';
create index deliveries_settled on deliveries (settled_at) where settled_at is not null;

create index digests_due on digests (next_at) where state = 'active';
-- Of which cases it was told that they are overdue.
create index events_overdue on events (case_id, at) where type = 'case.overdue';
create index digests_unconfirmed on digests (created_at) where state = 'unconfirmed';
create index notifications_of_digest on notifications (digest_id) where digest_id is not null;
-- What must not wait behind everything else, to be found however much waits (domain/work-health.ts).
create index notifications_waiting_by_kind on notifications (kind, next_attempt_at) where state = 'waiting';

alter table notifications add constraint notifications_about check (num_nonnulls(digest_id, subscription_id) <= 1);

-- Events that somebody is to be told of, for the tap that does: few of the log.
create index events_tell on events (position) where tells is not null;
-- It begins where the log stands: what came before has been told.
insert into log_taps (name, position) select 'notifications', placed from log_state;
