import { type Db, type OrganisationKind, row, rows, type Sector, type Sql } from '../prisma/client.ts'
import { DomainError, invalid } from './errors.ts'
import { isSucceeded } from './succession.ts'

export type OrganisationName = { code: string; name: string }

/** An organisation with everything that the public may know of it. */
export type OrganisationDetail = {
  code: string
  name: string
  kind: OrganisationKind
  sector: Sector | null
  region: string | null
  address: string | null
  postcode: string | null
  website: string | null
  active: boolean
  /** The first day on which it was closed. */
  closedOn: string | null
  version: number
  latitude: number | null
  longitude: number | null
  parent: OrganisationName | null
  successor: OrganisationName | null
  services: OrganisationName[]
  commissioners: OrganisationName[]
  /** From the point that was asked for. */
  distanceMetres?: number
  figures?: OrganisationFigures
}

/** Of its own published cases; a number from 1 to 4 is null. */
export type OrganisationFigures = {
  open: number | null
  closed: number | null
  overdue: number | null
  /** When overdue was counted. */
  asOf: string | null
}

/** Where ODS codes of the past are filed among the external ids. */
export const FORMER_CODES = 'ods-former'

/** SQL for everything that the public may know of an organisation `o`. */
export const DETAIL = `
  o.code, o.name, o.kind, o.sector, o.region, o.address, o.postcode, o.website, o.active, o.closed_on::text as "closedOn",
  o.version, o.latitude, o.longitude,
  (select json_build_object('code', p.code, 'name', p.name) from organisations p where p.id = o.parent_id) as parent,
  (select json_build_object('code', s.code, 'name', s.name) from organisations s where s.id = o.succeeded_by_id) as successor,
  coalesce((select json_agg(json_build_object('code', s.code, 'name', s.name) order by s.name, s.code)
            from services s where s.organisation_id = o.id and s.active), '[]') as services,
  coalesce((select json_agg(json_build_object('code', c.code, 'name', c.name) order by m."primary" desc, c.name, c.code)
            from commissioning m join organisations c on c.id = m.commissioner_id
            where m.organisation_id = o.id and not ${isSucceeded('c')}), '[]') as commissioners`

/** The organisations with these codes as they are filed, by code; what is unknown is left out. */
export async function organisationsByCode(db: Db, codes: readonly string[]): Promise<OrganisationDetail[]> {
  return rows<OrganisationDetail>(
    db.pool,
    `select ${DETAIL} from organisations o where o.code = any($1::text[]) order by o.code`,
    [codes],
    'organisations-by-code',
  )
}

/** One organisation by its code in any form; throws `not_found`. */
export async function getOrganisation(db: Db, code: string): Promise<OrganisationDetail> {
  const id = await findOrganisationId(db.pool, code)
  const found =
    id === null
      ? undefined
      : await row<OrganisationDetail>(
          db.pool,
          `select ${DETAIL} from organisations o where o.id = $1`,
          [id],
          'get-organisation',
        )
  if (found === undefined)
    throw new DomainError('not_found', { detail: `There is no organisation with the code "${code}".` })
  return found
}

/**
 * The organisations under `codes`, themselves and what they succeeded included, as ids, each once; with a branch goes its
 * surgery, where the cases of all its branches stand. Throws `validation_failed` at the parameter for an unknown code.
 */
export async function organisationTree(db: Db, codes: readonly string[]): Promise<number[]> {
  const roots = await organisationIdsAt(db.pool, codes)
  const found = await rows<{ id: number }>(
    db.pool,
    `with recursive tree(id) as (
       select unnest($1::int[])
       union
       select o.id from organisations o join tree on o.parent_id = tree.id or o.succeeded_by_id = tree.id
     )
     select id from tree
     union
     select parent_id from organisations where id = any($1::int[]) and kind = 'gp_branch' and parent_id is not null`,
    [roots],
    'organisation-tree',
  )
  return found.map(({ id }) => id)
}

/** The organisations with these codes in any form, alone, as ids; what is unknown is left out. */
export async function organisationsThemselves(db: Db, codes: readonly string[]): Promise<number[]> {
  return (await idsByCode(db.pool, codes.map(canonicalCode))).map(({ id }) => id)
}

/** The organisations in these regions, and below them what has no region of its own, as ids. */
export async function organisationsIn(db: Db, regions: readonly string[]): Promise<number[]> {
  const found = await rows<{ id: number }>(db.pool, inRegions('$1'), [regions], 'organisations-in-regions')
  return found.map(({ id }) => id)
}

/** SQL for the ids of `organisationsIn`, of the regions in a parameter. */
export function inRegions(parameter: string): string {
  return `
    with recursive here(id) as (
      select id from organisations where region = any(${parameter}::text[])
      union
      select below.id from organisations below join here on below.parent_id = here.id where below.region is null
    )
    select id from here`
}

/** The id behind an ODS code in any form: any case, with blanks, or a former one; null when unknown. */
export async function findOrganisationId(sql: Sql, code: string): Promise<number | null> {
  const found = await row<{ id: number }>(
    sql,
    `select id from organisations where code = $1
     union all
     select organisation_id from organisation_external_ids where scheme = '${FORMER_CODES}' and code = $1
     limit 1`,
    [canonicalCode(code)],
    'find-organisation',
  )
  return found?.id ?? null
}

/** The id behind a code that a parameter gives; throws `validation_failed` there for an unknown one. */
export async function organisationIdAt(sql: Sql, code: string, parameter: string): Promise<number> {
  const id = await findOrganisationId(sql, code)
  if (id === null) throw unknownOrganisation(parameter, code)
  return id
}

/** ODS codes are written with capitals and without blanks. */
export function canonicalCode(code: string): string {
  return code.replace(/[\s-]/g, '').toUpperCase()
}

async function organisationIdsAt(sql: Sql, codes: readonly string[]): Promise<number[]> {
  const wanted = codes.map(canonicalCode)
  const found = await idsByCode(sql, wanted)
  const unknown = codes.find((_, n) => !found.some(({ code }) => code === wanted[n]))
  if (unknown !== undefined) throw unknownOrganisation('organisation', unknown)
  return found.map(({ id }) => id)
}

async function idsByCode(sql: Sql, codes: readonly string[]): Promise<{ code: string; id: number }[]> {
  return rows<{ code: string; id: number }>(
    sql,
    `select code, id from organisations where code = any($1::text[])
     union
     select code, organisation_id from organisation_external_ids where scheme = '${FORMER_CODES}' and code = any($1::text[])`,
    [codes],
    'find-organisations',
  )
}

function unknownOrganisation(parameter: string, code: string): DomainError {
  return invalid({
    in: 'query',
    pointer: `/${parameter}`,
    code: 'unknown_organisation',
    detail: `There is no organisation with the code "${code}"; /v1/organisations lists them.`,
  })
}
