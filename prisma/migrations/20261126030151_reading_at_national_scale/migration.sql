-- AlterTable
ALTER TABLE "cases" ADD COLUMN     "place_given" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "log_state" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "position" BIGINT NOT NULL DEFAULT 0,
    "changes" INTEGER NOT NULL DEFAULT 0,
    "generation" TEXT NOT NULL DEFAULT gen_random_uuid(),
    "overdue_counted_at" TIMESTAMPTZ(3),

    CONSTRAINT "log_state_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "case_index" (
    "case_id" BIGINT NOT NULL,
    "organisation_id" INTEGER,
    "kind" "case_kind",
    "category_code" TEXT,
    "status" "case_status",
    "cell" BIGINT,
    "x" INTEGER,
    "y" INTEGER,
    "words" tsvector,
    "position" BIGINT,
    "places" box,

    CONSTRAINT "case_index_pkey" PRIMARY KEY ("case_id")
);

-- CreateTable
CREATE TABLE "case_counts" (
    "scope" SMALLINT NOT NULL,
    "place" BIGINT NOT NULL,
    "kind" "case_kind" NOT NULL,
    "category_code" TEXT NOT NULL,
    "status" "case_status" NOT NULL,
    "n" INTEGER NOT NULL,
    "x" BIGINT NOT NULL,
    "y" BIGINT NOT NULL,

    CONSTRAINT "case_counts_pkey" PRIMARY KEY ("scope","place","kind","category_code","status")
);

-- CreateTable
CREATE TABLE "place_counts" (
    "scope" SMALLINT NOT NULL,
    "place" BIGINT NOT NULL,
    "status" "case_status" NOT NULL,
    "n" INTEGER NOT NULL,
    "x" BIGINT NOT NULL,
    "y" BIGINT NOT NULL,

    CONSTRAINT "place_counts_pkey" PRIMARY KEY ("scope","place","status")
);

-- CreateTable
CREATE TABLE "overdue_counts" (
    "organisation_id" INTEGER NOT NULL,
    "n" INTEGER NOT NULL,

    CONSTRAINT "overdue_counts_pkey" PRIMARY KEY ("organisation_id")
);

-- CreateTable
CREATE TABLE "name_words" (
    "word" TEXT NOT NULL,

    CONSTRAINT "name_words_pkey" PRIMARY KEY ("word")
);

-- CreateTable
CREATE TABLE "organisation_words" (
    "word" TEXT NOT NULL,
    "organisation_id" INTEGER NOT NULL,
    "words" INTEGER NOT NULL,

    CONSTRAINT "organisation_words_pkey" PRIMARY KEY ("word","organisation_id")
);

-- CreateIndex
CREATE INDEX "organisation_words_organisation_id_idx" ON "organisation_words"("organisation_id");

-- CreateIndex
CREATE UNIQUE INDEX "case_index_position_key" ON "case_index"("position");

-- AddForeignKey
ALTER TABLE "organisation_words" ADD CONSTRAINT "organisation_words_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand from here: what schema.prisma cannot say.

-- For names that are misspelt, and for words without their accents.
create extension if not exists fuzzystrmatch;
create extension if not exists unaccent;

alter table log_state add constraint log_state_one check (id = 1);
insert into log_state default values;
-- The lines that have no position yet, in their order.
create index events_unplaced on events (id) where position is null;

-- English words in any form, without accents. Other languages are cut by the same rules, on both sides alike.
create text search configuration care_words (copy = pg_catalog.english);
alter text search configuration care_words
  alter mapping for asciiword, asciihword, hword_asciipart, word, hword, hword_part with unaccent, english_stem;

create index case_index_words on case_index using gin (words) where words is not null;
alter table case_index
  add constraint case_index_counted check (
    (organisation_id is null) = (status is null) and (organisation_id is null) = (kind is null)
    and (organisation_id is null) = (category_code is null)),
  add constraint case_index_place check (
    (cell is null) = (x is null) and (cell is null) = (y is null) and (cell is null or organisation_id is not null));

-- The map's cell at level 17 of a point in Web Mercator scaled to 0..1: rows and columns from the north-west, their bits
-- in turn (Morton order), so that the cell at a lower level is it without two bits for each level. In PL/pgSQL, because
-- that keeps its plan: as an SQL function it took fifty times as long.
create function map_cell(pt point) returns bigint language plpgsql immutable strict parallel safe as $$
declare
  map_column bigint := greatest(0, least(131071, floor(pt[0] * 131072)::bigint));
  map_row bigint := greatest(0, least(131071, floor(pt[1] * 131072)::bigint));
