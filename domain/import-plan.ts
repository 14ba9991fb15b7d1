import { type Closing, closedOnIn, closingOf, NO_DAY, NOT_YET } from './import-closing-rules.ts'
import { fileAlias, fileCodes, isNewAlias, newFormerCodes } from './import-codes.ts'
import { areCommissioners, fieldsOf, isParent, newlySaid } from './import-differences.ts'
import type { Family } from './import-layouts.ts'
import { type Links, linksOf } from './import-links.ts'
import { type Known, lastOf, named, type Registry, withCode } from './import-registry.ts'
import {
  type ImportRow,
  type RowGroup,
  RowLeft,
  type RowProblemCode,
  type Wanted,
  type WantedRow,
} from './import-rows.ts'

/** What a file asks, beside its rows. */
export type Asked = { family: Family; update: boolean; today: string; nextId: () => number }

/** What is to be written, and what became of each row. */
export type Plan = {
  created: Known[]
  /** The names of what was changed, by organisation. */
  changed: Map<number, Set<string>>
  closings: PlannedClosing[]
  formerCodes: { code: string; organisationId: number }[]
  aliases: { code: string; organisationId: number }[]
  services: { organisationId: number; code: string; name: string; isNew: boolean }[]
  rows: ImportRow[]
}

/** What has closed since when, and the code of what came after it; `fields` are what its row says of that. */
export type PlannedClosing = {
  id: number
  line: number
  on?: string
  successor?: string
  fields: readonly string[]
}

/** A plan in which nothing happens. */
export function emptyPlan(): Plan {
  return {
    created: [],
    changed: new Map(),
    closings: [],
    formerCodes: [],
    aliases: [],
    services: [],
    rows: [],
  }
}

/** Decides on the rows of one organisation, and has the registry be as they are taken. */
export function planGroup(plan: Plan, registry: Registry, { code, rows }: RowGroup, asked: Asked): void {
  const [first, ...others] = rows
  const is = { plan, registry, code, asked, isNew: withCode(registry, code) === undefined }
  const left = tell(is, first, () => takeFirst(is, first))
  for (const row of others) {
    tell(is, row, () => {
      if (row.wanted.service === undefined || first.wanted.service === undefined)
        throw new RowLeft('skipped', 'repeated', `The code stands in line ${first.line} already.`)
      if (left !== undefined) throw left
      return takeService(is, row.wanted)
    })
  }
}

/** Where a row is decided on; `isNew` when the file is the first to name it. */
type Where = { plan: Plan; registry: Registry; code: string; asked: Asked; isNew: boolean }

type Taken = { outcome: 'created' | 'changed' | 'unchanged'; fields: string[]; note?: Links['note'] }

function tell({ plan, code }: Where, { line }: WantedRow, take: () => Taken): RowLeft | undefined {
  try {
    const { outcome, fields, note } = take()
    plan.rows.push({
      line,
      code,
      outcome,
      fields,
      problem: note?.problem ?? null,
      detail: note?.detail ?? null,
    })
    return undefined
  } catch (error) {
    if (!(error instanceof RowLeft)) throw error
    const { left: outcome, problem, message: detail } = error
    plan.rows.push({ line, code, outcome, fields: [], problem, detail })
    return error
  }
}

function takeFirst(where: Where, row: WantedRow): Taken {
  const { registry, code, asked } = where
  const { wanted } = row
  const known = withCode(registry, code)
  if (known !== undefined) return takeKnown(where, known, row)
  if (wanted.kind === undefined && wanted.successor !== undefined && asked.family === 'national')
    return fileSuccession(where, wanted.successor, closedOnIn(wanted, asked))
  const formerly = registry.byId.get(registry.formerly.get(code) ?? -1)
  if (formerly !== undefined) {
    const left = asked.family === 'national' ? 'skipped' : 'refused'
    throw new RowLeft(left, 'code_taken', `${code} was the code of ${formerly.name} (${formerly.code}).`)
  }
  return takeNew(where, wanted)
}

function takeNew(where: Where, wanted: Wanted): Taken {
  const { plan, registry, code, asked } = where
  const { said, kind } = wanted
  const { name } = said
  if (name === undefined || kind === undefined)
    refuse('missing', `A new organisation needs ${name === undefined ? 'a name' : 'a kind'}.`)
  const closedOn = closedOnIn(wanted, asked)
  if (closedOn !== undefined && asked.family === 'national')
    throw new RowLeft('skipped', 'closed', `It closed on ${closedOn}, before it was registered here.`)
  const links = linksOf(registry, wanted, { kind, known: undefined, family: asked.family })
  if (links.successorId !== undefined && closedOn === undefined) refuse('missing', NO_DAY)
  const { note } = links
  const created: Known = {
    ...NOTHING,
    ...said,
    id: asked.nextId(),
    code,
    name,
    kind,
    region: said.region ?? wanted.region ?? null,
    active: closedOn === undefined,
    closedOn: closedOn ?? null,
    parentId: links.parentId ?? null,
    successorId: links.successorId ?? null,
    commissionerIds: links.commissionerIds ?? [],
    services: new Map(),
  }
  // Refused before anything is written down.
  const formerCodes = newFormerCodes(registry, created, wanted.formerCodes ?? [])
  plan.created.push(created)
  registry.byId.set(created.id, created)
  registry.idOf.set(code, created.id)
  fileCodes(where, created, formerCodes)
  const aliasNote = fileAlias(where, created, wanted.alias)
  if (wanted.service !== undefined) addService(where, created, wanted.service)
  return { outcome: 'created', fields: [], note: note ?? aliasNote }
}

