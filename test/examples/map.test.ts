import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { serveMap } from '../../examples/map/serve.ts'
import { publishedCase, startHarness } from '../api/harness.ts'
import { type MadeCase, makeCases } from '../api/made-cases.ts'
import { freePort } from '../redis.ts'

const executablePath = process.env.CARE_TEST_CHROMIUM
const skip = executablePath === undefined && 'CARE_TEST_CHROMIUM names no browser'

/** Towns with so many cases. (Invented.) */
const towns: ReadonlyArray<readonly [string, longitude: number, latitude: number, cases: number]> = [
  ['London', -0.128, 51.507, 640],
  ['Bristol', -2.588, 51.454, 90],
  ['Birmingham', -1.89, 52.486, 230],
  ['Manchester', -2.244, 53.483, 180],
  ['Leeds', -1.549, 53.801, 120],
  ['Newcastle', -1.617, 54.978, 40],
  ['Norwich', 1.297, 52.63, 25],
  ['Plymouth', -4.142, 50.376, 30],
  ['Cardiff', -3.179, 51.481, 60],
  ['Edinburgh', -3.188, 55.953, 75],
]

t.test('the map of a running service', { skip }, async (t) => {
  const port = await freePort()
  const harness = await startHarness(t, { publicUrl: `http://127.0.0.1:${port}` })
  await harness.app.listen({ host: '127.0.0.1', port })
  const { db } = harness
  const cases: MadeCase[] = []
  for (const [name, longitude, latitude, size] of towns) {
    const code = name.slice(0, 5).toUpperCase()
    await db.prisma.organisation.create({
      data: { code, name: `${name} Example Hospital`, kind: 'site', longitude, latitude },
    })
    const statuses = ['open', 'resolved', 'no_action_needed', 'in_progress', 'resolved', 'resolved']
    const made = (n: number): MadeCase => ({
      organisation: code,
      kind: 'feedback',
      category: 'staff',
      status: statuses[n % (size % 2 === 0 ? 6 : 4)] as string,
      publication: 'published',
      privacy: 'anonymous',
      language: null,
      title: null,
      text: 'Everybody was kind. (Invented.)',
      response: null,
      reportedAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000),
    })
    cases.push(...Array.from({ length: size }, (_, n) => made(n)))
  }
  await makeCases(db, cases)
  await publishedCase(harness, { organisation: 'T0101' })
  await indexCases(db)
  const all = cases.length + 1

  const map = await serveMap(`http://127.0.0.1:${port}`)
  const browser = await chromium.launch({
    executablePath: executablePath as string,
    args: [
      ...['--no-sandbox', '--disable-quic', '--disable-background-networking'],
      ...['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
    ],
  })
  t.teardown(async () => {
    await browser.close()
    await map.close()
  })
  const page = await browser.newPage({ viewport: { width: 1000, height: 800 } })
  page.setDefaultTimeout(15_000)
  const problems: string[] = []
  const asked: string[] = []
  page.on('pageerror', ({ message }) => problems.push(message))
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  page.on('request', (request) => asked.push(request.url()))

  const isOpen = ({ status }: MadeCase) => ['open', 'in_progress'].includes(status)
  const open = cases.filter(isOpen).length + 1

  await t.test('it shows all cases, in clusters whose sum is the list', async (t) => {
    await page.goto(map.url)
    await idle(page)
    t.equal(
      await page.locator('#count').textContent(),
      `In view: ${all.toLocaleString('en-GB')} cases, ${open} open and ${all - open} closed`,
    )
    const clusters = await rendered(page, 'clusters')
    t.equal(
      clusters.reduce((sum, { count }) => sum + Number(count), 0),
      all,
    )
    t.match(await page.locator('.maplibregl-ctrl-attrib').textContent(), /Open Government Licence/)
    await picture(page, 'map')
  })

  await t.test('a filter goes on to the tiles', async (t) => {
    await page.getByLabel('Show').selectOption('open cases')
    await idle(page)
    t.equal(await page.locator('#count').textContent(), `In view: ${open} cases, ${open} open and 0 closed`)
    t.ok(asked.some((url) => /\/v1\/tiles\/\d+\/\d+\/\d+\.mvt\?status=open&status=in_progress$/.test(url)))
    await page.getByLabel('Show').selectOption('all cases')
    await idle(page)
  })

  await t.test('near by it shows organisations and cases, and a click says what they are', async (t) => {
    await page.evaluate(() => {
      ;(globalThis as unknown as MapPage).map.jumpTo({ center: [-0.1, 51.51], zoom: 13 })
    })
    await idle(page)
    const organisations = await rendered(page, 'organisations')
    t.ok(organisations.some(({ name }) => name === 'Example Site'))
    const [only, ...others] = (await rendered(page, 'cases')).filter(
      ({ organisation }) => organisation === 'T0101',
    )
    t.same(others, [])
    t.match(only, { kind: 'concern', category: 'delays', status: 'open' })

    const { x, y } = await page.evaluate(() => {
      const { map } = globalThis as unknown as MapPage
      const { left, top } = map.getContainer().getBoundingClientRect()
      const point = map.project([-0.1, 51.51])
      return { x: left + point.x, y: top + point.y }
    })
    await page.mouse.click(x, y)
    const popup = page.locator('.maplibregl-popup-content')
    await popup.getByText('They waited for hours. (Invented.)').waitFor()
    t.match(await popup.textContent(), /1 case.*Example Site.*fewer than 5 open/)
    await picture(page, 'map-near')
  })

  t.same(problems, [])
  const elsewhere = asked.filter((url) => !/^(http:\/\/127\.0\.0\.1:|blob:|data:)/.test(url))
  t.same(elsewhere, [], 'it asks nobody else')
})

type MapPage = {
  map: {
    queryRenderedFeatures(options: { layers: string[] }): { properties: Record<string, unknown> }[]
    jumpTo(view: { center: [number, number]; zoom: number }): void
    project(place: [number, number]): { x: number; y: number }
    getContainer(): { getBoundingClientRect(): { left: number; top: number } }
  }
}

/** Waits until everything that is to be seen is there. */
async function idle(page: Page): Promise<void> {
  await page.locator('body[data-state=idle]').waitFor()
}

function rendered(page: Page, layer: string): Promise<Record<string, unknown>[]> {
  return page.evaluate(
    (layer) =>
      (globalThis as unknown as MapPage).map
        .queryRenderedFeatures({ layers: [layer] })
        .map(({ properties }) => properties),
    layer,
  )
}

// To be looked at: CARE_TEST_SCREENSHOTS names the folder that keeps them.
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.CARE_TEST_SCREENSHOTS
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) })
}
