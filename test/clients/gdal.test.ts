import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { startHarness } from '../api/harness.ts'
import { type MadeCase, makeCases } from '../api/made-cases.ts'
import { makeMap, onMap, places } from '../api/map-cases.ts'
import { freePort } from '../redis.ts'

const skip = process.env.CARE_TEST_GDAL === undefined && 'there is no ogrinfo on the PATH'

t.test('GDAL reads what is public, and counts what is in the database', { skip }, async (t) => {
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const harness = await startHarness(t, { publicUrl })
  await harness.app.listen({ host: '127.0.0.1', port })
  const { db } = harness
  const cases = await makeMap(db, 90)
  await makeCases(db, [odd('LEEDS'), odd('NOWHERE')])
  await indexCases(db)
  const shown = [...onMap(cases), odd('LEEDS')]

  const inDatabase = async (where = 'true'): Promise<number> => {
    const { rows } = await db.pool.query<{ n: number }>(
      `select count(*)::int as n from cases c join organisations o on o.id = c.organisation_id
       where c.publication = 'published' and c.privacy <> 'private' and c.latitude is not null and ${where}`,
    )
    return rows[0]?.n ?? -1
  }

  await t.test('OGC API - Features: the collections and their sizes', async (t) => {
    const { layers } = await ogrinfo([`OAPIF:${publicUrl}/ogc`])
    t.same(layers, ['cases', 'organisations'])
    const { count, requests } = await ogrinfo([`OAPIF:${publicUrl}/ogc`, 'cases'])
    t.equal(count, await inDatabase())
    t.equal(count, shown.length)
    t.same(requests.length, 2, 'the number is in the first page')
    const organisations = await db.prisma.organisation.count({
      where: { active: true, latitude: { not: null } },
    })
    t.equal((await ogrinfo([`OAPIF:${publicUrl}/ogc`, 'organisations'])).count, organisations)
    t.equal(
      (await ogrinfo([`OAPIF:${publicUrl}/ogc/collections/cases`, 'cases'])).count,
      count,
      'a collection alone',
    )
  })

  await t.test('an attribute filter is the server’s work', async (t) => {
    const filters = [
      ["status='open'", "c.status = 'open'", 'status=open'],
      ["organisationCode='LEEDS'", "o.code = 'LEEDS'", 'organisationCode=LEEDS'],
      [
        "kind='concern' AND category='food'",
        "c.kind = 'concern' and c.category_code = 'food'",
        'kind=concern&category=food',
      ],
      [
        "reportedAt >= '2026/01/02 06:00:00' AND reportedAt <= '2026/01/03 12:00:00'",
        "c.reported_at between '2026-01-02T06:00Z' and '2026-01-03T12:00Z'",
        'datetime=2026-01-02T06:00:00Z%2F2026-01-03T12:00:00Z',
      ],
      ["reportedAt >= '2026/01/03'", "c.reported_at >= '2026-01-03T00:00Z'", 'datetime=2026-01-03T%2F..'],
      ["organisationCode='NONE'", 'false', 'organisationCode=NONE'],
    ] as const
    for (const [where, sql, sent] of filters) {
      const { count, requests } = await ogrinfo([`OAPIF:${publicUrl}/ogc`, 'cases', '-where', where])
      t.equal(count, await inDatabase(sql), where)
      t.ok(
        requests.some((request) => request.endsWith(`&${sent}`)),
        `it sent ${sent}`,
      )
    }
  })

  await t.test('a spatial filter, and pages of any size', async (t) => {
    const box = ['-spat', '-1', '51', '1', '52']
    const wanted = await inDatabase('c.longitude between -1 and 1 and c.latitude between 51 and 52')
    for (const size of ['4', '1000', '5000']) {
      const { count, requests } = await ogrinfo([
        '-oo',
        `PAGE_SIZE=${size}`,
        `OAPIF:${publicUrl}/ogc`,
        'cases',
        ...box,
      ])
      t.equal(count, wanted, `${size} at a time`)
      t.ok(requests.some((request) => request.endsWith('bbox=-1,51,1,52')))
    }
    const both = ['-where', "status='open'", ...box]
    const { count } = await ogrinfo([`OAPIF:${publicUrl}/ogc`, 'cases', ...both])
    t.equal(
      count,
      await inDatabase("c.status = 'open' and c.longitude between -1 and 1 and c.latitude between 51 and 52"),
    )
  })

  await t.test('features with their places', async (t) => {
    const features = await ogr2ogr(['-oo', 'PAGE_SIZE=7', `OAPIF:${publicUrl}/ogc`, 'cases'])
    t.equal(features.length, shown.length)
    for (const { properties, geometry } of features)
      t.same(
        geometry?.coordinates,
        places[properties.organisationCode as string],
        String(properties.reference),
      )
    t.ok(
      features.some(({ properties }) => properties.text === odd('LEEDS').text),
      'any text is read as it is',
    )
  })

  await t.test('the GeoRSS feed: points, with the latitude put right', async (t) => {
    const file = join(t.testdir(), 'cases.xml')
    const feed = await fetch(`${publicUrl}/v1/feeds/cases.atom`)
    await writeFile(file, await feed.text())
    const features = await ogr2ogr([file])
    const all = await inDatabase()
    t.equal(features.filter(({ geometry }) => geometry !== null).length, all)
    t.equal(features.length, all + cases.filter(nowhere).length + 1, 'and those without a place')
    for (const { properties, geometry } of features) {
      const codes = Object.entries(properties).filter(([name]) => /^category\d*_term$/.test(name))
      const code = codes.map(([, term]) => term).find((term) => term === 'NOWHERE' || String(term) in places)
      t.same(
        geometry?.coordinates,
        places[String(code)]?.map(sixDecimals),
        `${properties.title} stands at its organisation`,
      )
    }
    const read = features.find(({ properties }) => properties.title === odd('LEEDS').title)
    t.ok(read, 'any title is read as it is')
  })

  await t.test('a vector tile', async (t) => {
    const folder = join(t.testdir(), '5', '15')
    await mkdir(folder, { recursive: true })
    const file = join(folder, '10.mvt')
    const tile = await fetch(`${publicUrl}/v1/tiles/5/15/10.mvt`)
    await writeFile(file, Buffer.from(await tile.arrayBuffer()))
    // From the Greenwich meridian eleven degrees to the west.
    const wanted = await inDatabase(
      'c.longitude >= -11.25 and c.longitude < 0 and c.latitude between 49 and 55.77',
    )
    t.ok(wanted > 0)
    t.same((await ogrinfo([`MVT:${file}`])).layers.sort(), ['cases', 'clusters'])
    t.equal((await ogrinfo([`MVT:${file}`, 'cases'])).count, wanted)
    const clusters = await ogr2ogr([`MVT:${file}`, 'clusters', '-t_srs', 'EPSG:4326'])
    t.equal(
      clusters.reduce((all, { properties }) => all + Number(properties.count), 0),
      wanted,
    )
    const points = await ogr2ogr([`MVT:${file}`, 'cases', '-t_srs', 'EPSG:4326'])
    for (const { properties, geometry } of points) {
      const [longitude, latitude] = places[properties.organisation as string] ?? []
      const [x, y] = geometry?.coordinates ?? []
      t.ok(Math.abs(Number(x) - Number(longitude)) < 0.01 && Math.abs(Number(y) - Number(latitude)) < 0.01)
    }
  })
})