function takeKnown(where: Where, known: Known, { line, wanted }: WantedRow): Taken {
  const { plan, registry, asked } = where
  if (asked.family === 'own' && wanted.kind !== undefined && wanted.kind !== known.kind)
    refuse('kind_differs', `It is registered as ${known.kind}; no file changes that.`)
  const links = linksOf(registry, wanted, { kind: known.kind, known, family: asked.family })
  const closing = closingOf(where, known, wanted, links)
  const formerCodes = newFormerCodes(registry, known, wanted.formerCodes ?? [])
  const said = newlySaid(known, wanted, asked.family)
  const newAlias = isNewAlias(registry, wanted.alias)
  const newService =
    wanted.service !== undefined && known.services.get(wanted.service.code) !== wanted.service.name
  const newParent = links.parentId !== undefined && !isParent(registry, known, links.parentId)
  const newCommissioners =
    links.commissionerIds !== undefined && !areCommissioners(registry, known, links.commissionerIds)
  const fields = [
    ...fieldsOf(said),
    ...(newParent ? ['parent'] : []),
    ...(newCommissioners ? ['commissioners'] : []),
    ...(formerCodes.length > 0 ? ['formerCodes'] : []),
    ...(newAlias ? ['alias'] : []),
    ...(newService ? ['services'] : []),
    ...(closing?.fields ?? []),
  ]
  if (fields.length === 0) return { outcome: 'unchanged', fields, note: links.note }
  if (!asked.update) leaveAsItIs(fields)
  Object.assign(known, said)
  if (newParent) known.parentId = links.parentId ?? null
  if (newCommissioners) known.commissionerIds = links.commissionerIds ?? []
  fileCodes(where, known, formerCodes)
  fileAlias(where, known, newAlias ? wanted.alias : undefined)
  if (newService && wanted.service !== undefined) addService(where, known, wanted.service)
  if (closing !== null) close(where, known, line, closing)
  const own = fields.filter((field) => field !== 'services' && !(closing?.fields ?? []).includes(field))
  if (own.length > 0) noteChange(plan, known.id, own)
  return { outcome: 'changed', fields, note: links.note }
}

function takeService(where: Where, { service }: Wanted): Taken {
  const known = withCode(where.registry, where.code)
  if (service === undefined || known === undefined) throw new Error('a service of nothing was to be taken')
  if (known.services.get(service.code) === service.name) return { outcome: 'unchanged', fields: [] }
  if (!where.isNew && !where.asked.update) leaveAsItIs(['services'])
  addService(where, known, service)
  return { outcome: 'changed', fields: ['services'] }
}

/** A code that is not registered leads to what came after it. */
function fileSuccession(where: Where, successor: string, closedOn: string | undefined): Taken {
  const { registry, code, plan } = where
  const found = named(registry, successor)
  if (found === undefined)
    throw new RowLeft(
      'skipped',
      'not_registered',
      `Neither it nor what came after it, ${successor}, is registered.`,
    )
  if (closedOn === undefined) throw new RowLeft('skipped', 'in_the_future', NOT_YET)
  const before = registry.formerly.get(code)
  if (before !== undefined) {
    if (lastOf(registry, before) === found.id) return { outcome: 'unchanged', fields: [] }
    throw new RowLeft('skipped', 'other_successor', `It leads to ${registry.byId.get(before)?.code} already.`)
  }
  fileCodes(where, found, [code])
  noteChange(plan, found.id, ['formerCodes'])
  return { outcome: 'created', fields: ['formerCodes'] }
}

function close(
  { plan, registry }: Where,
  known: Known,
  line: number,
  { fields, on, successorId }: Closing,
): void {
  const successor = registry.byId.get(successorId ?? -1)?.code
  plan.closings.push({
    id: known.id,
    line,
    fields,
    ...(on !== undefined && { on }),
    ...(successor !== undefined && { successor }),
  })
  known.active = false
  known.closedOn = on ?? known.closedOn
  known.successorId = successorId ?? known.successorId
}

function addService({ plan }: Where, known: Known, { code, name }: { code: string; name: string }): void {
  plan.services.push({ organisationId: known.id, code, name, isNew: !known.services.has(code) })
  known.services.set(code, name)
}

function noteChange({ changed }: Plan, id: number, fields: readonly string[]): void {
  changed.set(id, new Set([...(changed.get(id) ?? []), ...fields]))
}

function leaveAsItIs(fields: readonly string[]): never {
  const detail = `It is registered already; update=true would change ${fields.join(', ')}.`
  throw new RowLeft('skipped', 'exists', detail)
}

function refuse(problem: RowProblemCode, detail: string): never {
  throw new RowLeft('refused', problem, detail)
}

const NOTHING = {
  sector: null,
  address: null,
  postcode: null,
  website: null,
  latitude: null,
  longitude: null,
  notifyEmail: null,
  notifyEmail2: null,
  acceptsCasesFrom: null,
} as const
