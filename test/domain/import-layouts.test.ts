import { readFileSync } from 'node:fs'
import iconv from 'iconv-lite'
import t from 'tap'
import { dayIn } from '../../domain/import-cells.ts'
import { layoutNames, rowsOf } from '../../domain/import-layouts.ts'
import { groupsOf, inOrder } from '../../domain/import-order.ts'
import { type FileRow, type ImportLayout, rowProblems, type Wanted } from '../../domain/import-rows.ts'
import { recordsIn } from '../../domain/import-text.ts'

const fileOf = (layout: ImportLayout) => readFileSync(new URL(`../registry/${layout}.csv`, import.meta.url))
const read = async (layout: ImportLayout, file: string | Uint8Array = fileOf(layout)) =>
  rowsOf(layout, await recordsIn(typeof file === 'string' ? Buffer.from(file) : file))
const wanted = (row: FileRow | undefined): Wanted | undefined =>
  row !== undefined && 'wanted' in row ? row.wanted : undefined
const left = (rows: readonly FileRow[]) =>
  rows.flatMap((row) => ('left' in row ? [`${row.line} ${row.left} ${row.problem}`] : []))

t.test('a file is read whatever wrote it: a mark at its head, line ends, quotes, old letters', async (t) => {
  const text = 'code,name\r\nQA1,"Café, ""new""\r\nwing"\r\n\r\n , \r\nQA2,St Mary’s\n'
  const rows = await read('own', `\uFEFF${text}`)
  t.match(
    rows.map((row) => [row.line, row.code, wanted(row)?.said.name]),
    [
      [2, 'QA1', 'Café, "new" wing'],
      [6, 'QA2', 'St Mary’s'],
    ],
    'each with the line in which it begins',
  )
  t.same(await read('own', iconv.encode(text, 'windows-1252')), rows, 'in Windows-1252 it says the same')
  t.match(wanted((await read('own', 'code,name\nQA1,The "new" wing\n'))[0]), {
    said: { name: 'The "new" wing' },
  })
})

t.test('a file of which nothing can be made says what is wrong with it', async (t) => {
  const cases: [ImportLayout, string | Uint8Array, RegExp][] = [
    ['own', '', /empty/],
    ['own', '\n \n', /empty/],
    ['own', '{"code": 1}\n', /"code"/],
    ['own', 'code,nmae\n', /Line 1 names columns that are not known: "nmae"; known are "code", "name"/],
    ['own', 'code,name,code\n', /"code" twice/],
    ['own', 'code,name\nQA1,"x\nQA2,y\n', /line 2 has a quotation mark that does not end/],
    ['own', Buffer.from('PK\x03\x04\0\0'), /no text/],
    ['own', iconv.encode('code,name\n', 'utf-16le'), /no text/],
    ['commissioners', 'ODS Code,Name\nQC1,X\n', /does not name "Region", "Email"/],
    ['parents', fileOf('commissioners'), /"Choices ID", "Secondary Email", "Primary CCG"/],
    ['ods_practices', fileOf('ods_successors'), /has 27 columns without a header, and this file has 5/],
    ['ods_successors', fileOf('ods_sites'), /has 5 columns without a header, and this file has 27/],
  ]
  for (const [layout, file, why] of cases)
    await t.rejects(read(layout, file), { name: 'UnreadableFile', message: why })
})

t.test('the own layout has each of its columns, and an empty one empties its field', async (t) => {
  const [site, trust, ...others] = await read('own')
  t.match(trust, {
    line: 3,
    code: 'QX1',
    wanted: {
      kind: 'trust',
      said: {
        ...{
          name: 'Example Trust North (invented)',
          sector: 'acute',
          region: 'North',
          address: 'Example House',
        },
        ...{ postcode: 'ZZ99 3VZ', website: 'https://north.example.org', latitude: 53, longitude: -1.4 },
        ...{ notifyEmail: 'pals@north.example.org', notifyEmail2: null, acceptsCasesFrom: '2026-01-01' },
      },
      parent: null,
      commissioners: ['QC1', 'QC2'],
      formerCodes: ['QXOLD', 'QXOLDER'],
    },
  })
  t.match(wanted(site), { said: { sector: null, postcode: 'ZZ99 3VZ' }, parent: 'QX1', commissioners: [] })
  t.match(wanted(others.at(-1)), { closedOn: '2020-04-01', successor: 'QX1' })
  t.same(wanted((await read('own', 'code,website\nqa 1,\n'))[0]), {
    said: { website: null },
    formerCodes: [],
  })
})

t.test('a cell that cannot be refuses its row, names its column, and shows nobody’s address', async (t) => {
  const head = 'code,name,kind,postcode,website,latitude,longitude,notifyEmail,acceptsCasesFrom,commissioners'
  const rows = await read(
    'own',
    [
      ...[
        head,
        ',Nobody',
        'Q/1,Slash',
        'QA1,Kind,hospital',
        'QA2,Post,,NOWHERE',
        'QA3,Web,,,ftp://example.org',
      ],
      ...[
        'QA4,Place,,,,91,0',
        'QA5,Place,,,,51.5',
        'QA6,Mail,,,,,,nobody at example',
        'QA7,Day,,,,,,,2026-02-30',
      ],
      ...['QA8,Codes,,,,,,,,QC1|Q/2', 'QA9,Cells,,,,,,,,,more', `QA10,${'x'.repeat(201)}`, 'QA11,Good,trust'],
    ].join('\n'),
  )
  t.same(left(rows), [
    '2 skipped no_code',
    ...[3, 4, 5, 6, 7].map((line) => `${line} refused wrong_value`),
    '8 refused missing',
    ...[9, 10, 11].map((line) => `${line} refused wrong_value`),
    '12 refused too_many_cells',
    '13 refused wrong_value',
  ])
  t.match(rows[7], { detail: 'The column "notifyEmail" must have one e-mail address.' })
  t.notMatch(JSON.stringify(rows), 'nobody at example')
})