/** A case whose text is a trial for every format. */
function odd(organisation: string): MadeCase {
  return {
    organisation,
    kind: 'feedback',
    category: 'staff',
    status: 'resolved',
    publication: 'published',
    privacy: 'anonymous',
    language: 'cy',
    title: '<b>Da</b> & "tŷ" 😀 ]]>',
    text: '<script>alert("x")</script> & é, \\ and {"a": 1}. (Invented.)',
    response: null,
    reportedAt: new Date('2026-01-01T00:00:00.123Z'),
  }
}

// As the feed has them.
function sixDecimals(degrees: number): number {
  return Number(degrees.toFixed(6))
}

function nowhere({ organisation, publication }: MadeCase): boolean {
  return organisation === 'NOWHERE' && publication === 'published'
}

const run = promisify(execFile)

/** What `ogrinfo` says: the layers, or of one layer the number of features; and which addresses it has asked for. */
async function ogrinfo(args: string[]): Promise<{ layers: string[]; count: number; requests: string[] }> {
  const { stdout, stderr } = await run('ogrinfo', ['-ro', '-so', '--debug', 'HTTP', ...args])
  if (/ERROR/.test(stderr)) throw new Error(stderr)
  return {
    layers: [...stdout.matchAll(/^\d+: (\S+)/gm)].map(([, name]) => String(name)),
    count: Number(/^Feature Count: (\d+)$/m.exec(stdout)?.[1]),
    requests: [...stderr.matchAll(/Fetch\(([^)]*)\)/g)].map(([, address]) => String(address)),
  }
}

type Feature = { properties: Record<string, unknown>; geometry: { coordinates: number[] } | null }

/** What `ogr2ogr` makes of a layer: features in longitude and latitude. */
async function ogr2ogr(args: string[]): Promise<Feature[]> {
  const { stdout, stderr } = await run('ogr2ogr', ['-f', 'GeoJSON', '/vsistdout/', ...args], {
    maxBuffer: 2 ** 24,
  })
  if (/ERROR/.test(stderr)) throw new Error(stderr)
  return JSON.parse(stdout).features
}