begin
  map_column := (map_column | (map_column << 16)) & 281470681808895;
  map_column := (map_column | (map_column << 8)) & 71777214294589695;
  map_column := (map_column | (map_column << 4)) & 1085102592571150095;
  map_column := (map_column | (map_column << 2)) & 3689348814741910323;
  map_column := (map_column | (map_column << 1)) & 6148914691236517205;
  map_row := (map_row | (map_row << 16)) & 281470681808895;
  map_row := (map_row | (map_row << 8)) & 71777214294589695;
  map_row := (map_row | (map_row << 4)) & 1085102592571150095;
  map_row := (map_row | (map_row << 2)) & 3689348814741910323;
  map_row := (map_row | (map_row << 1)) & 6148914691236517205;
  return map_column | (map_row << 1);
end $$;

-- Where many cases stand at one site, an index over places has to look at each of them to find the newest; along this one
-- every cell has its newest at hand. It is also cheaper to keep.
drop index cases_public_pt, cases_public_open_pt;
-- The walk along the keys looks at places too, and need not fetch a case for that.
drop index cases_public_feed;
create index cases_public_feed on cases (id desc) include (latitude, longitude) where publication = 'published' and privacy <> 'private';
create index cases_public_cell on cases (map_cell(pt), id) where publication = 'published' and privacy <> 'private';

-- A name as it is compared: without accents, capitals and apostrophes.
create function compared_name(name text) returns text language sql immutable strict parallel safe
return translate(lower(unaccent('unaccent', name)), '''’`', '');

create index organisations_pt on organisations using gist (mercator(latitude, longitude)) where latitude is not null;

-- The words by which a name is found, each once; without what says nothing.
create function compared_words(name text) returns text[] language sql immutable strict parallel safe
return array(
  select distinct left(case word when 'saint' then 'st' else word end, 100)
  from regexp_split_to_table(compared_name(name), '[^[:alnum:]]+') as word
  where word not in ('', 'and', 'of', 'the') order by 1);

create index name_words_initial on name_words ("left"(word, 1));

-- A new name has its words filed, for all organisations of a statement at once.
create function file_words() returns trigger language plpgsql as $$
begin
  insert into organisation_words (word, organisation_id, words)
    select word, id, cardinality(its_words) from changed, compared_words(name) as its_words, unnest(its_words) as word;
  -- In order, so that two at a time do not wait for each other in a circle.
  insert into name_words (word)
    select distinct word from organisation_words w join changed c on c.id = w.organisation_id order by word on conflict do nothing;
  return null;
end $$;
create trigger file_words after insert on organisations
  referencing new table as changed for each statement execute function file_words();

create function file_words_again() returns trigger language plpgsql as $$
begin
  delete from organisation_words w using changed c, before b where w.organisation_id = c.id and b.id = c.id and b.name <> c.name;
  insert into organisation_words (word, organisation_id, words)
    select word, c.id, cardinality(its_words)
    from changed c join before b using (id), compared_words(c.name) as its_words, unnest(its_words) as word where b.name <> c.name;
  insert into name_words (word)
    select distinct word from organisation_words w join changed c on c.id = w.organisation_id join before b using (id)
    where b.name <> c.name order by word on conflict do nothing;
  return null;
end $$;
create trigger file_words_again after update on organisations
  referencing old table as before new table as changed for each statement execute function file_words_again();

insert into organisation_words (word, organisation_id, words)
  select word, id, cardinality(its_words) from organisations, compared_words(name) as its_words, unnest(its_words) as word;
insert into name_words (word) select distinct word from organisation_words;

-- No event tells of an organisation: whoever writes one, by whatever way, moves the version of the data.
create function note_change_of_organisations() returns trigger language plpgsql as $$
begin
  update log_state set changes = changes + 1;
  return null;
end $$;
create trigger note_change after insert or update or delete on organisations
  for each statement execute function note_change_of_organisations();
create trigger note_change after insert or update or delete on services
  for each statement execute function note_change_of_organisations();
create trigger note_change after insert or update or delete on commissioning
  for each statement execute function note_change_of_organisations();

-- Great-circle distance on the mean sphere (haversine), at most 0.5 % off the ellipsoid. Not strict and without least(),
-- which takes no null for one: only so it is computed in place, ten times as fast.
create function metres_between(latitude1 float8, longitude1 float8, latitude2 float8, longitude2 float8) returns float8
language sql immutable parallel safe
return 12742017.6 * atan2(
  sqrt(sin(radians(latitude2 - latitude1) / 2) ^ 2
    + cos(radians(latitude1)) * cos(radians(latitude2)) * sin(radians(longitude2 - longitude1) / 2) ^ 2),
  sqrt(abs(1 - sin(radians(latitude2 - latitude1) / 2) ^ 2
    - cos(radians(latitude1)) * cos(radians(latitude2)) * sin(radians(longitude2 - longitude1) / 2) ^ 2)));
