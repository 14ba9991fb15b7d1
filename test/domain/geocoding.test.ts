import { readFileSync } from 'node:fs'
import t from 'tap'
import { outwardGeocoder, readPostcode } from '../../domain/geocoding.ts'

t.test('a postcode is read as people write it', async (t) => {
  const cases: [written: string, outward: string, inward: string | null][] = [
    ['SE1 7EH', 'SE1', '7EH'],
    ['se17eh', 'SE1', '7EH'],
    [' se1  7eh ', 'SE1', '7EH'],
    ['SE 17EH', 'SE1', '7EH'],
    ['M1 1AE', 'M1', '1AE'],
    ['M11AE', 'M1', '1AE'],
    ['B33 8TH', 'B33', '8TH'],
    ['CR2 6XH', 'CR2', '6XH'],
    ['DN55 1PT', 'DN55', '1PT'],
    ['W1A 1AA', 'W1A', '1AA'],
    ['W1A1HQ', 'W1A', '1HQ'],
    ['EC1A 1BB', 'EC1A', '1BB'],
    ['ec1a1bb', 'EC1A', '1BB'],
    ['GIR 0AA', 'GIR', '0AA'],
    ['SE1', 'SE1', null],
    ['se17', 'SE17', null],
    ['M11', 'M11', null],
    ['EC1A', 'EC1A', null],
    ['SE1 7', 'SE1', null],
    ['SE1 7E', 'SE1', null],
    ['SW1', 'SW1', null],
  ]
  for (const [written, outward, inward] of cases) t.same(readPostcode(written), { outward, inward }, written)
})

t.test('what cannot be a postcode is none', async (t) => {
  for (const written of [
    '',
    ' ',
    'SE',
    '75008',
    'BFPO 1',
    'BFPO1234',
    'SE1 7EC',
    'SE1 EH7',
    'SE1 7EHX',
    'XSE1 7EH',
  ])
    t.equal(readPostcode(written), null, written)
})

t.test('a postcode is found by its outward half, in the middle of it', async (t) => {
  const known: [postcode: string, longitude: number, latitude: number][] = [
    ['SE1 7EH', -0.09, 51.5],
    ['eh1', -3.19, 55.95],
    ['CF10 3AT', -3.17, 51.48],
    ['bt1', -5.93, 54.6],
    ['M1', -2.23, 53.48],
    ['NE1 4LP', -1.61, 54.97],
    ['TR1', -5.05, 50.26],
    ['KW1', -3.12, 58.46],
    ['ZE1', -1.17, 60.15],
    ['TR21', -6.3, 49.92],
  ]
  for (const [postcode, longitude, latitude] of known) {
    const place = await outwardGeocoder(postcode)
    t.ok(
      place !== null && Math.abs(place[0] - longitude) < 0.02 && Math.abs(place[1] - latitude) < 0.02,
      postcode,
    )
  }
})

t.test('a district of several letters is found without one, and with one that is no more', async (t) => {
  for (const postcode of ['SW1', 'W1', 'W1N', 'EC1', 'N1X']) {
    const place = await outwardGeocoder(postcode)
    t.ok(place !== null && Math.abs(place[0] + 0.12) < 0.05 && Math.abs(place[1] - 51.51) < 0.04, postcode)
  }
})

t.test('a postcode that nobody has is nowhere', async (t) => {
  for (const postcode of ['ZZ1', 'SE99 1AA', 'GIR 0AA', 'BFPO 1', 'nonsense', 'SE'])
    t.equal(await outwardGeocoder(postcode), null, postcode)
})

t.test('every code stands in the United Kingdom, once', async (t) => {
  const text = readFileSync(new URL('../../domain/data/outward-codes.csv', import.meta.url), 'utf8')
  const [heading, ...lines] = text.trim().split('\n')
  t.equal(heading, 'code,latitude,longitude')
  t.ok(lines.length > 2_800, `${lines.length}`)
  const codes = new Set<string>()
  for (const line of lines) {
    const [, code = '', latitude, longitude] =
      /^([A-Z]{1,2}\d[A-Z\d]?),(\d\d\.\d{3}),(-?\d\.\d{3})$/.exec(line) ?? []
    codes.add(code)
    if (
      !(
        Number(latitude) > 49.8 &&
        Number(latitude) < 60.9 &&
        Number(longitude) > -8.2 &&
        Number(longitude) < 1.8
      )
    )
      t.fail(line)
  }
  t.equal(codes.size, lines.length)
  t.equal(new Set([...codes].map((code) => code.replace(/\d.*/, ''))).size, 121)
})
