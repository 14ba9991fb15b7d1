import t from 'tap'
import { addresseeOf } from '../../domain/addressees.ts'
import { indexCases } from '../../domain/case-index.ts'
import { digestOf, noteDigests } from '../../domain/feedback-digest.ts'
import { noteHubTopics } from '../../domain/hub.ts'
import { claimNotifications } from '../../domain/notifications.ts'
import { rows } from '../../prisma/client.ts'
import { noteAll } from '../noted.ts'
import { until } from '../workers/poll-setting.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, draft, handledDraft, PUBLIC_URL, staff, startHarness } from './harness.ts'
import { administer, allIn, counted, figures, MERGER, settle, statistics } from './merging.ts'

t.test('two trusts merge into a third', async (t) => {
  const harness = await startHarness(t)
  const { call, keys, db, addClient } = harness
  await settle(harness)
  const idOf = async (code: string): Promise<number> =>
    (await db.prisma.organisation.findUniqueOrThrow({ where: { code } })).id
  const toolOf = async (code: string): Promise<string> =>
    addClient({ name: `tool of ${code}`, role: 'provider', organisationIds: [await idOf(code)] })
  const [toolA, toolB, toolC] = [await toolOf('MA1'), await toolOf('MB1'), await toolOf('MC1')]
  const staffView = async (reference: string, key = keys.case_handler): Promise<Answer['body']> =>
    (await call({ url: `/v1/cases/${reference}`, key })).body
  const push = (items: unknown[]): Promise<Answer> =>
    call({ method: 'POST', url: '/v1/sources/pushed/items', key: keys.feed_provider, body: { items } })
  const story = (externalId: string, publishedAt: string | undefined, changes: object = {}): object => ({
    type: 'story',
    externalId,
    organisation: 'MA1',
    text: 'Everyone explained things. (Invented.)',
    ...(publishedAt !== undefined && { publishedAt }),
    ...changes,
  })
  const organisationOf = async (externalId: string): Promise<string | undefined> =>
    (
      await rows<{ code: string }>(
        db.pool,
        `select o.code from items i join cases c on c.id = i.case_id join organisations o on o.id = c.organisation_id
         where i.external_id = $1`,
        [externalId],
      )
    )[0]?.code

  // What anybody sees, to be compared with afterwards.
  const each = 21
  const staffEach = each + 3
  // What was removed is in no figures.
  const inFigures = each + 2
  const of = (key: string): Promise<string[]> => allIn(harness, '&view=mine', key)
  const before = {
    nation: await counted(harness),
    a: await allIn(harness, '&organisation=MA1'),
    mine: await of(keys.case_handler),
    toolA: await of(toolA),
    commissioner: await of(keys.commissioner),
    otherCommissioner: await of(keys.other_commissioner),
  }

  await t.test('before, each has its own, and the sums are those of the nation', async (t) => {
    t.equal(before.nation, 6 * each)
    t.equal(await counted(harness, ['MA1']), 3 * each)
    t.equal(await counted(harness, ['MB1']), 2 * each)
    t.equal(await counted(harness, ['MC1']), each)
    t.equal(await counted(harness, ['MA1', 'MB1', 'MC1']), 6 * each)
    t.same(await figures(harness), { listed: 6 * each, onMap: 5 * each }, 'one stands nowhere')
    t.equal(await statistics(harness), 6 * inFigures)
    t.equal(await statistics(harness, 'MA1'), 3 * inFigures)
    t.equal(await statistics(harness, 'MC1'), inFigures)
    t.equal(before.mine.length, 6 * staffEach)
    t.equal(before.toolA.length, 3 * staffEach)
    t.equal((await of(toolC)).length, staffEach)
    t.equal(before.commissioner.length, 3 * staffEach)
    t.equal(before.otherCommissioner.length, 3 * staffEach)
  })

  const { reference: open } = await createCase(harness, { organisation: 'MA1', service: 'EARS' })
  const referred = await createCase(harness, { organisation: 'T01' })
  await push([story('early', MERGER.before), story('undated', undefined)])
  await call({
    method: 'POST',
    url: `/v1/cases/${referred.reference}/referrals`,
    key: keys.case_handler,
    headers: staff(referred.version),
    body: { organisation: 'MA1' },
  })
  const { reference: praise } = await createCase(harness, { organisation: 'MA1', kind: 'feedback' })
  const merging = [open, referred.reference, praise]

  await t.test('both close, with their sites moved', async (t) => {
    for (const code of ['MA1', 'MB1']) {
      const answer = await administer(harness, 'POST', code, '/closure', { on: MERGER.day, successor: 'mc1' })
      t.equal(answer.status, 201, answer.text)
      t.match(answer.body, {
        code,
        url: `${PUBLIC_URL}/v1/organisations/${code}`,
        active: false,
        closedOn: MERGER.day,
        successor: { code: 'MC1', name: 'Merged Trust C' },
        commissioners: [{ code: code === 'MA1' ? 'XCM01' : 'XCM02' }],
      })
      t.same((await call({ url: `/v1/organisations/${code}` })).body, answer.body)
    }
    const below = (await call({ url: '/v1/organisations?parent=MC1' })).body.items
    t.match(below, [
      { code: 'MA101', active: true, region: 'London', version: 2 },
      { code: 'MA102', active: true, region: 'London' },
      { code: 'MB101', active: true, region: 'North' },
    ])
    const [placed] = await rows(
      db.pool,
      `select count(*)::int as n, bool_and(c.latitude = 50.8) as there from cases c join organisations o on o.id = c.organisation_id where o.code = 'MA102'`,
    )
    t.same(placed, { n: staffEach, there: true }, 'a site that stands nowhere stands with its new trust')
  })

  const items = { early: 1, undated: 1 }
  const added = Object.keys(items).length + merging.length

  await t.test('after, nothing was lost or doubled', async (t) => {
    t.equal(await counted(harness), 6 * each, 'in the nation')
    t.equal(await counted(harness, ['MC1']), 6 * each, 'at what came after')
    t.equal(await counted(harness, ['MC1', 'MA1', 'MB1', 'MA101']), 6 * each, 'also where it is named twice')
    t.equal(await counted(harness, ['MA1']), each, 'at what was before: its own past')
    t.equal(await counted(harness, ['MB1']), each)
    t.equal(await counted(harness, ['MA101']), each)
    t.same(await figures(harness), { listed: 6 * each, onMap: 5 * each })
    t.equal(await statistics(harness), 6 * inFigures + added)
    t.equal(await statistics(harness, 'MC1'), 6 * inFigures + added)
    t.equal(await statistics(harness, 'MA1'), inFigures + added)
    t.equal(await statistics(harness, 'MB1'), inFigures)
    const old = (await call({ url: '/v1/organisations?active=false&q=MA1&include=figures' })).body.items[0]
    t.match(old, { code: 'MA1', figures: { open: 6, closed: 15 } }, 'it keeps its own figures')
    const mine = await of(keys.case_handler)
    t.same(
      mine.filter((one) => before.mine.includes(one)),
      before.mine,
    )
    t.equal(mine.length, 6 * staffEach + added)
    const regions = (await call({ url: '/v1/case-counts?by=region' })).body.facets.region
    t.same(byValue(regions), { London: 3 * each, North: 2 * each, South: each }, 'and stands where it stood')
  })

  await t.test(
    'the tool of what came after sees all of it, the tools of before what was theirs',
    async (t) => {
      // What a key is bound to is remembered for a moment.
      await until('the key knows what came to it', async () => (await of(toolC)).length > staffEach)
      t.equal((await of(toolC)).length, 6 * staffEach + added)
      const toolAs = await of(toolA)
      t.equal(toolAs.length, staffEach + added, 'the sites are another’s')
      t.same(toolAs.filter((one) => !before.toolA.includes(one)).length, added)
      t.equal((await of(toolB)).length, staffEach)
      t.match(await staffView(open, toolC), {
        view: 'staff',
        organisation: { code: 'MA1' },
        service: { code: 'EARS' },
      })
      t.match(await staffView(open, toolA), { view: 'staff' })
      t.match(await staffView(open, keys.other_provider), { view: 'stub' }, 'others see what the public does')
    },
  )

  await t.test('each commissioner has what it commissions or commissioned', async (t) => {
    const [one, other] = [await of(keys.commissioner), await of(keys.other_commissioner)]
    t.equal(one.length, staffEach + added, 'what closed stays with its own')
    t.equal(other.length, 6 * staffEach + added)
    t.same(
      one.filter((reference) => !other.includes(reference)),
      [],
      'and is under that of what came after',
    )
  })

  await t.test('a case of before is worked on from where it is', async (t) => {
    const { version } = await staffView(open, toolC)
    const answer = await call({
      method: 'POST',
      url: `/v1/cases/${open}/responses`,
      key: toolC,
      headers: staff(version),
      body: { text: 'We are sorry. (Invented.)', status: 'in_progress' },
    })
    t.equal(answer.status, 201, answer.text)
    t.match(await staffView(open), { status: 'in_progress', organisation: { code: 'MA1' } })
    const waiting = await staffView(referred.reference, toolC)
    const accepted = await call({
      method: 'POST',
      url: `/v1/cases/${referred.reference}/referral-answers`,
      key: toolC,
      headers: staff(waiting.version),
      body: { action: 'accept' },
    })
    t.equal(accepted.status, 201, accepted.text)
    const late = await staffView(open, toolA)
    const noted = await call({
      method: 'POST',
      url: `/v1/cases/${open}/notes`,
      key: toolA,
      headers: staff(late.version),
      body: { text: 'A note. (Invented.)' },
    })
    t.equal(noted.status, 201, 'the tool of before goes on with it')
  })

  await t.test('answers are moderated before where what came after wants it', async (t) => {
    const settings = {
      url: '/v1/organisations/MC1/settings',
      key: keys.administrator,
      method: 'PATCH',
    } as const
    await call({ ...settings, headers: staff(1), body: { responseModeration: 'before' } })
    const { version } = await staffView(open, toolC)
    const answer = await call({
      method: 'POST',
      url: `/v1/cases/${open}/responses`,
      key: toolC,
      headers: staff(version),
      body: { text: 'And once more. (Invented.)' },
    })
    t.equal(answer.body.case.responses.at(-1).publication, 'awaiting_moderation')
    await call({ ...settings, headers: staff(2), body: { responseModeration: 'after' } })
  })

  await t.test('mails about a case of before go to what came after', async (t) => {
    await rows(
      db.pool,
      `update organisations set notify_email = lower(code) || '@example.org' where code in ('MA1', 'MC1')`,
    )
    const { version } = await staffView(open)
    await call({
      method: 'PATCH',
      url: `/v1/cases/${open}`,
      key: keys.case_handler,
      headers: staff(version),
      body: { organisation: 'T01' },
    })
    const back = await staffView(open)
    await call({
      method: 'PATCH',
      url: `/v1/cases/${open}`,
      key: keys.case_handler,
      headers: staff(back.version),
      body: { organisation: 'MA1' },
    })
    t.match(await staffView(open), { organisation: { code: 'MC1' } }, 'the old code means what came after')
    await noteAll(db)
    const now = new Date(Date.now() + 60_000)
    const due = await claimNotifications(db, now, { limit: 1_000, leaseMs: 60_000 })
    const oldId = await idOf('MA1')
    const about = due.filter(({ organisationId, address }) => organisationId === oldId && address === 1)
    t.ok(about.length > 0, 'there are some')
    const tos = new Set<unknown>()
    for (const one of about) {
      const said = await addresseeOf(db, one, {
        onCall: null,
        nationalContact: null,
        now,
        publicUrl: PUBLIC_URL,
      })
      tos.add('to' in said ? said.to : said.nobody)
    }
    t.same([...tos].sort(), ['mc1@example.org', 'moved'])
  })

  await t.test('so does the digest of feedback, and the hub hears of its feeds', async (t) => {
    const tomorrow = new Date(`${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}T10:00:00Z`)
    t.equal(await noteDigests(db, tomorrow), 1, 'the closed one gets none of its own')
    const digest = await digestOf(
      db.pool,
      { address: 1, createdAt: tomorrow.toISOString() },
      await idOf('MC1'),
    )
    t.same(digest, { count: 1, references: [praise] })

    await indexCases(db)
    await noteHubTopics(db, new Date())
    await rows(db.pool, 'delete from hub_topics')
    const { version } = await staffView(praise)
    await call({
      method: 'POST',
      url: `/v1/cases/${praise}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: {
        action: 'publish',
        reason: 'fit_to_publish',
        moderatedText: 'Kind. (Invented.)',
        commissioned: 'locally',
      },
    })
    await indexCases(db)
    await noteHubTopics(db, new Date())
    const topics = await rows<{ code: string }>(
      db.pool,
      `select substring(topic from 'organisation=(.*)$') as code from hub_topics where topic like '%.atom?organisation=%' order by 1`,
    )
    t.same(topics, [{ code: 'MA1' }, { code: 'MC1' }])
  })

  await t.test('whatever names the old code from now on goes to what came after', async (t) => {
    const plain = await createCase(harness, { organisation: 'ma 1' })
    t.match(await staffView(plain.reference), { organisation: { code: 'MC1' }, position: { latitude: 50.8 } })
    const kept = await createCase(harness, { organisation: 'MA1', service: 'EYES' })
    t.match(await staffView(kept.reference), { organisation: { code: 'MC1' }, service: { code: 'EYES' } })
    const dropped = await createCase(harness, { organisation: 'MA1', service: 'EARS' })
    t.match(await staffView(dropped.reference), { organisation: { code: 'MC1' }, service: null })
    const submit = (body: unknown, key: string): Promise<Answer> =>
      call({ method: 'POST', url: '/v1/cases', key, body })
    refused(
      t,
      await submit(draft({ organisation: 'MA1', service: 'NOSE' }), keys.integrator),
      400,
      'validation_failed',
      ['body /service unknown_service'],
    )
    const handled = await call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.case_handler,
      headers: { 'acting-user': 'person-1' },
      body: handledDraft({ organisation: 'MB1' }),
    })
    t.equal(handled.status, 201, handled.text)
    t.match(await staffView(handled.body.reference), { organisation: { code: 'MC1' } })
    const form = await call({ url: '/v1/forms/concern?organisation=MB1' })
    t.match(form.body, { organisation: { code: 'MC1' } })
    const web = await submit(draft({ organisation: 'MB1' }), keys.form)
    t.equal(web.status, 201, web.text)
    const preview = await call({
      method: 'POST',
      url: '/v1/previews',
      key: keys.integrator,
      body: draft({ organisation: 'MA1', service: 'EARS' }),
    })
    t.same(preview.body.warnings, [])

    const away = await createCase(harness, { organisation: 'T02' })
    const sent = await call({
      method: 'POST',
      url: `/v1/cases/${away.reference}/referrals`,
      key: keys.case_handler,
      headers: staff(away.version),
      body: { organisation: 'MB1' },
    })
    t.equal(sent.status, 201, sent.text)
    t.match(await staffView(away.reference), { organisation: { code: 'MC1' } })
    t.equal((await of(toolA)).includes(plain.reference), false, 'which the tool of before does not see')
    t.equal((await of(toolC)).includes(plain.reference), true)
  })

  await t.test('what a source tells belongs to who was there when it was said', async (t) => {
    const told = await push([
      story('night-before', MERGER.before),
      story('that-day', MERGER.on),
      story('days-after', MERGER.after, { organisation: 'mb1' }),
      story('early', MERGER.before, { text: 'Everyone explained everything. (Invented.)' }),
      story('undated', undefined, { text: 'Everyone explained everything. (Invented.)' }),
    ])
    t.same(
      told.body.items.map(({ outcome }: { outcome: string }) => outcome),
      ['created', 'created', 'created', 'changed', 'changed'],
    )
    t.equal(await organisationOf('night-before'), 'MA1')
    t.equal(await organisationOf('that-day'), 'MC1')
    t.equal(await organisationOf('days-after'), 'MC1')
    t.equal(await organisationOf('early'), 'MA1', 'an edit leaves it where it is')
    t.equal(await organisationOf('undated'), 'MA1', 'also of what has no date')

    const created = await call({
      method: 'POST',
      url: '/v1/sources',
      key: keys.administrator,
      headers: { 'acting-user': 'admin-1' },
      body: { name: 'ours', title: 'Invented', settings: { organisation: { scheme: 'ods', code: 'MB1' } } },
    })
    t.equal(created.status, 201, created.text)
    const source = await db.prisma.source.findUniqueOrThrow({ where: { name: 'ours' } })
    const key = await addClient({ name: 'ours', role: 'feed_provider', sourceId: source.id })
    const unnamed = { type: 'story', text: 'Kind. (Invented.)' }
    const pushed = await call({
      method: 'POST',
      url: '/v1/sources/ours/items',
      key,
      body: {
        items: [
          { ...unnamed, externalId: 'own-before', publishedAt: MERGER.before },
          { ...unnamed, externalId: 'own-after', publishedAt: MERGER.after },
        ],
      },
    })
    t.equal(pushed.status, 200, pushed.text)
    t.equal(await organisationOf('own-before'), 'MB1')
    t.equal(await organisationOf('own-after'), 'MC1')
    const text = await call({
      method: 'POST',
      url: '/v1/sources/ours/texts',
      key,
      body: {
        id: 'text-1',
        source_number: '447700900111',
        destination_number: '447700900222',
        message: 'MA1 It was slow. (Invented.)',
        date_received: new Date().toISOString(),
      },
    })
    t.match(await staffView(text.body.reference), { organisation: { code: 'MC1' } })
  })

  await t.test('what came after is succeeded itself: all follows to the end of the chain', async (t) => {
    const total = await counted(harness)
    const lists = (await of(toolC)).length
    await call({
      method: 'POST',
      url: '/v1/organisations',
      key: keys.administrator,
      headers: { 'acting-user': 'admin-1' },
      body: {
        code: 'MD1',
        name: 'Merged Trust D',
        kind: 'trust',
        region: 'South',
        position: { latitude: 50.9, longitude: -1.4 },
      },
    })
    const closed = await administer(harness, 'POST', 'MC1', '/closure', {
      on: '2026-06-01',
      successor: 'MD1',
    })
    t.equal(closed.status, 201, closed.text)
    t.equal(await counted(harness), total)
    t.equal(await counted(harness, ['MD1']), total)
    t.equal(await counted(harness, ['MC1', 'MD1', 'MA1']), total)
    t.equal((await figures(harness)).listed, 6 * each)
    t.equal(
      await statistics(harness, 'MD1'),
      (await statistics(harness)) - (await statistics(harness, 'T02')),
    )
    t.equal((await of(await toolOf('MD1'))).length, lists)
    t.match(
      (await call({ url: '/v1/organisations/MA1' })).body,
      { successor: { code: 'MC1' } },
      'the history stays',
    )
    const fresh = await createCase(harness, { organisation: 'MA1' })
    t.match(await staffView(fresh.reference), { organisation: { code: 'MD1' } })
    await push([
      story('chain-1', MERGER.before),
      story('chain-2', MERGER.after),
      story('chain-3', '2026-07-01T09:00:00Z'),
    ])
    t.equal(await organisationOf('chain-1'), 'MA1')
    t.equal(await organisationOf('chain-2'), 'MC1')
    t.equal(await organisationOf('chain-3'), 'MD1')
    const circle = await administer(harness, 'POST', 'MD1', '/closure', { successor: 'MA1' })
    refused(t, circle, 409, 'tree_conflict')
  })

  await t.test('opened again it is itself, and what it succeeded is its own', async (t) => {
    const total = await counted(harness)
    const opened = await administer(harness, 'DELETE', 'MC1', '/closure')
    t.match(opened.body, { active: true, closedOn: null, successor: null })
    t.equal(await counted(harness), total)
    t.equal(
      await counted(harness, ['MC1']),
      total - 3 * each,
      'its own and what was before; the sites went on',
    )
    t.equal(await counted(harness, ['MD1']), 3 * each)
    t.equal((await figures(harness)).listed, 6 * each)
    const fresh = await createCase(harness, { organisation: 'MA1' })
    t.match(await staffView(fresh.reference), { organisation: { code: 'MC1' } })
    for (const { code } of (await call({ url: '/v1/organisations?parent=MD1' })).body.items)
      t.equal((await administer(harness, 'PATCH', code, '', { parent: 'MC1' })).status, 200)
    t.equal(await counted(harness, ['MC1']), total)
  })

  await t.test('one closes into another with its sites, and its commissioner into another one', async (t) => {
    const total = await counted(harness)
    const lists = (await of(keys.case_handler)).length
    const answer = await administer(harness, 'POST', 'MC1', '/closure', { successor: 'MD1', sites: 'close' })
    t.equal(answer.status, 201, answer.text)
    t.match((await call({ url: '/v1/organisations/MB101' })).body, {
      active: false,
      parent: { code: 'MC1' },
      successor: { code: 'MD1' },
    })
    t.equal(await counted(harness), total)
    t.equal(await counted(harness, ['MD1']), total)
    t.equal(await counted(harness, ['MC1']), total, 'its own past, with what is below it')
    t.equal((await figures(harness)).listed, 6 * each, 'all of it stands at the one that is open')
    t.equal((await figures(harness)).onMap, 6 * each)
    t.equal((await of(keys.case_handler)).length, lists)
    const site = await createCase(harness, { organisation: 'MA101' })
    t.match(await staffView(site.reference), { organisation: { code: 'MD1' } })

    const seen = await of(keys.commissioner)
    const commissioner = await administer(harness, 'POST', 'XCM01', '/closure', { successor: 'XCM02' })
    t.equal(commissioner.status, 201, commissioner.text)
    t.match((await call({ url: '/v1/organisations/T01' })).body, {
      commissioners: [{ code: 'XCM02' }],
      version: 2,
    })
    t.same(await of(keys.commissioner), seen, 'whoever has the old key sees what it saw')
    const others = await of(keys.other_commissioner)
    t.same(
      seen.filter((one) => !others.includes(one)),
      [],
    )
  })

  function byValue(facet: { value: string; count: number }[]): Record<string, number> {
    return Object.fromEntries(facet.map(({ value, count }) => [value, count]))
  }
})
