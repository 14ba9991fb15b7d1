import { join } from 'node:path'
import { chromium, type FrameLocator, type Page } from 'playwright-core'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { type FormServer, serveForm } from '../../examples/form/server.ts'
import { type Harness, startHarness } from '../api/harness.ts'
import { freePort } from '../redis.ts'

const browserPath = process.env.CARE_TEST_CHROMIUM
const skip = browserPath === undefined && 'CARE_TEST_CHROMIUM names no browser'
const setting = browserPath === undefined ? undefined : await openSetting(t, browserPath)

const places = [
  { code: 'T0101', name: 'Example Site', service: 'Example Ward', stars: 'How clean was it?' },
  { code: 'G01', name: 'Example Practice', service: null, stars: 'Could you get through by telephone?' },
  {
    code: 'L01',
    name: 'Example Council',
    service: null,
    stars: 'Could you reach somebody when you needed to?',
  },
] as const
const CARED = 'Would you recommend it to friends and family who need such care?'
const OVERALL = 'Overall, how was your experience of our service?'

for (const place of places) {
  const at = `about ${place.name}, embedded in another page`

  t.test(`a concern ${at}`, { skip }, async (t) => {
    const { frame, page } = await openForm(t, 'concern', place.code)
    await has(frame.getByRole('heading', { name: `Raise a concern: ${place.name}` }))
    await has(frame.getByRole('note').getByText(/999/))
    t.equal(await frame.getByLabel('Which department?').count(), place.service === null ? 0 : 1)
    if (place.service !== null)
      await frame.getByLabel('Which department?').selectOption({ label: place.service })
    await frame.getByLabel('What is it about?').selectOption({ label: 'Delays' })
    await frame.getByLabel('In a few words').fill('A long wait')
    await frame.getByLabel('What went wrong').fill('We waited for hours. (Invented.)')
    await frame.getByLabel('It is happening now').check()
    await frame.getByLabel('I am writing for somebody else').check()
    await frame.getByLabel(/^Your name/).fill('Invented Person')
    await frame.getByLabel('Your telephone number').fill('020 7946 0123')
    await choose(frame, 'May others read it?', /^Publish it without my name/)
    await frame.getByLabel('I accept the terms').check()
    if (place.service !== null) await picture(page, 'concern')
    t.match(await sent(frame), {
      kind: 'concern',
      organisation: { code: place.code },
      service: place.service === null ? null : { name: place.service },
      category: 'delays',
      original: { title: 'A long wait', text: 'We waited for hours. (Invented.)' },
      happeningNow: true,
      onBehalf: true,
      under16: false,
      privacy: 'anonymous',
      contact: { name: 'Invented Person', phone: '020 7946 0123' },
    })
  })

  t.test(`a question ${at}`, { skip }, async (t) => {
    const { frame } = await openForm(t, 'question', place.code)
    await has(frame.getByRole('heading', { name: `Ask a question: ${place.name}` }))
    await frame.getByLabel('What would you like to know?').fill('When do you open? (Invented.)')
    await frame.getByLabel('I am under 16').check()
    await choose(frame, 'Would you like an answer?', /^Yes/)
    await frame.getByLabel('Your e-mail address').fill('invented@example.org')
    await choose(frame, 'How should we answer?', 'By e-mail')
    await frame.getByLabel('I accept the terms').check()
    t.match(await sent(frame), {
      kind: 'question',
      organisation: { code: place.code },
      original: { title: null, text: 'When do you open? (Invented.)' },
      under16: true,
      wantsResponse: true,
      privacy: 'private',
      contact: { email: 'invented@example.org', preferred: 'email' },
      images: [],
    })
  })

  t.test(`feedback with ratings and a picture ${at}`, { skip }, async (t) => {
    const { frame, page } = await openForm(t, 'feedback', place.code)
    await has(frame.getByRole('heading', { name: `Leave feedback: ${place.name}` }))
    await frame.getByLabel('What would you like to say?').fill('Everyone was kind. (Invented.)')
    const [month = ''] = await frame.getByLabel('When was it?').getByRole('option').nth(1).allTextContents()
    await frame.getByLabel('When was it?').selectOption({ label: month })
    await choose(frame, CARED, 'Likely')
    const stars = frame.getByRole('group', { name: place.stars })
    await stars.getByRole('radio').last().check()
    await choose(frame, OVERALL, 'Very good')
    await frame.getByLabel(/^Your name/).fill('Invented Person')
    await choose(frame, 'May others read it?', /^Publish it with my name/)
    await frame
      .getByLabel('Pictures')
      .setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: await png() })
    await frame.getByLabel('I accept the terms').check()
    if (place.service !== null) await picture(page, 'feedback')
    const stored = await sent(frame)
    t.match(stored, {
      kind: 'feedback',
      organisation: { code: place.code },
      original: { text: 'Everyone was kind. (Invented.)' },
      visitMonth: /^\d{4}-\d\d$/,
      privacy: 'named',
      wantsResponse: false,
      images: [{ mediaType: 'image/png' }],
    })
    t.same(
      stored.ratings.map(({ question, value }: { question: string; value: number }) => [question, value]),
      [
        [CARED, 4],
        [place.stars, 5],
        [OVERALL, 5],
      ],
    )
  })
}

