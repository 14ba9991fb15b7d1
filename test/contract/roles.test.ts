import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { roleScopes, type Scope, staffRoles } from '../../domain/callers.ts'
import { publicationMoves, type Relation, statusMoves } from '../../domain/case-rules.ts'
import type { Role } from '../../prisma/client.ts'

const { operations } = readContract()

const everybodyReads = [
  'getCase',
  'getGeoFeed',
  'getOrganisation',
  'listCases',
  'listCategories',
  'listOrganisations',
  'listResponses',
]

// By hand from the table of callers: what each role's key opens under /v1.
const expected: Record<Role | 'nobody', string[]> = {
  nobody: everybodyReads,
  form: ['createCase'],
  integrator: [...everybodyReads, 'createCase'],
  case_handler: [...everybodyReads, 'createCase', 'createDecision', 'createResponse'],
  second_tier: everybodyReads,
  provider: [...everybodyReads, 'createResponse'],
  commissioner: everybodyReads,
  feed_provider: [...everybodyReads, 'pushItems', 'listSources', 'getSource', 'listRuns'],
  supplier: everybodyReads,
  administrator: [...everybodyReads, 'listSources', 'getSource', 'listRuns', 'createSource', 'updateSource'],
}

t.test('every role opens the operations that it is for, and no others', async (t) => {
  t.same(Object.keys(expected).sort(), ['nobody', ...Object.keys(roleScopes)].sort())
  for (const [role, names] of Object.entries(expected)) {
    const opened = operations.filter(({ path, security }) => path.startsWith('/v1/') && opens(role, security))
    t.same(opened.map(({ id }) => id).sort(), [...names].sort(), role)
  }
})

t.test('every operation that is closed to the public opens for somebody', async (t) => {
  for (const { id, path } of operations)
    if (path.startsWith('/v1/'))
      t.ok(
        Object.values(expected).some((names) => names.includes(id)),
        id,
      )
})

t.test('who may move a case by the rules has the scope to do it', async (t) => {
  const roleOf: Partial<Record<Relation, Role>> = { handler: 'case_handler', provider: 'provider' }
  const movers = new Set(Object.values(statusMoves).flatMap((moves) => moves.flatMap(({ by }) => by)))
  movers.delete('reporter')
  for (const relation of movers)
    t.ok(
      roleScopes[roleOf[relation as Relation] as Role].includes('cases:respond'),
      `${relation} may respond`,
    )
  const deciders = Object.values(publicationMoves).flatMap((moves) => Object.values(moves).flat())
  t.ok(deciders.includes('handler'))
  t.ok(roleScopes.case_handler.includes('cases:moderate'))
})

t.test('writes of staff name the person who acts', async (t) => {
  for (const { id, method, parameters, security } of operations) {
    if (method === 'get') continue
    const staffOpens = staffRoles.some((role) => opens(role, security))
    const others = (Object.keys(roleScopes) as Role[]).some(
      (role) => !staffRoles.includes(role) && opens(role, security),
    )
    const header = parameters.find(({ name }) => name === 'Acting-User')
    t.equal(header !== undefined, staffOpens, `${id} takes Acting-User`)
    if (header) t.equal(header.required ?? false, !others, `${id} needs Acting-User of everybody who may`)
  }
})

function opens(role: string, security: (typeof operations)[number]['security']): boolean {
  if (role === 'nobody') return security.some((choice) => Object.keys(choice).length === 0)
  const scopes = roleScopes[role as Role] as readonly (Scope | string)[]
  const scheme = role === 'form' ? 'publishableKey' : 'secretKey'
  return security.some((choice) => choice[scheme]?.every((scope) => scopes.includes(scope)))
}
