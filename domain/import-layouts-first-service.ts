import type { OrganisationKind } from '../prisma/client.ts'
import { type Cells, oneLine } from './import-cells.ts'
import type { LayoutOf } from './import-layouts.ts'
import { RowLeft, type Wanted } from './import-rows.ts'

/*
 * The three files of the service of 2013, by the names of its columns. Its users, who were files too, are API clients now. What it
 * asked for and dropped (`LastUpdatedDate`, `Image`) is dropped here too; a region and a website are kept.
 */
const commissioners: LayoutOf = {
  family: 'first_service',
  header: true,
  codeColumn: 'ODS Code',
  required: ['ODS Code', 'Name', 'Region', 'Email'],
  optional: [],
  wantedIn: (cells) => ({
    kind: 'commissioner',
    said: {
      ...nameIn(cells, 'Name'),
      region: cells.text('Region', 100),
      notifyEmail: cells.email('Email'),
    },
  }),
}

const parents: LayoutOf = {
  family: 'first_service',
  header: true,
  codeColumn: 'ODS Code',
  required: ['ODS Code', 'Choices ID', 'Name', 'Email', 'Secondary Email', 'Primary CCG'],
  optional: ['Other CCGs'],
  // Its ids of parents were not to be trusted, and are not kept.
  wantedIn: (cells) => {
    const primary = cells.code('Primary CCG')
    if (primary === null) throw new RowLeft('refused', 'missing', 'The column "Primary CCG" is empty.')
    return {
      kind: 'trust',
      said: {
        ...nameIn(cells, 'Name'),
        notifyEmail: cells.email('Email'),
        notifyEmail2: cells.email('Secondary Email'),
      },
      commissioners: [...new Set([primary, ...cells.codes('Other CCGs')])],
    }
  },
}

/** The types of the old files: what they are here, and how the website called its list of them. */
const TYPES: Readonly<Record<string, { kind: OrganisationKind; list: string; services: boolean }>> = {
  HOS: { kind: 'site', list: 'hospitals', services: true },
  GPB: { kind: 'gp_practice', list: 'gppractices', services: false },
  CLI: { kind: 'site', list: 'clinics', services: true },
}

const organisations: LayoutOf = {
  family: 'first_service',
  header: true,
  codeColumn: 'OrganisationCode',
  required: [
    ...['ChoicesID', 'OrganisationName', 'ParentCode', 'OrganisationTypeID', 'URL', 'Address1', 'Address2'],
    ...['Address3', 'City', 'County', 'Latitude', 'Longitude', 'LastUpdatedDate', 'Postcode'],
    ...['OrganisationCode', 'ServiceCode', 'ServiceName'],
  ],
  optional: ['Image'],
  wantedIn: (cells) => {
    const type = TYPES[cells.raw('OrganisationTypeID') ?? '']
    if (type === undefined)
      throw new RowLeft(
        'skipped',
        'other_kind',
        'The column "OrganisationTypeID" is none of HOS, GPB and CLI.',
      )
    const id = cells.number('ChoicesID', 1, Number.MAX_SAFE_INTEGER)
    if (id === null) throw new RowLeft('skipped', 'no_id', 'The column "ChoicesID" is empty.')
    const code = cells.code('OrganisationCode')
    const parent = cells.code('ParentCode')
    const service = type.services ? serviceIn(cells) : undefined
    return {
      kind: type.kind,
      said: {
        ...nameIn(cells, 'OrganisationName'),
        ...websiteIn(cells),
        address: addressIn(cells),
        postcode: cells.postcode('Postcode'),
        ...cells.position('Latitude', 'Longitude'),
      },
      alias: `${type.list}/${id}`,
      // A practice stood there as its own parent.
      ...(parent !== null && parent !== code && { parent }),
      ...(service && { service }),
    } satisfies Wanted
  },
}

/** The layouts of the files of the first service. */
export const firstServiceLayouts = { commissioners, parents, organisations }

function nameIn(cells: Cells, column: string): { name?: string } {
  const name = cells.text(column, 200)
  return name === null ? {} : { name }
}

// It was never checked there: what is no address is left out.
function websiteIn(cells: Cells): { website?: string } {
  const website = cells.raw('URL')
  return website !== null && /^https?:\/\/[!-~]{1,490}$/.test(website) ? { website } : {}
}

function addressIn(cells: Cells): string | null {
  return oneLine(
    ['Address1', 'Address2', 'Address3', 'City', 'County'].map((column) => cells.text(column, 255)),
  )
}

function serviceIn(cells: Cells): { code: string; name: string } | undefined {
  const code = cells.text('ServiceCode', 20)
  const name = cells.text('ServiceName', 200)
  if (code === null && name === null) return undefined
  if (code === null || name === null)
    throw new RowLeft(
      'refused',
      'missing',
      `The column "${code === null ? 'ServiceCode' : 'ServiceName'}" is empty.`,
    )
  return { code, name }
}