t.test('a mistake is told at its field, and the corrected form is taken', { skip }, async (t) => {
  const { frame } = await openForm(t, 'concern', 'T0101')
  await frame.getByLabel('Your e-mail address').fill('nobody')
  await frame.getByRole('button', { name: 'Send' }).click()
  const text = frame.getByLabel('What went wrong')
  await has(frame.locator('.field', { has: text }).getByText('Is needed.'))
  const email = frame.locator('.field', { has: frame.getByLabel('Your e-mail address') })
  await has(email.getByText('Must be a valid e-mail address.'))
  const described = await frame.getByLabel('Your e-mail address').getAttribute('aria-describedby')
  t.match(described, 'error:/contact/email', 'and to those who do not see it')

  await text.fill('We waited. (Invented.)')
  await frame.getByLabel('Your e-mail address').fill('invented@example.org')
  await frame.getByLabel(/^Your name/).fill('Invented Person')
  await frame.getByLabel('I accept the terms').check()
  t.match(await sent(frame), { original: { text: 'We waited. (Invented.)' } })
})

t.test('a second click, also after a lost answer, makes no second case', { skip }, async (t) => {
  const { frame, page } = await openForm(t, 'feedback', 'G01')
  const { harness, url } = here()
  const before = await harness.db.prisma.case.count()
  let answers = 0
  await page.route(`${url}/v1/cases`, async (route) => {
    if (route.request().method() !== 'POST') return route.continue()
    const response = await route.fetch()
    answers++
    return answers === 1 ? route.abort() : route.fulfill({ response })
  })
  await frame.getByLabel('What would you like to say?').fill('Everyone was kind. (Invented.)')
  await frame
    .getByLabel('Pictures')
    .setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: await png() })
  await frame.getByLabel('I accept the terms').check()
  await frame.getByRole('button', { name: 'Send' }).dblclick()
  await has(frame.getByRole('alert').filter({ hasText: 'It could not be sent. Please try again.' }))
  t.equal(answers, 1, 'the second of two quick clicks sends nothing')
  t.equal((await sent(frame)).images.length, 1)
  t.equal(answers, 2)
  t.equal(await harness.db.prisma.case.count(), before + 1)
})

t.test('who writes of danger reads first where to turn, and a robot learns nothing', { skip }, async (t) => {
  const { frame } = await openForm(t, 'question', 'L01')
  await frame.getByLabel('What would you like to know?').fill('I want to kill myself. (Invented.)')
  await choose(frame, 'Would you like an answer?', 'No')
  await frame.getByLabel('I accept the terms').check()
  await frame.locator('[name="/website"]').evaluate((trap: { value: string }) => {
    trap.value = 'https://robot.example'
  })
  await frame.getByRole('button', { name: 'Send' }).click()
  await has(frame.getByRole('alert').filter({ hasText: /./ }))
  t.notMatch(await frame.getByRole('alert').textContent(), /website|robot/)

  await frame.locator('[name="/website"]').evaluate((trap: { value: string }) => {
    trap.value = ''
  })
  t.match(await sent(frame), { urgent: true })
  t.match(await frame.locator('#thanks p').first().textContent(), /999/)
})

