import type { OrganisationKind } from '../prisma/client.ts'
import { type Cells, oneLine } from './import-cells.ts'
import type { LayoutOf } from './import-layouts.ts'
import { RowLeft, type SaidFields, type Wanted } from './import-rows.ts'

/*
 * The files of the Organisation Data Service, which have no header: 27 columns, of which the last ones differ from file to file, and
 * five in the file of successions. docs/registry.md says how their columns were verified.
 */
const BEFORE = [
  ...['code', 'name', 'national grouping', 'high level health geography'],
  ...['address 1', 'address 2', 'address 3', 'address 4', 'address 5', 'postcode', 'open date', 'close date'],
  ...['status', 'sub-type', 'parent'],
]
const AFTER = [
  ...['join date', 'left date', 'telephone', 'column 19', 'column 20', 'column 21', 'amended', 'column 23'],
  ...['provider or purchaser', 'column 25', 'prescribing setting', 'column 27'],
]

function national(
  required: readonly string[],
  wantedIn: LayoutOf['wantedIn'],
  columns: readonly string[] = [...BEFORE, ...AFTER],
): LayoutOf {
  return {
    family: 'national',
    header: false,
    codeColumn: 'code',
    required,
    optional: columns.filter((column) => !required.includes(column)),
    wantedIn,
  }
}

const BASIC = BEFORE.slice(0, BEFORE.indexOf('close date') + 1)

const ods_trusts = national(BASIC, (cells) => organisationIn(cells, 'trust'))

const ods_commissioners = national(BASIC, (cells) => organisationIn(cells, 'commissioner'))

// What belongs to something has its region.
const ods_sites = national(BEFORE, (cells) => ({ ...belonging(cells, 'site') }))

const ods_branches = national(BEFORE, (cells) => ({ ...belonging(cells, 'gp_branch') }))

const ods_practices = national([...BEFORE, ...AFTER.slice(0, -1)], (cells) => {
  // Prescribing cost centres of every kind are in it: 4 is a practice, RO76 in the newer reports.
  const setting = cells.raw('prescribing setting')
  if (setting !== '4' && setting !== 'RO76')
    throw new RowLeft(
      'skipped',
      'other_kind',
      'The column "prescribing setting" says that it is no practice.',
    )
  const status = cells.raw('status')?.toUpperCase()
  if (status === 'P' || status === 'D')
    throw new RowLeft('skipped', 'not_active', 'The column "status" says that it is proposed, or asleep.')
  const commissioner = cells.code('parent')
  return {
    ...organisationIn(cells, 'gp_practice'),
    ...(commissioner !== null && { commissioners: [commissioner] }),
  }
})

const SUCCESSION = ['code', 'successor', 'reason', 'date', 'indicator']

const ods_successors = national(
  SUCCESSION.slice(0, 4),
  (cells) => {
    const successor = cells.code('successor')
    if (successor === null) throw new RowLeft('refused', 'missing', 'The column "successor" is empty.')
    const closedOn = cells.day('date')
    return { said: {}, successor, ...(closedOn !== null && { closedOn }) }
  },
  SUCCESSION,
)

/** The layouts of the national files. */
export const nationalLayouts = {
  ods_trusts,
  ods_sites,
  ods_practices,
  ods_branches,
  ods_commissioners,
  ods_successors,
}

function organisationIn(cells: Cells, kind: OrganisationKind): Wanted {
  const closedOn = cells.day('close date')
  const region = REGIONS[cells.raw('national grouping') ?? '']
  return {
    kind,
    said: saidIn(cells),
    ...(region !== undefined && { region }),
    ...(closedOn !== null && { closedOn }),
  }
}

function belonging(cells: Cells, kind: OrganisationKind): Wanted {
  const { region: _, ...wanted } = organisationIn(cells, kind)
  const parent = cells.code('parent')
  if (parent === null) throw new RowLeft('skipped', 'no_parent', 'The column "parent" is empty.')
  return { ...wanted, parent }
}

// What they leave empty they do not say.
function saidIn(cells: Cells): SaidFields {
  const name = cells.text('name', 200)
  const address = oneLine([1, 2, 3, 4, 5].map((n) => cells.text(`address ${n}`, 100)))
  const postcode = cells.raw('postcode') === null ? null : cells.postcode('postcode')
  return {
    ...(name !== null && { name }),
    ...(address !== null && { address }),
    ...(postcode !== null && { postcode }),
  }
}

/** The regions of NHS England by their codes in the files, those of before 2019 among them. */
const REGIONS: Readonly<Record<string, string>> = {
  Y54: 'North of England',
  Y55: 'Midlands and East of England',
  Y56: 'London',
  Y57: 'South of England',
  Y58: 'South West',
  Y59: 'South East',
  Y60: 'Midlands',
  Y61: 'East of England',
  Y62: 'North West',
  Y63: 'North East and Yorkshire',
}
