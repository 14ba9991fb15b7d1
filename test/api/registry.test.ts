import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { rows } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, draft, publishedCase, staff, startHarness } from './harness.ts'

const NOW = new Date('2026-05-31T23:30:00Z')

t.test('the registry', async (t) => {
  const harness = await startHarness(t, { now: () => NOW })
  const { call, keys, db } = harness
  const get = (code: string): Promise<Answer> => call({ url: `/v1/organisations/${code}` })
  const send =
    (method: 'POST' | 'PATCH' | 'DELETE', under: string) =>
    (path: string, version: number, body?: unknown, more: Record<string, string> = {}): Promise<Answer> =>
      call({
        method,
        url: `/v1/organisations/${path}${under}`,
        key: keys.administrator,
        headers: { ...staff(version, 'admin-1'), ...more },
        ...(body !== undefined && { body }),
      })
  const update = send('PATCH', '')
  const close = send('POST', '/closure')
  const reopen = send('DELETE', '/closure')
  const addService = send('POST', '/services')
  const register = (body: object, more: Record<string, string> = {}): Promise<Answer> =>
    call({
      method: 'POST',
      url: '/v1/organisations',
      key: keys.administrator,
      headers: { 'acting-user': 'admin-1', ...more },
      body,
    })
  /** One more, for a test of its own; resolves to its code. */
  const made = async (code: string, more: object = {}): Promise<string> => {
    const answer = await register({ code, name: `Example ${code}`, kind: 'trust', ...more })
    if (answer.status !== 201) throw new Error(answer.text)
    return code
  }
  const eventsOf = (code: string) =>
    rows<{ type: string; fields: string[] }>(
      db.pool,
      `select e.type, e.fields from events e join organisations o on o.id = e.organisation_id
       where o.code = $1 and e.case_id is null order by e.id`,
      [code],
    )

  await t.test('an organisation is registered with everything around it, once per key', async (t) => {
    const body = {
      code: 'rz-901',
      name: ' Riverside Hospital (invented) ',
      kind: 'site',
      address: '1 Invented Road, Riverside',
      postcode: 'zz993vz',
      website: 'https://riverside.example.org',
      position: { latitude: 51.5, longitude: -0.12 },
      parent: 'old1',
      commissioners: ['xcm02', 'XCM01'],
      formerCodes: ['RZ 900'],
      notifyEmail: 'pals@riverside.example.org',
    }
    const first = await register(body, { 'idempotency-key': 'riverside' })
    t.equal(first.status, 201, first.text)
    t.equal(first.headers.location, 'https://api.test.example/v1/organisations/RZ901')
    t.match(first.headers.etag, /^"1-/)
    t.match(first.body, {
      code: 'RZ901',
      name: 'Riverside Hospital (invented)',
      address: '1 Invented Road, Riverside',
      postcode: 'ZZ99 3VZ',
      website: 'https://riverside.example.org',
      active: true,
      closedOn: null,
      parent: { code: 'T01' },
      successor: null,
      version: 1,
    })
    t.same(codesIn(first.body.commissioners), ['XCM02', 'XCM01'], 'the primary one first')
    const again = await register(body, { 'idempotency-key': 'riverside' })
    t.same([again.status, again.body], [201, first.body])
    t.same((await get('rz900')).body, first.body, 'by a code that it had')
    t.same(await eventsOf('RZ901'), [{ type: 'organisation.created', fields: [] }])
    const settings = await call({ url: '/v1/organisations/RZ901/settings', key: keys.administrator })
    t.equal(settings.body.notifyEmail, 'pals@riverside.example.org')
  })

  await t.test('a code that is or was another one’s is taken', async (t) => {
    const another = { name: 'Example', kind: 'trust' }
    for (const code of ['T01', 't-01', 'OLD1'])
      refused(t, await register({ ...another, code }), 409, 'code_taken')
    refused(t, await register({ ...another, code: 'NEW1', formerCodes: ['T02'] }), 409, 'code_taken')
    refused(t, await update('T02', 1, { formerCodes: ['OLD1'] }), 409, 'code_taken')
    refused(t, await update('T02', 1, { formerCodes: ['T02'] }), 409, 'code_taken')
    refused(t, await register({ ...another, code: 'NEW1', formerCodes: ['a_b'] }), 400, 'validation_failed', [
      'body /formerCodes/0 wrong_format',
    ])
    refused(t, await get('NEW1'), 404, 'not_found')
    const filed = await update('T02', 1, { formerCodes: ['was-t02'] })
    t.equal(filed.body.version, 2)
    t.equal((await update('T02', 2, { formerCodes: ['WAST02'] })).body.version, 2, 'and once only')
    t.equal((await get('WAST02')).body.code, 'T02')
  })

  await t.test('what the links name must be there and fit', async (t) => {
    const site = { code: 'NEW2', name: 'Example', kind: 'site' }
    refused(t, await register({ ...site, parent: 'NONE1' }), 400, 'validation_failed', [
      'body /parent unknown_organisation',
    ])
    refused(
      t,
      await register({ ...site, commissioners: ['T02', 'XCM01', 'NONE1'] }),
      400,
      'validation_failed',
      ['body /commissioners/0 wrong_organisation_kind', 'body /commissioners/2 unknown_organisation'],
    )
    for (const parent of ['XCM01', 'T0101', 'T09'])
      refused(t, await register({ ...site, parent }), 409, 'tree_conflict')
    refused(t, await register({ ...site, kind: 'gp_branch', parent: 'T01' }), 409, 'tree_conflict')
    refused(t, await register({ ...site, kind: 'commissioner', parent: 'T01' }), 409, 'tree_conflict')
    refused(
      t,
      await register({ ...site, kind: 'commissioner', commissioners: ['XCM01'] }),
      409,
      'tree_conflict',
    )
    refused(t, await register({ ...site, code: 'a_b' }), 400, 'validation_failed', [
      'body /code wrong_format',
    ])
    refused(t, await register({ ...site, shape: 'round' }), 400, 'validation_failed', [
      'body /shape unknown_field',
    ])
  })

  await t.test('an update changes what it says, null clears, and nothing makes no version', async (t) => {
    const code = await made('UPD1', { region: 'London', address: 'Invented Road', commissioners: ['XCM01'] })
    const changed = await update(code, 1, {
      name: 'Example of Another Name',
      region: null,
      sector: 'acute',
      commissioners: [],
    })
    t.equal(changed.status, 200, changed.text)
    t.match(changed.headers.etag, /^"2-/)
    t.match(changed.body, {
      name: 'Example of Another Name',
      region: null,
      sector: 'acute',
      address: 'Invented Road',
      commissioners: [],
      version: 2,
    })
    const same = await update(code, 2, { sector: 'acute', commissioners: [], parent: null, position: null })
    t.same([same.status, same.body], [200, changed.body])
    t.same(await eventsOf(code), [
      { type: 'organisation.created', fields: [] },
      { type: 'organisation.changed', fields: ['name', 'sector', 'region', 'commissioners'] },
    ])
    t.equal(
      (await call({ url: '/v1/organisations?q=another+name' })).body.items[0].code,
      code,
      'it is found by it',
    )
  })

  await t.test('whoever has not read the last version is told so; nobody else may', async (t) => {
    const code = await made('VER1')
    await update(code, 1, { address: 'Invented Road' })
    for (const stale of [
      await update(code, 1, { address: 'Another Road' }),
      await close(code, 1, {}),
      await addService(code, 1, { code: 'W1', name: 'Ward' }),
    ]) {
      refused(t, stale, 412, 'version_stale')
      t.equal(stale.body.currentVersion, 2)
    }
    const without = await call({
      method: 'PATCH',
      url: `/v1/organisations/${code}`,
      key: keys.administrator,
      headers: { 'acting-user': 'admin-1' },
      body: { address: 'Another Road' },
    })
    refused(t, without, 428, 'version_required')
    refused(t, await update('NONE1', 1, { name: 'Example' }), 404, 'not_found')
    refused(t, await close('NONE1', 1, {}), 404, 'not_found')
    refused(t, await reopen('NONE1', 1), 404, 'not_found')
    refused(t, await addService('NONE1', 1, { code: 'W1', name: 'Ward' }), 404, 'not_found')
    const nobody = { method: 'PATCH', url: `/v1/organisations/${code}`, body: { name: 'Mine' } } as const
    refused(t, await call({ ...nobody, headers: staff(2) }), 401, 'key_missing')
    refused(t, await call({ ...nobody, headers: staff(2), key: keys.provider }), 403, 'scope_missing')
  })

  await t.test('nothing is below itself, and what commissions care stays what it is', async (t) => {
    const top = await made('TOP1')
    const middle = await made('MID1', { parent: top })
    await made('LOW1', { parent: middle, kind: 'site' })
    refused(t, await update(top, 1, { parent: middle }), 409, 'tree_conflict')
    refused(t, await update(top, 1, { parent: top }), 409, 'tree_conflict')
    refused(t, await close(top, 1, { successor: middle }), 409, 'tree_conflict')
    refused(t, await close(top, 1, { successor: top }), 409, 'tree_conflict')
    refused(t, await update(middle, 1, { kind: 'site' }), 409, 'tree_conflict')
    refused(t, await update(middle, 1, { kind: 'commissioner' }), 409, 'tree_conflict')
    refused(t, await update('XCM01', 1, { kind: 'trust' }), 409, 'tree_conflict')
    t.equal((await update(middle, 1, { kind: 'local_authority' })).body.kind, 'local_authority')
    t.equal((await update(top, 1, { address: 'Invented Road' })).status, 200, 'and all goes on')
  })

  await t.test('two at a time do not make a circle', async (t) => {
    const [one, two] = [await made('CIR1'), await made('CIR2')]
    const answers = await Promise.all([update(one, 1, { parent: two }), update(two, 1, { parent: one })])
    t.same(answers.map(({ status }) => status).sort(), [200, 409])
  })

  await t.test(
    'departments are added and closed; a closed one takes no new cases and keeps its own',
    async (t) => {
      const code = await made('SER1')
      const added = await addService(code, 1, { code: 'W1', name: ' Ward One ' }, { 'idempotency-key': 'w1' })
      t.equal(added.status, 201, added.text)
      t.same(added.body.services, [{ code: 'W1', name: 'Ward One' }])
      t.match(added.headers.etag, /^"2-/)
      t.same(
        (await addService(code, 1, { code: 'W1', name: ' Ward One ' }, { 'idempotency-key': 'w1' })).body,
        added.body,
      )
      refused(t, await addService(code, 2, { code: 'w1', name: 'Ward' }), 409, 'code_taken')
      const service = (path: string, version: number, body: object): Promise<Answer> =>
        send('PATCH', `/services/${path}`)(code, version, body)
      t.same((await service('w1', 2, { name: 'Ward 1' })).body.services, [{ code: 'W1', name: 'Ward 1' }])
      refused(t, await service('W9', 3, { active: false }), 404, 'not_found')

      const before = await createCase(harness, { organisation: code, service: 'W1' })
      const closed = await service('W1', 3, { active: false })
      t.match(closed.body, { services: [], version: 4 })
      t.equal((await service('W1', 4, { active: false })).body.version, 4)
      const late = { method: 'POST', url: '/v1/cases', key: keys.integrator } as const
      refused(
        t,
        await call({ ...late, body: draft({ organisation: code, service: 'W1' }) }),
        400,
        'validation_failed',
        ['body /service unknown_service'],
      )
      const form = await call({ url: `/v1/forms/concern?organisation=${code}` })
      t.notOk(form.body.schema.properties.service, 'nor does a form offer it')
      const kept = await call({
        method: 'PATCH',
        url: `/v1/cases/${before.reference}`,
        key: keys.case_handler,
        headers: staff(before.version),
        body: { service: 'W1', category: 'food' },
      })
      t.match(kept.body, { service: { code: 'W1' }, category: 'food' })
      t.same((await eventsOf(code)).map(({ type }) => type).slice(1), [
        'service.created',
        'service.changed',
        'service.changed',
      ])
    },
  )

  await t.test('what is closed for good takes no cases, and says where to turn', async (t) => {
    const code = await made('END1')
    await call({
      method: 'PATCH',
      url: `/v1/organisations/${code}/settings`,
      key: keys.administrator,
      headers: staff(1),
      body: { whereToTurn: 'Ring 020 7946 0123. (Invented.)' },
    })
    const { reference, version } = await createCase(harness, { organisation: code })
    const answer = await close(code, 1, {}, { 'idempotency-key': 'end' })
    t.equal(answer.status, 201, answer.text)
    t.match(answer.body, { active: false, closedOn: '2026-06-01', successor: null, version: 2 })
    t.same((await close(code, 1, {}, { 'idempotency-key': 'end' })).body, answer.body)
    const late = await call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.integrator,
      body: draft({ organisation: code }),
    })
    refused(t, late, 400, 'validation_failed', ['body /organisation unknown_organisation'])
    t.match(late.body.errors[0].detail, 'Ring 020 7946 0123.')
    const same = await call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body: { organisation: code, category: 'food' },
    })
    t.match(same.body, { organisation: { code }, category: 'food' }, 'a case of it is worked on')
    t.match((await reopen(code, 2)).body, { active: true, closedOn: null, version: 3 })
    refused(t, await reopen(code, 3), 404, 'not_found')
    t.equal((await createCase(harness, { organisation: code })).version, 1)
    t.same(await eventsOf(code), [
      { type: 'organisation.created', fields: [] },
      { type: 'organisation.settings_changed', fields: ['whereToTurn'] },
      { type: 'organisation.closed', fields: ['active', 'closedOn', 'successor'] },
      { type: 'organisation.reopened', fields: ['active', 'closedOn', 'successor'] },
    ])
  })

  await t.test('the day of a closure and its successor must be possible', async (t) => {
    const code = await made('DAY1')
    const [shut, site] = [await made('DAY2'), await made('DAY3', { kind: 'site', parent: code })]
    await close(shut, 1, {})
    for (const on of ['2026-06-02', '1948-07-04', '0202-01-01'])
      refused(t, await close(code, 1, { on }), 400, 'validation_failed', ['body /on day_out_of_range'])
    refused(t, await close(code, 1, { on: '2026-02-30' }), 400, 'validation_failed', [
      'body /on wrong_format',
    ])
    refused(t, await close(code, 1, { successor: 'NONE1' }), 400, 'validation_failed', [
      'body /successor unknown_organisation',
    ])
    for (const successor of ['XCM01', shut])
      refused(t, await close(code, 1, { successor }), 409, 'tree_conflict')
    refused(t, await close('XCM01', 1, { successor: code }), 409, 'tree_conflict')
    refused(t, await close(code, 1, { successor: 'T0101' }), 409, 'tree_conflict')
    t.match((await get(code)).body, { active: true, version: 1 }, 'nothing was half done')

    t.match((await close(code, 1, { on: '2026-04-01' })).body, { closedOn: '2026-04-01', version: 2 })
    t.match((await get(site)).body, { active: true, version: 1 }, 'without a successor its sites stay')
    t.equal((await close(code, 2, {})).body.version, 2, 'the same once more is nothing new')
    const later = await close(code, 2, { successor: 'T02' })
    t.match(
      later.body,
      { closedOn: '2026-04-01', successor: { code: 'T02' }, version: 3 },
      'what took over comes later',
    )
    t.match((await get(site)).body, { parent: { code: 'T02' }, active: true })
  })

  await t.test('what closes with its sites is opened from above', async (t) => {
    const code = await made('CLO1')
    const site = await made('CLO2', { kind: 'site', parent: code })
    const closed = await close(code, 1, { successor: 'T01', sites: 'close', on: '2026-04-01' })
    t.equal(closed.status, 201, closed.text)
    t.match((await get(site)).body, {
      active: false,
      closedOn: '2026-04-01',
      successor: { code: 'T01' },
      parent: { code },
    })
    refused(t, await reopen(site, 2), 409, 'tree_conflict')
    await reopen(code, 2)
    t.match((await reopen(site, 2)).body, { active: true, successor: null, version: 3 })
  })

  await t.test('cases move with the position of their organisation, and the map with them', async (t) => {
    const code = await made('MAP1', { position: { latitude: 57.1, longitude: -2.1 } })
    const site = await made('MAP2', { kind: 'site', parent: code })
    const other = await made('MAP3', {
      kind: 'site',
      parent: code,
      position: { latitude: 58.4, longitude: -3.1 },
    })
    const cases = [
      await publishedCase(harness, { organisation: code }),
      await publishedCase(harness, { organisation: site }),
      await publishedCase(harness, { organisation: other }),
      await publishedCase(harness, { organisation: code, position: { latitude: 57.15, longitude: -2.15 } }),
    ]
    await indexCases(db)
    const cursor = (await call({ url: '/v1/geo-feed/changes' })).body.next
    const boxes = {
      aberdeen: '-2.5,57,-1.5,57.3',
      orkney: '-3.5,58.9,-2.5,59.1',
      wick: '-3.5,58.3,-2.5,58.5',
    }
    const standing = async (): Promise<Record<string, number>> => {
      const found: Record<string, number> = {}
      for (const [name, bbox] of Object.entries(boxes)) {
        const listed = (await call({ url: `/v1/geo-feed?bbox=${bbox}` })).body.features.length
        const clusters = (await call({ url: `/v1/clusters?bbox=${bbox}&zoom=9` })).body.features
        const counted = clusters.reduce(
          (sum: number, one: { properties: { count?: number } }) => sum + (one.properties.count ?? 1),
          0,
        )
        t.equal(counted, listed, `clusters and geo-feed agree: ${name}`)
        found[name] = listed
      }
      return found
    }
    t.same(await standing(), { aberdeen: 3, orkney: 0, wick: 1 })

    const moved = await update(code, 1, { position: { latitude: 59, longitude: -3 } })
    t.equal(moved.status, 200, moved.text)
    await indexCases(db)
    t.same(await standing(), { aberdeen: 1, orkney: 2, wick: 1 }, 'but for what has a place of its own')
    const changes = (await call({ url: `/v1/geo-feed/changes?after=${cursor}` })).body
    t.same(
      changes.changed.map(({ id }: { id: string }) => id).sort(),
      cases
        .slice(0, 2)
        .map(({ reference }) => reference)
        .sort(),
    )
    const told = await call({ url: `/v1/events?organisation=${code}&limit=100` })
    const places = told.body.items.filter(({ fields }: { fields: string[] }) => fields.includes('position'))
    t.equal(places.length, 2, 'whoever follows the log hears of it')
    t.equal(
      (await call({ url: `/v1/cases/${cases[0]?.reference}`, key: keys.case_handler })).body.version,
      cases[0]?.version,
      'nobody has worked on it',
    )

    // By another parent, or without a position of its own.
    await update(site, 1, { parent: null })
    await indexCases(db)
    t.same(await standing(), { aberdeen: 1, orkney: 1, wick: 1 })
    await update(site, 2, { parent: code })
    await update(other, 1, { position: null })
    await indexCases(db)
    t.same(await standing(), { aberdeen: 1, orkney: 3, wick: 0 })
    await update(code, 2, { position: null })
    await indexCases(db)
    t.same(await standing(), { aberdeen: 1, orkney: 0, wick: 0 }, 'what stands nowhere is on no map')
    await update(code, 3, { position: { latitude: 57.1, longitude: -2.1 } })
    await indexCases(db)
    t.same(await standing(), { aberdeen: 4, orkney: 0, wick: 0 })
  })

  function codesIn(list: { code: string }[]): string[] {
    return list.map(({ code }) => code)
  }
})
