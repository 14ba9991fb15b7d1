import { type OrganisationKind, type Role, row, rows, type Tx } from '../prisma/client.ts'
import type { FieldError } from './errors.ts'
import { findOrganisationId } from './organisations.ts'

/** What a client is bound to, as it is sent; what an update leaves out stays as it is. */
export type Bindings = {
  origins?: readonly string[] | undefined
  organisations?: readonly string[] | undefined
  source?: string | undefined
}

export type Problem = Omit<FieldError, 'in'>

/** The rows that bindings name, and everything that is wrong with them. */
export type FoundBindings = {
  organisationIds: number[]
  sourceId: number | null
  problems: Problem[]
}

/** What each role is bound to; nothing when it is not here. */
const boundBy: Readonly<Partial<Record<Role, keyof Bindings>>> = {
  form: 'origins',
  provider: 'organisations',
  commissioner: 'organisations',
  feed_provider: 'source',
}

const reasons: Readonly<Record<keyof Bindings, string>> = {
  origins: "A form's key works from its origins only; name them.",
  organisations: 'Name the organisations whose cases it works with.',
  source: 'Name the source that it pushes to.',
}

/** The rule that each role is bound to what it needs, and to nothing else. */
function bindingProblems(role: Role, bindings: Bindings): Problem[] {
  return (Object.keys(bindings) as Array<keyof Bindings>).flatMap((name): Problem[] => {
    const given = bindings[name] !== undefined && bindings[name].length > 0
    const pointer = `/${name}`
    if (boundBy[role] === name) return given ? [] : [{ pointer, code: 'missing', detail: reasons[name] }]
    if (!given) return []
    return [
      { pointer, code: 'not_for_this_role', detail: `A client of the role ${role} has none; leave it out.` },
    ]
  })
}

/** Finds what the bindings name; organisations by code in any form. */
export async function findBindings(tx: Tx, role: Role, bindings: Bindings): Promise<FoundBindings> {
  const problems = bindingProblems(role, bindings)
  if (problems.length > 0) return { organisationIds: [], sourceId: null, problems }
  const organisations = await organisationsOf(tx, role, bindings.organisations ?? [])
  const source = bindings.source === undefined ? null : await sourceOf(tx, bindings.source)
  return {
    organisationIds: [...new Set(organisations.flatMap(({ id }) => id ?? []))],
    sourceId: source?.id ?? null,
    problems: [...organisations, ...(source === null ? [] : [source])].flatMap(
      ({ problem }) => problem ?? [],
    ),
  }
}

type Found = { id?: number; problem?: Problem }

async function organisationsOf(tx: Tx, role: Role, codes: readonly string[]): Promise<Found[]> {
  const ids: Array<number | null> = []
  for (const code of codes) ids.push(await findOrganisationId(tx, code))
  const kinds = await rows<{ id: number; kind: OrganisationKind }>(
    tx,
    'select id, kind from organisations where id = any($1::int[])',
    [ids.filter((id) => id !== null)],
    'kinds-of-organisations',
  )
  return ids.map((id, n) => {
    const pointer = `/organisations/${n}`
    const kind = kinds.find((one) => one.id === id)?.kind
    if (id === null || kind === undefined) {
      const detail = `There is no organisation with the code "${codes[n]}"; /v1/organisations lists them.`
      return { problem: { pointer, code: 'unknown_organisation', detail } }
    }
    if ((kind === 'commissioner') === (role === 'commissioner')) return { id }
    const detail = `A ${role} is not bound to an organisation of the kind ${kind}.`
    return { problem: { pointer, code: 'wrong_organisation_kind', detail } }
  })
}

async function sourceOf(tx: Tx, name: string): Promise<Found> {
  const found = await row<{ id: number }>(tx, 'select id from sources where name = $1', [name])
  if (found !== undefined) return { id: found.id }
  const detail = `There is no source "${name}"; /v1/sources lists them.`
  return { problem: { pointer: '/source', code: 'unknown_source', detail } }
}
