import { rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { CHOICES_IDS } from './import-load.ts'
import type { Plan } from './import-plan.ts'
import { type Known, type Registry, SETTINGS } from './import-registry.ts'
import { FORMER_CODES } from './organisations.ts'
import { type Registered, tellRegistry } from './registry.ts'
import { holdCasesAt, standAgain } from './stand-again.ts'

/** Writes what was planned, each table with one statement, and records what happened to each organisation. */
export async function writePlan(
  tx: Tx,
  client: ClientCaller | null,
  plan: Plan,
  registry: Registry,
  { dryRun }: { dryRun: boolean },
): Promise<void> {
  // A new position or another parent moves the cases that stand there.
  const moving = dryRun ? [] : [...plan.changed].filter(([, fields]) => isMoved(fields)).map(([id]) => id)
  if (moving.length > 0) await holdCasesAt(tx, moving)
  await insertOrganisations(tx, plan.created)
  const touched = new Set([
    ...plan.changed.keys(),
    ...plan.services.map(({ organisationId }) => organisationId),
  ])
  for (const { id } of plan.created) touched.delete(id)
  await updateOrganisations(
    tx,
    plan,
    [...touched].flatMap((id) => registry.byId.get(id) ?? []),
  )
  const commissioned = [
    ...plan.created.filter(({ commissionerIds }) => commissionerIds.length > 0),
    ...[...plan.changed].flatMap(([id, fields]) =>
      fields.has('commissioners') ? (registry.byId.get(id) ?? []) : [],
    ),
  ]
  await writeAllCommissioners(tx, commissioned)
  await writeServices(tx, plan.services)
  await fileExternalIds(tx, [
    ...plan.formerCodes.map((one) => ({ ...one, scheme: FORMER_CODES })),
    ...plan.aliases.map((one) => ({ ...one, scheme: CHOICES_IDS })),
  ])
  if (moving.length > 0) await standAgain(tx, client, moving)
  const events = eventsOf(plan)
  if (events.length > 0 && !dryRun) await tellRegistry(tx, client, events)
}

function isMoved(fields: ReadonlySet<string>): boolean {
  return fields.has('position') || fields.has('parent')
}

const COLUMNS = `id int, code text, name text, kind organisation_kind, sector sector, region text, address text, postcode text, website text,
  latitude float8, longitude float8, active boolean, closed_on date, parent_id int, succeeded_by_id int, notify_email text,
  notify_email_2 text, accepts_cases_from date, settings boolean`
const SAID = 'name, sector, region, address, postcode, website, latitude, longitude, parent_id'
const SETTING = 'notify_email, notify_email_2, accepts_cases_from'

async function insertOrganisations(tx: Tx, created: readonly Known[]): Promise<void> {
  if (created.length === 0) return
  const columns = `id, code, kind, active, closed_on, succeeded_by_id, ${SAID}, ${SETTING}`
  await rows(
    tx,
    `insert into organisations (${columns}) select ${columns} from json_to_recordset($1::json) as v(${COLUMNS})`,
    [JSON.stringify(created.map((one) => rowOf(one, false)))],
    'import-organisations',
  )
}

async function updateOrganisations(tx: Tx, { changed }: Plan, touched: readonly Known[]): Promise<void> {
  if (touched.length === 0) return
  const values = touched.map((one) =>
    rowOf(
      one,
      SETTINGS.some((field) => changed.get(one.id)?.has(field)),
    ),
  )
  await rows(
    tx,
    `update organisations o set (${SAID}, ${SETTING}) = (${columnsOf('v', `${SAID}, ${SETTING}`)}), version = o.version + 1,
       settings_version = o.settings_version + v.settings::int, updated_at = now()
     from json_to_recordset($1::json) as v(${COLUMNS}) where o.id = v.id`,
    [JSON.stringify(values)],
    'update-imported-organisations',
  )
}

function columnsOf(table: string, names: string): string {
  return names.replaceAll(/\w+/g, (name) => `${table}.${name}`)
}

function rowOf(one: Known, settings: boolean): Record<string, unknown> {
  return {
    id: one.id,
    code: one.code,
    name: one.name,
    kind: one.kind,
    sector: one.sector,
    region: one.region,
    address: one.address,
    postcode: one.postcode,
    website: one.website,
    latitude: one.latitude,
    longitude: one.longitude,
    active: one.active,
    closed_on: one.closedOn,
    parent_id: one.parentId,
    succeeded_by_id: one.successorId,
    notify_email: one.notifyEmail,
    notify_email_2: one.notifyEmail2,
    accepts_cases_from: one.acceptsCasesFrom,
    settings,
  }
}

async function writeAllCommissioners(tx: Tx, organisations: readonly Known[]): Promise<void> {
  if (organisations.length === 0) return
  const lists = organisations.flatMap(({ id, commissionerIds }) =>
    commissionerIds.map((commissioner, n) => ({ organisation: id, commissioner, first: n === 0 })),
  )
  await rows(
    tx,
    `with given as materialized (
       select organisation, commissioner, first from json_to_recordset($1::json) as v(organisation int, commissioner int, first boolean)
     ), removed as (
       delete from commissioning m where organisation_id = any($2::int[])
       and not exists (select from given where organisation = m.organisation_id and commissioner = m.commissioner_id)
     )
     insert into commissioning as m (organisation_id, commissioner_id, "primary") select organisation, commissioner, first from given
     on conflict (organisation_id, commissioner_id) do update set "primary" = excluded."primary"
       where m."primary" <> excluded."primary"`,
    [JSON.stringify(lists), organisations.map(({ id }) => id)],
    'import-commissioners',
  )
}

async function writeServices(tx: Tx, services: Plan['services']): Promise<void> {
  if (services.length === 0) return
  const last = new Map(services.map((one) => [`${one.organisationId} ${one.code}`, one]))
  await rows(
    tx,
    `insert into services (organisation_id, code, name)
     select "organisationId", code, name from json_to_recordset($1::json) as v("organisationId" int, code text, name text)
     on conflict (organisation_id, code) do update set name = excluded.name`,
    [JSON.stringify([...last.values()])],
    'import-services',
  )
}

async function fileExternalIds(
  tx: Tx,
  ids: readonly { scheme: string; code: string; organisationId: number }[],
): Promise<void> {
  if (ids.length === 0) return
  await rows(
    tx,
    `insert into organisation_external_ids (scheme, code, organisation_id)
     select scheme, code, "organisationId" from json_to_recordset($1::json) as v(scheme text, code text, "organisationId" int)`,
    [JSON.stringify(ids)],
    'file-imported-ids',
  )
}

function eventsOf({ created, changed, services }: Plan): Registered[] {
  const newOnes = new Set(created.map(({ id }) => id))
  return [
    ...created.map(
      ({ id }): Registered => ({ type: 'organisation.created', organisationId: id, fields: [] }),
    ),
    ...[...changed]
      .filter(([id]) => !newOnes.has(id))
      .map(
        ([id, fields]): Registered => ({
          type: 'organisation.changed',
          organisationId: id,
          fields: [...fields].sort(),
        }),
      ),
    ...services.map(
      ({ organisationId, isNew, code: _ }): Registered => ({
        type: isNew ? 'service.created' : 'service.changed',
        organisationId,
        fields: [isNew ? 'code' : 'name'],
      }),
    ),
  ]
}
