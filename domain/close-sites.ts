import { rows, type Tx } from '../prisma/client.ts'
import { type HeldOrganisation, type Registered, treeConflict } from './registry.ts'
import { parentProblem } from './registry-rules.ts'

/** What is below an organisation that closes. */
export type Below = Pick<HeldOrganisation, 'id' | 'kind' | 'latitude'>

/** What is open and belongs to an organisation; throws `tree_conflict` when that cannot belong to what comes after it. */
export async function childrenFor(tx: Tx, held: HeldOrganisation, next: HeldOrganisation): Promise<Below[]> {
  const children = await rows<Below>(
    tx,
    'select id, kind, latitude from organisations where parent_id = $1 and active order by id for no key update',
    [held.id],
    'children-of',
  )
  const problem = children.map(({ kind }) => parentProblem(kind, next.kind)).find((one) => one !== null)
  if (problem === undefined) return children
  throw treeConflict(`${problem} Say sites: close, or have them belong to another first.`)
}

/** All that is open and below an organisation. */
export async function belowOf(tx: Tx, id: number): Promise<Below[]> {
  return rows<Below>(
    tx,
    `with recursive below(id) as (
       select id from organisations where parent_id = $1
       union
       select o.id from organisations o join below on o.parent_id = below.id
     )
     select id, kind, latitude from organisations where id in (select id from below) and active
     order by id for no key update`,
    [id],
    'below',
  )
}

/** Its key, when it stands where what it belongs to stands. */
export function idWithoutPosition({ id, latitude }: Below): number[] {
  return latitude === null ? [id] : []
}

/**
 * Has organisations belong to what came after the one that they belonged to. A region that came from that stays: they stand
 * where they stood.
 */
export async function moveTo(
  tx: Tx,
  held: HeldOrganisation,
  next: HeldOrganisation,
  children: readonly Below[],
): Promise<Registered[]> {
  const moved = await rows<{ id: number }>(
    tx,
    `with recursive up(root, id, parent_id, region, depth) as (
       select id, id, parent_id, region, 0 from organisations where id in ($2::int, $3::int)
       union all
       select up.root, o.id, o.parent_id, o.region, up.depth + 1 from up join organisations o on o.id = up.parent_id
       where up.region is null
     ), regions as (
       select max(region) filter (where root = $2) as was, max(region) filter (where root = $3) as next from up)
     update organisations o set parent_id = $3, version = o.version + 1, updated_at = now(),
       region = case when r.was is distinct from r.next then coalesce(o.region, r.was) else o.region end
     from regions r where o.id = any($1::int[]) returning o.id`,
    [children.map(({ id }) => id), held.id, next.id],
    'move-to-successor',
  )
  return moved.map(({ id }) => ({
    type: 'organisation.changed',
    organisationId: id,
    fields: ['parent', 'region'],
  }))
}

/** What a closed commissioner commissioned, what comes after it commissions; what the closed one could see stays. */
export async function handCommissions(tx: Tx, fromId: number, toId: number): Promise<Registered[]> {
  const handed = await rows<{ id: number }>(
    tx,
    `with handed as (
       insert into commissioning as m (organisation_id, commissioner_id, "primary")
       select organisation_id, $2, "primary" from commissioning where commissioner_id = $1
       on conflict (organisation_id, commissioner_id) do update set "primary" = true
         where excluded."primary" and not m."primary"
       returning organisation_id
     ), second as (
       update commissioning set "primary" = false where commissioner_id = $1 and "primary")
     update organisations set version = version + 1, updated_at = now()
     where id in (select organisation_id from handed) returning id`,
    [fromId, toId],
    'hand-commissions',
  )
  return handed.map(({ id }) => ({
    type: 'organisation.changed',
    organisationId: id,
    fields: ['commissioners'],
  }))
}
