import { type Cells, KINDS, SECTORS } from './import-cells.ts'
import type { LayoutOf } from './import-layouts.ts'
import type { SaidFields, Wanted } from './import-rows.ts'

/** The layout of this service: the names of its own fields. A column that is there and empty empties the field. */
export const ownLayout: LayoutOf = {
  family: 'own',
  header: true,
  codeColumn: 'code',
  required: ['code'],
  optional: [
    ...['name', 'kind', 'sector', 'region', 'address', 'postcode', 'website', 'latitude', 'longitude'],
    ...['parent', 'commissioners', 'formerCodes', 'notifyEmail', 'notifyEmail2', 'acceptsCasesFrom'],
    ...['closedOn', 'successor'],
  ],
  wantedIn: (cells) => {
    const kind = cells.oneOf('kind', KINDS)
    const closedOn = cells.day('closedOn')
    const successor = cells.code('successor')
    return {
      said: saidIn(cells),
      ...(kind !== null && { kind }),
      ...(cells.has('parent') && { parent: cells.code('parent') }),
      ...(cells.has('commissioners') && { commissioners: cells.codes('commissioners') }),
      formerCodes: cells.codes('formerCodes'),
      ...(closedOn !== null && { closedOn }),
      ...(successor !== null && { successor }),
    } satisfies Wanted
  },
}

function saidIn(cells: Cells): SaidFields {
  const name = cells.text('name', 200)
  return {
    ...(name !== null && { name }),
    ...(cells.has('sector') && { sector: cells.oneOf('sector', SECTORS) }),
    ...(cells.has('region') && { region: cells.text('region', 100) }),
    ...(cells.has('address') && { address: cells.text('address', 500) }),
    ...(cells.has('postcode') && { postcode: cells.postcode('postcode') }),
    ...(cells.has('website') && { website: cells.website('website') }),
    ...(cells.has('latitude') && cells.has('longitude') && cells.position('latitude', 'longitude')),
    ...(cells.has('notifyEmail') && { notifyEmail: cells.email('notifyEmail') }),
    ...(cells.has('notifyEmail2') && { notifyEmail2: cells.email('notifyEmail2') }),
    ...(cells.has('acceptsCasesFrom') && { acceptsCasesFrom: cells.day('acceptsCasesFrom') }),
  }
}
