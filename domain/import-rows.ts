import type { OrganisationKind, Sector } from '../prisma/client.ts'

/** Which columns a file has; docs/registry.md describes each. */
export type ImportLayout =
  | 'own'
  | 'commissioners'
  | 'parents'
  | 'organisations'
  | 'ods_trusts'
  | 'ods_sites'
  | 'ods_practices'
  | 'ods_branches'
  | 'ods_commissioners'
  | 'ods_successors'

/** What became of a row. */
export type ImportOutcome = 'created' | 'changed' | 'unchanged' | 'skipped' | 'refused'

/** Why a row was skipped or refused, or what of it was left out; docs/registry.md says what each means. */
export const rowProblems = [
  'already_closed',
  'closed',
  'code_taken',
  'exists',
  'in_the_future',
  'kind_differs',
  'missing',
  'no_code',
  'no_id',
  'no_parent',
  'not_active',
  'not_registered',
  'other_kind',
  'other_successor',
  'repeated',
  'too_many_cells',
  'tree_conflict',
  'unknown_commissioner',
  'unknown_parent',
  'unknown_successor',
  'wrong_value',
] as const
export type RowProblemCode = (typeof rowProblems)[number]

/** Why a row is skipped or refused; the message is a sentence with the column. It never leaves the work on its row. */
export class RowLeft extends Error {
  override readonly name = 'RowLeft'
  readonly left: 'skipped' | 'refused'
  readonly problem: RowProblemCode

  constructor(left: 'skipped' | 'refused', problem: RowProblemCode, detail: string) {
    super(detail)
    this.left = left
    this.problem = problem
  }
}

/** What a row says of an organisation, in its own columns: absent is not said, null is empty. */
export type SaidFields = {
  name?: string
  sector?: Sector | null
  region?: string | null
  address?: string | null
  postcode?: string | null
  website?: string | null
  latitude?: number | null
  longitude?: number | null
  notifyEmail?: string | null
  notifyEmail2?: string | null
  /** A day, as 2026-12-01. */
  acceptsCasesFrom?: string | null
}
export type FieldName = keyof SaidFields

/** What a row wants to be true. Codes are canonical. */
export type Wanted = {
  kind?: OrganisationKind
  said: SaidFields
  /** Counts only where nothing is known yet. */
  region?: string
  parent?: string | null
  /** The first is the primary one. */
  commissioners?: readonly string[]
  formerCodes?: readonly string[]
  service?: { code: string; name: string }
  /** What the website of the first service's day calls it. */
  alias?: string
  closedOn?: string
  successor?: string
}

/** One row of a file, read by its layout. */
export type FileRow = { line: number; code: string | null } & (
  | { wanted: Wanted }
  | { left: 'skipped' | 'refused'; problem: RowProblemCode; detail: string }
)

/** The rows of one organisation, which are taken or left together. */
export type RowGroup = { code: string; rows: readonly [WantedRow, ...WantedRow[]] }
export type WantedRow = { line: number; wanted: Wanted }

/** A row of the file, and what became of it; `fields` are what it changed. */
export type ImportRow = {
  line: number
  code: string | null
  outcome: ImportOutcome
  fields: readonly string[]
  problem: string | null
  detail: string | null
}
