import t from 'tap'
import { createCase, draft, startHarness } from './harness.ts'

t.test('finding a reporter again', async (t) => {
  const harness = await startHarness(t)
  const { addClient, call, db, keys } = harness
  const search = async (body: unknown, key = keys.case_handler) =>
    call({ method: 'POST', url: '/v1/contact-searches', key, headers: { 'acting-user': 'person-1' }, body })
  const found = async (body: unknown, key = keys.case_handler) =>
    (await search(body, key)).body.items.map(({ reference }: { reference: string }) => reference)
  const withContact = async (contact: object) => (await createCase(harness, { contact })).reference

  t.test('by the e-mail address, in any case, newest first, with what staff see', async (t) => {
    const one = await withContact({ name: 'Invented A', email: 'Found.Again@example.org' })
    const two = await withContact({ name: 'Invented A', email: 'found.again@EXAMPLE.org' })
    await withContact({ name: 'Invented B', email: 'found.again@example.com' })
    t.same(await found({ email: 'FOUND.again@example.org' }), [two, one])
    const { body } = await search({ email: 'found.again@example.org' })
    t.match(body.items[0], { view: 'staff', contact: { email: 'found.again@EXAMPLE.org' } })
    t.equal(body.next, null)
  })

  t.test('by the telephone number, however it is written', async (t) => {
    const one = await withContact({ name: 'Invented A', phone: '020 7946 0123' })
    const two = await withContact({ name: 'Invented A', phone: '+44 20 79460123', email: 'x@example.org' })
    for (const phone of ['02079460123', '+442079460123', '0044 20 7946 0123'])
      t.same(await found({ phone }), [two, one], phone)
    t.same(await found({ phone: '020 7946 0124' }), [])
  })

  t.test('only by the whole of it', async (t) => {
    await withContact({ name: 'Invented A', email: 'whole.address@example.org', phone: '020 7946 0188' })
    t.same(await found({ email: 'address@example.org' }), [])
    t.same(await found({ phone: '7946 0188' }), [])
  })

  t.test('nothing that can be read back is kept beside the sealed contact', async (t) => {
    const reference = await withContact({ name: 'Invented A', email: 'sealed.away@example.org' })
    const { rows } = await db.pool.query('select * from cases where reference = $1', [reference])
    t.equal(rows[0].email_index.length, 32)
    t.equal(rows[0].phone_index, null)
    t.notMatch(JSON.stringify(rows[0]), /sealed\.away/)
  })

  t.test('a client that tries out finds what was tried out, and nobody else does', async (t) => {
    const email = 'tried.out@example.org'
    const handler = await addClient({ name: 'testing handler', role: 'case_handler', test: true })
    const integrator = await addClient({ name: 'testing integrator', role: 'integrator', test: true })
    const contact = { name: 'Invented A', email }
    const tried = await call({ method: 'POST', url: '/v1/cases', key: integrator, body: draft({ contact }) })
    const real = await withContact(contact)
    t.same(await found({ email }, handler), [tried.body.reference])
    t.same(await found({ email }), [real])
  })

  t.test('is noted with every case that it showed, and without what was looked for', async (t) => {
    const one = await withContact({ name: 'Invented A', email: 'noted.search@example.org' })
    const two = await withContact({ name: 'Invented A', email: 'noted.search@example.org' })
    await search({ email: 'noted.search@example.org' })
    const { body, text } = await call({ url: '/v1/accesses?limit=1', key: keys.administrator })
    t.match(body.items[0], { operation: 'searchContacts', actingUser: 'person-1', cases: [two, one] })
    t.notMatch(text, /noted\.search/)
    t.notMatch(harness.logged(), /noted\.search/)
  })

  t.test('shows a hundred at most', async (t) => {
    const reference = await withContact({ name: 'Invented A', email: 'often@example.org' })
    await db.pool.query(
      `update cases set email_index = (select email_index from cases where reference = $1)
       where reference <> $1`,
      [reference],
    )
    const { rows } = await db.pool.query('select count(*)::int as n from cases where not test')
    const missing = 101 - rows[0].n
    await Promise.all(
      Array.from({ length: missing }, () => withContact({ name: 'A', email: 'often@example.org' })),
    )
    t.equal((await found({ email: 'often@example.org' })).length, 100)
  })

  t.test('is for case handlers only', async (t) => {
    const body = { email: 'anybody@example.org' }
    t.equal((await call({ method: 'POST', url: '/v1/contact-searches', body })).status, 401)
    for (const [role, key] of Object.entries(keys))
      t.equal((await search(body, key)).status, role === 'case_handler' ? 200 : 403, role)
  })

  t.test('needs one way to reach somebody, and the person who asks', async (t) => {
    for (const body of [
      {},
      { email: 'a@example.org', phone: '020 7946 0000' },
      { email: 'no address' },
      { phone: '+' },
      { name: 'Invented Person' },
    ])
      t.equal((await search(body)).status, 400, JSON.stringify(body))
    const { status, body } = await call({
      method: 'POST',
      url: '/v1/contact-searches',
      key: keys.case_handler,
      body: { email: 'a@example.org' },
    })
    t.equal(status, 400)
    t.equal(body.errors[0].pointer, '/Acting-User')
  })
})
