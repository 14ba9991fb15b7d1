import t from 'tap'
import { type Operation, readContract, type SecurityChoice } from '../../api/contract/contract.ts'
import { roleScopes } from '../../domain/callers.ts'
import { type CaseAction, casePermissions, type Relation, viewFor } from '../../domain/case-rules.ts'
import type { Role } from '../../prisma/client.ts'
import { startHarness } from './harness.ts'
import { ask, asks } from './permission-asks.ts'
import { build, type Place } from './permission-fixtures.ts'
import {
  type CallerName,
  callers,
  type Outcome,
  overseers,
  owners,
  publicly,
  type Row,
  rows,
  standing,
  wanted,
} from './permission-table.ts'

const { operations } = readContract()

t.test('the table has a cell for every operation and every caller', async (t) => {
  t.same([...new Set(rows.map(({ operation }) => operation))].sort(), operations.map(({ id }) => id).sort())
  t.same(Object.keys(asks).sort(), operations.map(({ id }) => id).sort())
  for (const row of rows) for (const caller of callers) t.ok(wanted(row, caller))
})

t.test('the table says what scopes, security and permissions say together', async (t) => {
  for (const row of rows)
    for (const caller of callers) t.equal(computed(row, caller), wanted(row, caller), nameOf(row, caller))
})

t.test('every operation answers every caller as the table says', async (t) => {
  const harness = await startHarness(t)
  // A case is escalated to a primary commissioner.
  await harness.db.prisma.commissioning.updateMany({ data: { primary: true } })
  const shared = new Map<string, Place>()
  const sharedPlace = async (row: Row) => {
    const place = shared.get(row.of) ?? (await build(harness, row.of))
    shared.set(row.of, place)
    return place
  }
  const done = new Set<string>()
  let n = 0
  for (const row of rows) {
    for (const caller of callers) {
      const want = wanted(row, caller)
      const changes = want === 'yes' && operationOf(row).method !== 'get'
      const place = changes ? await build(harness, row.of) : await sharedPlace(row)
      n += 1
      const { status, text } = await ask(harness, row, caller, place, n)
      t.equal(outcomeOf(status), want, `${nameOf(row, caller)}: ${status} ${status >= 400 ? text : ''}`)
      if (status < 300) done.add(row.operation)
    }
  }
  t.same([...done].sort(), operations.map(({ id }) => id).sort(), 'somebody has done each')
  for (const [name, { url, version }] of shared) {
    if (url === '') continue
    const { body } = await harness.call({ url, key: harness.keys.case_handler })
    t.equal(body.version, version, `who was refused changed nothing: ${name}`)
  }
})

function outcomeOf(status: number): Outcome | undefined {
  if (status < 300 || [400, 409, 412, 428].includes(status)) return 'yes'
  return status === 401 || status === 403 || status === 404 ? `${status}` : undefined
}

const LIKE_PUBLISHED = ['closed', 'requested', 'paused', 'extended', 'escalated']

// From the data that the service itself goes by.
function computed(row: Row, caller: CallerName): Outcome {
  const { id, path, security } = operationOf(row)
  const byReceipt = caller === 'reporter' && security.some((choice) => choice.caseReceipt !== undefined)
  // It opens to whoever signs, or shows the token, and the asks do.
  if (security.some((choice) => (choice.webhookSignature ?? choice.notifyToken) !== undefined)) return 'yes'
  if (!/^\/(v1|ogc)/.test(path) || (!byReceipt && !keyOpens(security)))
    return isOpen(security) ? 'yes' : '401'
  if (!byReceipt && isWithoutKey(caller) && !isOpen(security)) return '401'
  if (!byReceipt && !isWithoutKey(caller) && !opens(caller, security)) return '403'
  const owner = path.includes('{') && !isOpen(security) ? owners[row.of] : undefined
  if (owner !== undefined) return owner === caller || overseers[id] === caller ? 'yes' : '404'
  const where = LIKE_PUBLISHED.includes(row.of) ? 'published' : row.of
  if (!(where in standing)) return 'yes'
  const of = where as keyof typeof standing
  const relation: Relation = (caller !== 'reporter' || byReceipt ? standing[of][caller] : undefined) ?? 'none'
  const action = id === 'endClaim' ? 'createClaim' : id
  if (action in casePermissions) return permitted(action as CaseAction, relation, caller, of)
  return READS.includes(id) ? readable(id, relation, of) : 'yes'
}

const READS = ['getCase', 'listDecisions', 'listResponses', 'getImage']

function permitted(
  action: CaseAction,
  relation: Relation,
  caller: CallerName,
  of: keyof typeof standing,
): Outcome {
  if ((casePermissions[action] as readonly Relation[]).includes(relation)) return 'yes'
  // What was not referred to the second tier is not there for it.
  const hidden = caller === 'second_tier' || publicly[of] === 'hidden'
  return relation === 'none' && hidden ? '404' : '403'
}

function readable(id: string, relation: Relation, of: keyof typeof standing): Outcome {
  const publication = of === 'referred' ? 'awaiting_second_tier' : 'published'
  const view = viewFor(relation, { publication, privacy: 'anonymous' })
  const seesAll = ['staff', 'staff_without_contact', 'reporter'].includes(view)
  if (view === 'hidden' || (id === 'getImage' && !seesAll && publicly[of] !== 'public')) return '404'
  return 'yes'
}

type WithoutKey = 'nobody' | 'reporter'

function isWithoutKey(caller: CallerName): caller is WithoutKey {
  return caller === 'nobody' || caller === 'reporter'
}

function isOpen(security: readonly SecurityChoice[]): boolean {
  return security.some((choice) => Object.keys(choice).length === 0)
}

function keyOpens(security: readonly SecurityChoice[]): boolean {
  return security.some((choice) => choice.secretKey !== undefined || choice.publishableKey !== undefined)
}

function opens(caller: Exclude<CallerName, WithoutKey>, security: readonly SecurityChoice[]): boolean {
  const role = caller.replace('other_', '') as Role
  const scopes: readonly string[] = roleScopes[role]
  const scheme = role === 'form' ? 'publishableKey' : 'secretKey'
  return security.some((choice) => choice[scheme]?.every((scope) => scopes.includes(scope)))
}

function operationOf({ operation }: Row): Operation {
  return operations.find(({ id }) => id === operation) as Operation
}

function nameOf({ operation, of }: Row, caller = ''): string {
  return `${operation} (${of}) ${caller}`.trim()
}