t.test(
  'a page that is not registered sends nothing, and one without a form says why',
  { skip },
  async (t) => {
    const { harness, url, context } = here()
    const elsewhere = await serveForm(() => ({ url, key: harness.keys.form }))
    t.teardown(elsewhere.close)
    const before = await harness.db.prisma.case.count()
    const page = await context.newPage()
    t.teardown(() => page.close())
    await page.goto(`${elsewhere.url}/form.html?kind=feedback&organisation=T01`)
    await page.getByLabel('What would you like to say?').fill('Everyone was kind. (Invented.)')
    await page.getByLabel('I accept the terms').check()
    await page.getByRole('button', { name: 'Send' }).click()
    await has(page.getByRole('alert').filter({ hasText: 'It could not be sent.' }))
    t.equal(await harness.db.prisma.case.count(), before)

    await page.goto(`${elsewhere.url}/form.html?kind=feedback&organisation=NOBODY`)
    await has(page.getByRole('heading', { name: /NOBODY/ }))
  },
)

type Setting = Awaited<ReturnType<typeof openSetting>>

/** The service, a browser, the form on its server and its host page on another. */
async function openSetting(t: Test, executablePath: string) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const harness = await startHarness(t, { publicUrl: url })
  await harness.app.listen({ host: '127.0.0.1', port })
  const create = (code: string, name: string, kind: 'gp_practice' | 'local_authority') =>
    harness.db.prisma.organisation.create({ data: { code, name, kind, latitude: 51.5, longitude: -0.1 } })
  await create('G01', 'Example Practice', 'gp_practice')
  await create('L01', 'Example Council', 'local_authority')

  let key = ''
  const form = await serveForm(() => ({ url, key }))
  key = await harness.addClient({ name: 'page', role: 'form', brand: 'choices', origins: [form.url] })
  const host: FormServer = await serveForm(() => ({ form: `${form.url}/form.html` }))
  const args = ['--no-sandbox', '--disable-quic', '--disable-background-networking']
  const browser = await chromium.launch({ executablePath, args })
  const context = await browser.newContext()
  context.setDefaultTimeout(15_000)
  t.teardown(async () => {
    await browser.close()
    await form.close()
    await host.close()
  })
  return { harness, url, host, context }
}

function here(): Setting {
  if (setting === undefined) throw new Error('there is no browser')
  return setting
}

async function openForm(
  t: Test,
  kind: string,
  organisation: string,
): Promise<{ page: Page; frame: FrameLocator }> {
  const page = await here().context.newPage()
  t.teardown(() => page.close())
  await page.goto(`${here().host.url}/embed.html?kind=${kind}&organisation=${organisation}`)
  return { page, frame: page.frameLocator('#care-connect') }
}

async function choose(frame: FrameLocator, question: string, answer: string | RegExp): Promise<void> {
  await frame.getByRole('group', { name: question }).getByRole('radio', { name: answer, exact: true }).check()
}

/** Sends the form; the case that came of it, as a case handler reads it. */
async function sent(frame: FrameLocator): Promise<Awaited<ReturnType<Harness['call']>>['body']> {
  const { harness } = here()
  await frame.getByRole('button', { name: 'Send' }).click()
  await has(frame.getByRole('heading', { name: 'Thank you' }))
  const [reference, receipt = ''] = await frame.getByRole('definition').allTextContents()
  const url = `/v1/cases/${reference}`
  const followed = await harness.call({ url, headers: { 'case-receipt': receipt } })
  if (followed.body.view !== 'reporter') throw new Error(`the receipt opens a ${followed.body.view}`)
  const { body } = await harness.call({ url, key: harness.keys.case_handler })
  return body
}

/** Waits until it is there to be seen. */
async function has(what: { waitFor: () => Promise<void> }): Promise<void> {
  await what.waitFor()
}

// To be looked at: CARE_TEST_SCREENSHOTS names the folder that keeps them.
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.CARE_TEST_SCREENSHOTS
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}

function png(): Promise<Buffer> {
  const background = { r: 0, g: 94, b: 184 }
  return sharp({ create: { width: 40, height: 30, channels: 3, background } })
    .png()
    .toBuffer()
}
