import { rows, type Tx } from '../prisma/client.ts'
import { namedBy } from './import-order.ts'
import type { Known, Registry } from './import-registry.ts'
import type { RowGroup } from './import-rows.ts'
import { FORMER_CODES } from './organisations.ts'

/** Where the names of organisations on the website of the first service's day are filed; a source may share them. */
export const CHOICES_IDS = 'nhs-choices'

/**
 * What these rows need of the registry: what they name, what that belongs to, and what came after it. With `hold` nobody else changes
 * the organisations of the rows until the transaction ends.
 */
export async function loadRegistry(
  tx: Tx,
  groups: readonly RowGroup[],
  { hold }: { hold: boolean },
): Promise<Registry> {
  if (hold) {
    await rows(
      tx,
      'select 1 from organisations where code = any($1::text[]) order by id for no key update',
      [groups.map(({ code }) => code)],
      'hold-organisations-of-import',
    )
  }
  const codes = [...new Set(groups.flatMap(codesIn))]
  const aliases = [...new Set(groups.flatMap(({ rows }) => rows.flatMap(({ wanted }) => wanted.alias ?? [])))]
  const external = await rows<{ scheme: string; code: string; id: number }>(
    tx,
    `select scheme, code, organisation_id as id from organisation_external_ids
     where (scheme = '${FORMER_CODES}' and code = any($1::text[])) or (scheme = '${CHOICES_IDS}' and code = any($2::text[]))`,
    [codes, aliases],
    'codes-of-import',
  )
  const found = await rows<KnownRow>(
    tx,
    NEAR,
    [codes, external.map(({ id }) => id)],
    'organisations-of-import',
  )
  const known = found.map(({ services, ...one }): Known => ({ ...one, services: new Map(services) }))
  return {
    byId: new Map(known.map((one) => [one.id, one])),
    idOf: new Map(known.map(({ code, id }) => [code, id])),
    formerly: new Map(
      external.filter(({ scheme }) => scheme === FORMER_CODES).map(({ code, id }) => [code, id]),
    ),
    aliases: new Map(
      external.filter(({ scheme }) => scheme === CHOICES_IDS).map(({ code, id }) => [code, id]),
    ),
  }
}

type KnownRow = Omit<Known, 'services'> & { services: [code: string, name: string][] }

const NEAR = `
  with recursive near(id) as (
    select id from organisations where code = any($1::text[])
    union
    select unnest($2::int[])
    union
    select link.id from organisations o join near using (id)
    cross join lateral (values (o.parent_id), (o.succeeded_by_id)) as link(id) where link.id is not null
  )
  select o.id, o.code, o.name, o.kind, o.sector, o.region, o.address, o.postcode, o.website, o.latitude, o.longitude, o.active,
    o.closed_on::text as "closedOn", o.parent_id as "parentId", o.succeeded_by_id as "successorId", o.notify_email as "notifyEmail",
    o.notify_email_2 as "notifyEmail2", o.accepts_cases_from::text as "acceptsCasesFrom",
    array(select m.commissioner_id from commissioning m where m.organisation_id = o.id
          order by m."primary" desc, m.commissioner_id) as "commissionerIds",
    coalesce((select json_agg(json_build_array(s.code, s.name)) from services s where s.organisation_id = o.id), '[]') as services
  from organisations o join near using (id)`

function codesIn(group: RowGroup): string[] {
  const [{ wanted }] = group.rows
  return [group.code, ...namedBy(group), ...(wanted.formerCodes ?? [])]
}
