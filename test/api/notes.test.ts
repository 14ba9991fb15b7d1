import t from 'tap'
import { canaries, refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('notes', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const { id: siteId } = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T0101' } })
  const site = await harness.addClient({ name: 'site', role: 'provider', organisationIds: [siteId] })
  const write = (
    reference: string,
    version: number,
    body: object,
    { key = keys.provider, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/notes`,
      key,
      headers: { ...staff(version), ...headers },
      body,
    })
  const readBy = (reference: string, key?: string) =>
    call({ url: `/v1/cases/${reference}/notes`, ...(key && { key }) })
  const textsFor = async (reference: string, key: string): Promise<string[]> =>
    (await readBy(reference, key)).body.items.map((note: { text: string }) => note.text)

  await t.test('a note is kept sealed, moves the version, and says who wrote it', async (t) => {
    const { reference, version } = await createCase(harness)
    const { status, body, headers } = await write(reference, version, {
      text: `${canaries.text} (Invented.)`,
    })
    t.equal(status, 201)
    t.equal(body.version, 2)
    t.match(headers.etag, /^"2-/)
    t.match(body.note, {
      organisation: { code: 'T01' },
      actingUser: 'person-1',
      shared: false,
      text: `${canaries.text} (Invented.)`,
    })
    t.same((await readBy(reference, keys.provider)).body, { items: [body.note], next: null })
    t.equal((await call({ url: `/v1/cases/${reference}`, key: keys.provider })).body.version, 2)
    const events = await db.prisma.event.findMany({
      where: { caseReference: reference },
      orderBy: { id: 'asc' },
    })
    t.match(events.at(-1), {
      type: 'note.created',
      fields: ['notes'],
      caseVersion: 2,
      actingUser: 'person-1',
    })
    const kept = await db.pool.query(
      'select (select json_agg(n)::text from notes n) || (select json_agg(e)::text from events e) as all',
    )
    t.notOk(kept.rows[0].all.includes(canaries.text))
    t.notOk(harness.logged().includes(canaries.text))
  })

  await t.test('each side reads its own notes and what the other shared, oldest first', async (t) => {
    const { reference, version } = await createCase(harness)
    await write(reference, version, { text: 'Trust alone.' })
    await write(reference, 2, { text: 'Trust, shared.', shared: true })
    await write(reference, 3, { text: 'Central alone.' }, { key: keys.case_handler })
    await write(reference, 4, { text: 'Central, shared.', shared: true }, { key: keys.case_handler })
    t.same(await textsFor(reference, keys.provider), ['Trust alone.', 'Trust, shared.', 'Central, shared.'])
    t.same(await textsFor(reference, keys.case_handler), [
      'Trust, shared.',
      'Central alone.',
      'Central, shared.',
    ])
    const own = (await readBy(reference, keys.case_handler)).body.items
    t.same(
      own.map((note: { organisation: object | null }) => note.organisation === null),
      [false, true, true],
    )
  })

  await t.test('the second tier is of the central team, as long as the case is with it', async (t) => {
    const { reference, version } = await createCase(harness)
    await write(reference, version, { text: 'Central alone.' }, { key: keys.case_handler })
    refused(t, await readBy(reference, keys.second_tier), 404, 'not_found')
    await db.pool.query(`update cases set publication = 'awaiting_second_tier' where reference = $1`, [
      reference,
    ])
    t.same(await textsFor(reference, keys.second_tier), ['Central alone.'])
    t.equal((await write(reference, 2, { text: 'Second tier.' }, { key: keys.second_tier })).status, 201)
    t.same(await textsFor(reference, keys.case_handler), ['Central alone.', 'Second tier.'])
    t.same(await textsFor(reference, keys.provider), [])
  })

  await t.test('a trust reads what its sites wrote, a site not what its trust wrote', async (t) => {
    const { reference, version } = await createCase(harness, { organisation: 'T0101' })
    await write(reference, version, { text: 'Of the site.' }, { key: site })
    t.same(await textsFor(reference, keys.provider), ['Of the site.'])
    const at = await createCase(harness)
    await write(at.reference, at.version, { text: 'Of the trust.' })
    const body = { organisation: 'T0101' }
    await call({
      method: 'POST',
      url: `/v1/cases/${at.reference}/referrals`,
      key: keys.provider,
      headers: staff(2),
      body,
    })
    t.same(await textsFor(at.reference, keys.provider), ['Of the trust.'])
    t.same(await textsFor(at.reference, site), [])
  })

  await t.test(
    'after it has moved, the notes of an organisation stay its own, and it reads none any more',
    async (t) => {
      const { reference, version } = await createCase(harness)
      await write(reference, version, { text: 'Of the first.' })
      await call({
        method: 'PATCH',
        url: `/v1/cases/${reference}`,
        key: keys.case_handler,
        headers: staff(2),
        body: { organisation: 'T02' },
      })
      t.same(await textsFor(reference, keys.other_provider), [])
      refused(t, await readBy(reference, keys.provider), 403, 'not_your_case')
      refused(t, await write(reference, 3, { text: 'No more.' }), 403, 'not_your_case')
    },
  )

  await t.test('nobody else ever reads or writes a note', async (t) => {
    const { reference, version, receipt } = await publishedCase(harness)
    await write(reference, version, { text: 'Shared.', shared: true })
    for (const role of ['other_provider', 'commissioner', 'other_commissioner', 'integrator'] as const) {
      refused(t, await readBy(reference, keys[role]), 403, 'not_your_case')
      refused(
        t,
        await write(reference, version + 1, { text: 'No.' }, { key: keys[role] }),
        403,
        'not_your_case',
      )
    }
    refused(t, await readBy(reference, keys.second_tier), 404, 'not_found')
    refused(
      t,
      await write(reference, version + 1, { text: 'No.' }, { key: keys.second_tier }),
      404,
      'not_found',
    )
    for (const role of ['supplier', 'administrator', 'feed_provider', 'form'] as const) {
      refused(t, await readBy(reference, keys[role]), 403, 'scope_missing')
      refused(
        t,
        await write(reference, version + 1, { text: 'No.' }, { key: keys[role] }),
        403,
        'scope_missing',
      )
    }
    refused(t, await readBy(reference), 401, 'key_missing')
    const url = `/v1/cases/${reference}/notes`
    refused(t, await call({ url, headers: { 'case-receipt': receipt } }), 401, 'key_missing')
    refused(t, await call({ method: 'POST', url, body: { text: 'No.' } }), 401, 'key_missing')
    for (const key of [undefined, keys.commissioner, keys.integrator])
      t.notOk((await call({ url: `/v1/cases/${reference}`, ...(key && { key }) })).text.includes('Shared.'))
    t.same(await textsFor(reference, keys.case_handler), ['Shared.'])
  })

  await t.test('a note needs a text, the version and a person', async (t) => {
    const { reference, version } = await createCase(harness)
    for (const body of [
      {},
      { text: '' },
      { text: ' \n' },
      { text: 'x'.repeat(5001) },
      { text: 'x', more: 1 },
    ])
      refused(t, await write(reference, version, body), 400, 'validation_failed')
    const request = {
      method: 'POST' as const,
      url: `/v1/cases/${reference}/notes`,
      key: keys.provider,
      body: { text: 'x' },
    }
    refused(t, await call({ ...request, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...request, headers: { 'if-match': '"1"' } }), 400, 'validation_failed')
    refused(t, await write('0000-0000-0000-0', 1, { text: 'x' }), 404, 'not_found')
    refused(t, await readBy('0000-0000-0000-0', keys.provider), 404, 'not_found')
    t.same(await textsFor(reference, keys.provider), [])
  })

  await t.test('C01: of two notes to one version one is kept', async (t) => {
    const { reference, version } = await createCase(harness)
    const both = await Promise.all(['One.', 'Two.'].map((text) => write(reference, version, { text })))
    t.same(both.map(({ status }) => status).sort(), [201, 412])
    t.equal((await textsFor(reference, keys.provider)).length, 1)
  })

  await t.test('a repeat with its Idempotency-Key is one note and the same answer', async (t) => {
    const { reference, version } = await createCase(harness)
    const once = { 'idempotency-key': 'note-once' }
    const answers = await Promise.all([1, 2, 3].map(() => write(reference, version, { text: 'Once.' }, once)))
    t.same(
      answers.map(({ status }) => status),
      [201, 201, 201],
    )
    t.equal(new Set(answers.map(({ text }) => text)).size, 1)
    t.same(await textsFor(reference, keys.provider), ['Once.'])
    refused(t, await write(reference, version, { text: 'Other.' }, once), 422, 'idempotency_key_reused')
  })

  await t.test('a list of notes honours If-None-Match', async (t) => {
    const { reference, version } = await createCase(harness)
    await write(reference, version, { text: 'One.' })
    const url = `/v1/cases/${reference}/notes`
    const { headers } = await call({ url, key: keys.provider })
    const again = { url, key: keys.provider, headers: { 'if-none-match': headers.etag as string } }
    t.equal((await call(again)).status, 304)
    await write(reference, 2, { text: 'Two.' })
    t.equal((await call(again)).status, 200)
  })
})
