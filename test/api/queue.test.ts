import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, createCase, draft, publishedCase, staff, startHarness } from './harness.ts'

type Item = { waitsFor: string[]; dueAt: string | null; overdue: boolean; case: { reference: string } }

t.test('the queue', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const queue = (
    query = '',
    key = keys.case_handler,
    headers: Record<string, string> = {},
  ): Promise<Answer> => call({ url: `/v1/queue?limit=100${query}`, key, headers })
  const waiting = async (...args: Parameters<typeof queue>): Promise<string[]> =>
    (await queue(...args)).body.items.map((item: Item) => item.case.reference)
  const itemOf = async (reference: string): Promise<Item | undefined> =>
    (await queue()).body.items.find((item: Item) => item.case.reference === reference)
  const set = (reference: string, change: string) =>
    db.pool.query(`update cases set ${change} where reference = $1`, [reference])
  const empty = async () => {
    await db.pool.query(`update cases set publication = 'rejected', held_until = null`)
    await db.pool.query(`update objections set state = 'declined'`)
    await db.pool.query(`update responses set publication = 'removed'`)
  }
  const decide = (reference: string, version: number, action: string): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { action, reason: 'second_opinion', commissioned: 'locally' },
    })

  await t.test('M01: it has what is unmoderated and unreferred, of any work status', async (t) => {
    const open = await createCase(harness)
    const closed = await createCase(harness)
    await set(
      closed.reference,
      `status = 'resolved', acknowledged_at = now(), closed_at = now(), resolved_at = now()`,
    )
    const referred = await createCase(harness)
    await decide(referred.reference, referred.version, 'refer')
    const kept = await createCase(harness, { privacy: 'private' })
    await decide(kept.reference, kept.version, 'keep_private')
    const published = await publishedCase(harness)
    const withdrawn = await createCase(harness)
    await set(withdrawn.reference, `status = 'withdrawn', acknowledged_at = now(), closed_at = now()`)
    t.same((await waiting()).sort(), [open.reference, closed.reference].sort())
    t.same(await waiting('', keys.second_tier), [referred.reference])
    for (const { reference } of [kept, published, withdrawn]) t.equal(await itemOf(reference), undefined)
  })

  await t.test(
    'M01: urgent ones first, then high priority, then what is due first, then the oldest',
    async (t) => {
      await empty()
      const cases: Record<string, string> = {}
      for (const name of ['never', 'late', 'early', 'old', 'young', 'high', 'urgent'])
        cases[name] = (await createCase(harness)).reference
      const due = (name: string, time: string, more = '') =>
        set(cases[name] as string, `moderate_due_at = ${time}${more}`)
      await due('never', 'null')
      await due('late', `'2030-01-03'`)
      await due('early', `'2030-01-01'`)
      await due('old', `'2030-01-02'`)
      await due('young', `'2030-01-02'`)
      await due('high', `'2031-01-01'`, `, priority = 'high'`)
      await due('urgent', `'2032-01-01'`, ', urgent = true')
      const wanted = ['urgent', 'high', 'early', 'old', 'young', 'late', 'never'].map((name) => cases[name])
      t.same(await waiting(), wanted)

      const paged: string[] = []
      let after = ''
      do {
        const { body } = await call({ url: `/v1/queue?limit=2${after}`, key: keys.case_handler })
        paged.push(...body.items.map((item: Item) => item.case.reference))
        after = body.next === null ? '' : `&after=${body.next}`
      } while (after !== '')
      t.same(paged, wanted, 'page by page too')
    },
  )

  await t.test('its pages neither lose nor repeat anything while cases come and go', async (t) => {
    await empty()
    const all = []
    for (let n = 0; n < 5; n++) all.push(await createCase(harness))
    for (const { reference } of all) await set(reference, 'moderate_due_at = null')
    const first = (await call({ url: '/v1/queue?limit=2', key: keys.case_handler })).body
    const [gone] = all
    await decide(gone?.reference as string, 1, 'reject')
    const newer = await createCase(harness)
    await set(newer.reference, 'urgent = true')
    const second = (await call({ url: `/v1/queue?limit=9&after=${first.next}`, key: keys.case_handler })).body
    t.same(
      second.items.map((item: Item) => item.case.reference),
      all.slice(2).map(({ reference }) => reference),
    )
    t.equal(second.next, null)
  })

  await t.test('each item says what it waits for, until when, and whether that is over', async (t) => {
    await empty()
    const fresh = await createCase(harness)
    await set(fresh.reference, `moderate_due_at = '2020-01-01'`)
    t.match(await itemOf(fresh.reference), {
      waitsFor: ['case'],
      dueAt: '2020-01-01T00:00:00.000Z',
      overdue: true,
      case: { view: 'staff', contact: { name: 'Invented Person' } },
    })
    const answered = await publishedCase(harness)
    await db.pool.query(
      `insert into responses (reference, case_id, text, publication, responded_at)
       select 'waiting-answer', id, 'An answer. (Invented.)', 'awaiting_moderation', now() from cases where reference = $1`,
      [answered.reference],
    )
    t.match(await itemOf(answered.reference), { waitsFor: ['response'], dueAt: null, overdue: false })
    const reported = await publishedCase(harness)
    await call({
      method: 'POST',
      url: `/v1/cases/${reported.reference}/reports`,
      body: { reason: 'vexatious' },
    })
    const { dueAt } = await db.prisma.objection.findFirstOrThrow({ where: { kind: 'report' } })
    t.match(await itemOf(reported.reference), { waitsFor: ['report'], dueAt: dueAt.toISOString() })
    const unwanted = await publishedCase(harness)
    const asked = await call({
      method: 'POST',
      url: `/v1/cases/${unwanted.reference}/removal-requests`,
      key: keys.provider,
      headers: staff(unwanted.version),
      body: { reason: 'personal_data', text: 'It names a patient. (Invented.)' },
    })
    t.equal(asked.status, 201, asked.text)
    t.same((await itemOf(unwanted.reference))?.waitsFor, ['case', 'removal_request'], 'it hid the case')

    const only = (waitsFor: string) => waiting(`&waitsFor=${waitsFor}`)
    t.same(await only('case'), [fresh.reference, unwanted.reference])
    t.same(await only('response'), [answered.reference])
    t.same(await only('report'), [reported.reference])
    t.same(await only('removal_request'), [unwanted.reference])
    t.same(
      (await waiting('&waitsFor=response&waitsFor=report')).sort(),
      [answered.reference, reported.reference].sort(),
    )
    t.same(await waiting('&waitsFor=report', keys.second_tier), [])
  })

  await t.test('it is due when the first thing is that the case waits for', async (t) => {
    await empty()
    const one = await createCase(harness)
    const two = await createCase(harness)
    await set(one.reference, `moderate_due_at = '2030-06-01'`)
    await set(two.reference, `moderate_due_at = '2030-07-01'`)
    t.same(await waiting(), [one.reference, two.reference])
    await db.pool.query(
      `insert into objections (reference, kind, case_id, reason, due_at)
       select 'first-due', 'report', id, 'other', '2030-05-01' from cases where reference = $1`,
      [two.reference],
    )
    t.same(await waiting(), [two.reference, one.reference])
    t.match(await itemOf(two.reference), { waitsFor: ['case', 'report'], dueAt: '2030-05-01T00:00:00.000Z' })
  })

  await t.test('it is filtered by organisation with all below it, and by kind', async (t) => {
    await empty()
    const site = await createCase(harness, { organisation: 'T0101' })
    const other = await createCase(harness, { organisation: 'T02', kind: 'feedback' })
    t.same(await waiting('&organisation=T01'), [site.reference])
    t.same(await waiting('&organisation=T02'), [other.reference])
    t.same(await waiting('&kind=feedback'), [other.reference])
    t.same(await waiting('&kind=feedback&organisation=T01'), [])
    refused(t, await queue('&organisation=NOPE'), 400, 'validation_failed', [
      'query /organisation unknown_organisation',
    ])
  })

  await t.test('it is filtered by claims: what nobody else has, and what is mine', async (t) => {
    await empty()
    const mine = await createCase(harness)
    const theirs = await createCase(harness)
    const free = await createCase(harness)
    const claim = (reference: string, user: string) =>
      call({
        method: 'POST',
        url: `/v1/cases/${reference}/claims`,
        key: keys.case_handler,
        headers: { 'acting-user': user },
        body: {},
      })
    await claim(mine.reference, 'me')
    await claim(theirs.reference, 'them')
    const me = { 'acting-user': 'me' }
    t.same(await waiting('&claimed=mine', keys.case_handler, me), [mine.reference])
    t.same(
      (await waiting('&claimed=none', keys.case_handler, me)).sort(),
      [mine.reference, free.reference].sort(),
    )
    t.same(await waiting('&claimed=none'), [free.reference])
    refused(t, await queue('&claimed=mine'), 400, 'validation_failed', ['header /Acting-User missing'])
  })

  await t.test('what is tried out waits only for those who try', async (t) => {
    await empty()
    const real = await createCase(harness)
    const tester = await harness.addClient({ name: 'tester', role: 'integrator', test: true })
    const handler = await harness.addClient({ name: 'test handler', role: 'case_handler', test: true })
    const tried = await call({ method: 'POST', url: '/v1/cases', key: tester, body: draft() })
    t.equal(tried.status, 201, tried.text)
    t.same(await waiting(), [real.reference])
    t.same(await waiting('', handler), [tried.body.reference])
  })

  await t.test('what is not asked for rightly is refused', async (t) => {
    const nonsense = Buffer.from('[0,0,"soon",1]').toString('base64url')
    refused(t, await queue(`&after=${nonsense}`), 400, 'validation_failed', ['query /after unknown_cursor'])
    for (const due of [-1, 8_640_000_000_000_001, 9_007_199_254_740_991]) {
      const far = Buffer.from(JSON.stringify([0, 0, due, 1])).toString('base64url')
      t.equal((await queue(`&after=${far}`)).status, 200)
    }
    refused(t, await queue('&waitsFor=godot'), 400, 'validation_failed', ['query /waitsFor/0 unknown_value'])
    refused(t, await queue('&urgent=true'), 400, 'validation_failed', ['query /urgent unknown_field'])
    refused(t, await call({ url: '/v1/queue' }), 401, 'key_missing')
    for (const key of [keys.provider, keys.commissioner, keys.integrator, keys.administrator])
      refused(t, await call({ url: '/v1/queue', key }), 403, 'scope_missing')
  })
})