t.test('the files of the first service are read by their own rules', async (t) => {
  const commissioners = await read('commissioners')
  t.match(commissioners, [
    {
      code: 'QC7',
      wanted: { kind: 'commissioner', said: { name: 'Riverside CCG (invented)', region: 'London' } },
    },
    { code: null, left: 'skipped', problem: 'no_code' },
    { code: 'QC8', wanted: { said: { region: null, notifyEmail: null } } },
  ])
  const parents = await read('parents')
  t.match(parents, [
    {
      wanted: {
        kind: 'trust',
        commissioners: ['QC7', 'QC8'],
        said: { notifyEmail2: 'second@riverside.example.org' },
      },
    },
    { wanted: { said: { name: 'Hillside Trust (invented)', notifyEmail2: null }, commissioners: ['QC8'] } },
    { code: 'QP3' },
  ])
  const organisations = await read('organisations')
  t.same(left(organisations), ['5 skipped other_kind', '6 skipped no_id'])
  t.match(wanted(organisations[0]), {
    kind: 'site',
    parent: 'QP1',
    alias: 'hospitals/501',
    said: { address: '1 River Way, Exampleton, Exampleshire', postcode: 'ZZ99 3VZ', latitude: 51.501 },
    service: { code: 'SRV0062', name: 'Maternity services' },
  })
  t.same(
    wanted(organisations[2]),
    {
      kind: 'gp_practice',
      alias: 'gppractices/502',
      said: {
        ...{ name: 'Example Surgery (invented)', address: '2 River Way, Exampleton', postcode: 'ZZ99 3VZ' },
        ...{ latitude: 51.502, longitude: -0.102 },
      },
    },
    'a practice has no departments, and is not its own parent',
  )
  t.match(wanted(organisations[5]), { said: { latitude: null, longitude: null } })
  t.notOk('website' in (wanted(organisations[5])?.said ?? {}), 'what is no address is left out')
})

t.test('the national files are read by the places of their columns', async (t) => {
  const trusts = await read('ods_trusts')
  t.match(trusts[0], {
    line: 1,
    code: 'QT1',
    wanted: {
      kind: 'trust',
      region: 'North East and Yorkshire',
      said: { address: '1 INVENTED STREET, EXAMPLETON, EXAMPLESHIRE', postcode: 'ZZ99 3VZ' },
    },
  })
  t.match(wanted(trusts[1]), { closedOn: '2015-03-31' })
  const sites = await read('ods_sites')
  t.same(left(sites), ['3 skipped no_parent'])
  t.match(wanted(sites[0]), { kind: 'site', parent: 'QT1' })
  t.equal(wanted(sites[0])?.region, undefined, 'it has the region of its trust')
  const practices = await read('ods_practices')
  t.same(left(practices), ['2 skipped other_kind', '3 skipped not_active'])
  t.match(wanted(practices[0]), { kind: 'gp_practice', region: 'London', commissioners: ['QC71'] })
  t.match(wanted((await read('ods_branches'))[0]), { kind: 'gp_branch', parent: 'QG1' })
  t.match(wanted((await read('ods_commissioners'))[0]), { kind: 'commissioner', region: 'London' })
  t.match((await read('ods_successors'))[0], {
    code: 'QT8',
    wanted: { said: {}, successor: 'QT7', closedOn: '2014-04-01' },
  })
  const headed = `Organisation Code,Successor Organisation Code,Reason,Date,Indicator\n${fileOf('ods_successors')}`
  t.equal((await read('ods_successors', headed)).length, 6, 'also with a header')
})

t.test('a day is one of the calendar', async (t) => {
  for (const text of [
    '20260401',
    '2026-04-01',
    '01/04/2026',
    '2026-04-01T00:00:00',
    '2026-04-01 00:00:00.000Z',
  ])
    t.equal(dayIn(text), '2026-04-01', text)
  for (const text of ['20260431', '2026-13-01', '1/4/2026', '2026', 'soon', '2026040', '99999999'])
    t.equal(dayIn(text), null, text)
})

t.test('what is named comes before what names it, whatever the order of the file', async (t) => {
  const { groups } = groupsOf(await read('own'))
  t.same(
    inOrder(groups).ordered.map(({ code }) => code),
    ['QC1', 'QC2', 'QX1', 'QX101', 'QX0'],
  )
  const circle = groupsOf(await read('own', 'code,parent\nQA1,QA2\nQA2,QA3\nQA3,QA2\nQA4,QA4\nQA5,\n'))
  const { ordered, circling } = inOrder(circle.groups)
  t.same(
    ordered.map(({ code }) => code),
    ['QA4', 'QA5'],
  )
  t.same(
    circling.map(({ code }) => code),
    ['QA1', 'QA2', 'QA3'],
  )
})

t.test(
  'there is a file of each layout, and of each row it is known what it wants or why it is left',
  async (t) => {
    for (const layout of layoutNames) {
      const rows = await read(layout)
      t.ok(rows.length > 1, layout)
      for (const row of rows)
        t.ok('wanted' in row ? row.code !== null : row.detail.endsWith('.'), `${layout} ${row.line}`)
    }
  },
)

t.test('docs/registry.md has every problem of a row, and no other', async (t) => {
  const page = readFileSync(new URL('../../docs/registry.md', import.meta.url), 'utf8')
  const table = page.slice(page.indexOf('### Problems'))
  const named = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) => cell.match(/\w+/g) ?? [])
  t.same(named.sort(), [...rowProblems].sort())
})
