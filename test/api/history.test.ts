import t from 'tap'
import { createCase, type Harness, publishedCase, staff, startHarness } from './harness.ts'

t.test('the history of a case', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const history = async (reference: string, key = keys.case_handler) =>
    (await call({ url: `/v1/cases/${reference}/events?limit=100`, key })).body.items

  t.test('says what happened, when, by whom, why and in which fields, oldest first', async (t) => {
    const { reference } = await publishedCase(harness)
    const events = await history(reference)
    const [created, published] = [events[0], events.at(-1)]
    t.match(created, {
      type: 'case.created',
      client: 'integrator',
      actingUser: null,
      reason: null,
      version: 1,
    })
    t.match(published, {
      type: 'case.published',
      client: 'case handler',
      actingUser: 'person-1',
      reason: 'fit_to_publish',
      version: 2,
    })
    t.ok(published.fields.includes('moderatedText'))
    t.ok(created.at <= published.at)
    t.ok(Number(created.id) < Number(published.id))
  })

  t.test('what its reporter did has no client, and who gave the receipt away is not named', async (t) => {
    const { reference, receipt } = await createCase(harness)
    const { status } = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/additions`,
      headers: { 'case-receipt': receipt },
      body: { text: 'One thing more. (Invented.)' },
    })
    t.equal(status, 201)
    t.match((await history(reference)).at(-1), { type: 'message.created', client: null, actingUser: null })
  })

  t.test('is the same for everybody who works on the case', async (t) => {
    const { reference } = await publishedCase(harness)
    const all = await history(reference)
    t.same(await history(reference, keys.provider), all)
    t.same(await history(reference, keys.commissioner), all)
  })

  t.test('never says what was written', async (t) => {
    const { reference, version } = await publishedCase(harness, {
      text: 'Canary of the original. (Invented.)',
      contact: { name: 'Canary Person', email: 'canary@example.org' },
    })
    await call({
      method: 'POST',
      url: `/v1/cases/${reference}/responses`,
      key: keys.provider,
      headers: staff(version),
      body: { text: 'Canary of the answer. (Invented.)' },
    })
    await call({
      method: 'POST',
      url: `/v1/cases/${reference}/notes`,
      key: keys.case_handler,
      headers: staff(version + 1),
      body: { text: 'Canary of the note. (Invented.)' },
    })
    const { text, body } = await call({ url: `/v1/cases/${reference}/events`, key: keys.provider })
    t.ok(body.items.length >= 4)
    t.notMatch(text, /canary|waited for hours/i)
  })

  t.test('is closed without a key, and to everybody who has no part in the case', async (t) => {
    const shown = `/v1/cases/${(await publishedCase(harness)).reference}/events`
    t.equal((await call({ url: shown })).status, 401)
    for (const role of ['form', 'feed_provider', 'supplier', 'administrator'] as const)
      t.equal((await call({ url: shown, key: keys[role] })).status, 403, role)
    for (const role of ['integrator', 'other_provider', 'other_commissioner'] as const)
      t.equal((await call({ url: shown, key: keys[role] })).body.code, 'not_your_case', role)
    t.equal((await call({ url: shown, key: keys.second_tier })).status, 404, 'it was not referred')
  })

  t.test('of a hidden case is not there, like that of an unknown one', async (t) => {
    const { reference, version } = await createCase(harness)
    const { status } = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { action: 'reject', reason: 'not_suitable', commissioned: 'locally' },
    })
    t.equal(status, 201)
    const answers = [reference, 'K7QD-M2XW-9TRB-H', 'P123'].map((one) =>
      call({ url: `/v1/cases/${one}/events`, key: keys.other_provider }),
    )
    for (const { status, body } of await Promise.all(answers)) {
      t.equal(status, 404)
      t.equal(body.code, 'not_found')
    }
    t.ok((await history(reference)).length >= 2, 'those who work on it still read it')
  })

  t.test('is read in pages that lose nothing', async (t) => {
    const { reference } = await publishedCase(harness)
    const all = await history(reference)
    const read: unknown[] = []
    let after: string | null = null
    do {
      const { body, headers } = await call({
        url: `/v1/cases/${reference}/events?limit=1${after === null ? '' : `&after=${after}`}`,
        key: keys.case_handler,
      })
      read.push(...body.items)
      after = body.next
      t.equal(headers.link !== undefined, after !== null)
    } while (after !== null)
    t.same(read, all)
    const url = `/v1/cases/${reference}/events`
    t.equal((await call({ url: `${url}?after=rubbish`, key: keys.case_handler })).status, 400)
    t.equal((await call({ url: `${url}?since=1`, key: keys.case_handler })).status, 400)
  })

  t.test('is unchanged for whoever has it', async (t) => {
    const url = `/v1/cases/${(await createCase(harness)).reference}/events`
    const { headers } = await call({ url, key: keys.case_handler })
    const again = { 'if-none-match': String(headers.etag) }
    t.equal((await call({ url, key: keys.case_handler, headers: again })).status, 304)
  })

  t.test('has a line for every version of the case, in the same transaction', async (t) => {
    const { reference, version } = await publishedCase(harness)
    await respond(harness, reference, version)
    const seen = await db.pool.query(
      `select c.version, array_agg(distinct e.case_version order by e.case_version) as versions
       from cases c join events e on e.case_id = c.id where c.reference = $1 group by c.id`,
      [reference],
    )
    t.same(
      seen.rows[0].versions,
      Array.from({ length: seen.rows[0].version }, (_, n) => n + 1),
    )
  })
})

async function respond({ call, keys }: Harness, reference: string, version: number): Promise<void> {
  await call({
    method: 'POST',
    url: `/v1/cases/${reference}/responses`,
    key: keys.provider,
    headers: staff(version),
    body: { text: 'We are sorry. (Invented.)', status: 'resolved' },
  })
}
