import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'
import { tableIn } from './tables.ts'

const URL = '/v1/response-templates'
type Template = { template: string; code: string; version: number; text: string }

t.test('response templates', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const as = { 'acting-user': 'person-1' }
  const draft = (changes: Record<string, unknown> = {}) => ({
    code: 'thanks',
    name: 'Thank you',
    text: 'Thank you for telling us about {service}. (Invented.)',
    ...changes,
  })
  const create = (changes: object = {}, key = keys.case_handler, headers = {}): Promise<Answer> =>
    call({ method: 'POST', url: URL, key, headers: { ...as, ...headers }, body: draft({ ...changes }) })
  const change = (template: string, version: number, body: object, key = keys.case_handler) =>
    call({ method: 'PATCH', url: `${URL}/${template}`, key, headers: staff(version), body })
  const remove = (template: string, key = keys.case_handler) =>
    call({ method: 'DELETE', url: `${URL}/${template}`, key, headers: as })
  const list = async (query = '', key = keys.case_handler): Promise<string[]> =>
    (await call({ url: `${URL}${query}`, key })).body.items.map(({ code }: Template) => code)
  const forCase = async (reference: string, query = '', key = keys.case_handler): Promise<Template[]> =>
    (await call({ url: `/v1/cases/${reference}/response-templates${query}`, key })).body.items
  const eventsOf = (type: string) => db.prisma.event.findMany({ where: { type }, orderBy: { id: 'asc' } })
  const empty = () => db.prisma.responseTemplate.deleteMany()

  await t.test('a case handler adds one for the central team', async (t) => {
    const { status, body, headers } = await create({ kinds: ['concern', 'concern'], categories: ['delays'] })
    t.equal(status, 201)
    t.match(body, {
      template: /^[0-9A-Z-]{16}$/,
      code: 'thanks',
      organisation: null,
      statuses: [],
      kinds: ['concern'],
      categories: ['delays'],
      active: true,
      version: 1,
    })
    t.match(headers.location, new RegExp(`${URL}/${body.template}$`))
    t.match(headers.etag, /^"1-/)
    const read = await call({ url: `${URL}/${body.template}`, key: keys.case_handler })
    t.same(read.body, body)
    const { etag } = read.headers as { etag: string }
    const again = {
      url: `${URL}/${body.template}`,
      key: keys.case_handler,
      headers: { 'if-none-match': etag },
    }
    t.equal((await call(again)).status, 304)
    t.match(await eventsOf('template.created'), [
      { actingUser: 'person-1', caseId: null, organisationId: null, fields: [] },
    ])
  })

  await t.test('one request with its key again adds one', async (t) => {
    await empty()
    const headers = { 'idempotency-key': 'template-1' }
    const first = await create({}, keys.case_handler, headers)
    const second = await create({}, keys.case_handler, headers)
    t.equal(second.status, 201)
    t.same(second.body, first.body)
    refused(t, await create({ name: 'Other' }, keys.case_handler, headers), 422, 'idempotency_key_reused')
    t.same(await list(), ['thanks'])
  })

  await t.test('a code is taken once for each owner', async (t) => {
    await empty()
    const both = await Promise.all([create(), create()])
    t.same(both.map(({ status }) => status).sort(), [201, 409])
    refused(t, both.find(({ status }) => status === 409) as Answer, 409, 'code_taken')
    t.equal((await create({ organisation: 'T01' }, keys.provider)).status, 201)
    t.equal((await create({ organisation: 'T0101' }, keys.provider)).status, 201)
    t.equal((await create({ organisation: 'T02' }, keys.other_provider)).status, 201)
    refused(t, await create({ organisation: 'T01' }, keys.provider), 409, 'code_taken')
  })

  await t.test('what cannot be is refused with its place', async (t) => {
    await empty()
    const bad: Array<[object, string[]]> = [
      [{ text: 'Dear {name}. (Invented.)' }, ['body /text unknown_placeholder']],
      [{ text: ' ' }, ['body /text wrong_format']],
      [{ code: 'Not a code' }, ['body /code wrong_format']],
      [{ categories: ['delays', 'nothing'] }, ['body /categories/1 unknown_category']],
      [{ organisation: 'T01' }, ['body /organisation not_your_organisation']],
      [
        { organisation: 'T01', categories: ['nothing'], text: '}' },
        [
          'body /organisation not_your_organisation',
          'body /categories/0 unknown_category',
          'body /text unknown_placeholder',
        ],
      ],
      [{ statuses: ['done'] }, ['body /statuses/0 unknown_value']],
    ]
    for (const [changes, fields] of bad) refused(t, await create(changes), 400, 'validation_failed', fields)
    refused(t, await create({}, keys.provider), 400, 'validation_failed', ['body /organisation missing'])
    for (const organisation of ['T02', 'XCM01', 'NONE'])
      refused(t, await create({ organisation }, keys.provider), 400, 'validation_failed', [
        'body /organisation not_your_organisation',
      ])
    t.equal((await create({ organisation: 'old1' }, keys.provider)).status, 201, 'a former code is one')
    t.same(await list(), [])
  })

  await t.test('a provider reads those of the central team and its own, and changes its own', async (t) => {
    await empty()
    const central = (await create({ code: 'central' })).body as Template
    const own = (await create({ code: 'own', organisation: 'T0101' }, keys.provider)).body as Template
    const other = (await create({ code: 'other', organisation: 'T02' }, keys.other_provider)).body as Template
    t.match(own, { organisation: { code: 'T0101', name: 'Example Site' } })
    t.same(await list('', keys.provider), ['central', 'own'])
    t.same(await list('', keys.other_provider), ['central', 'other'])
    t.same(await list(), ['central'])
    t.equal((await call({ url: `${URL}/${central.template}`, key: keys.provider })).status, 200)

    const notTheirs: Array<[Template, string]> = [
      [central, keys.provider],
      [other, keys.provider],
      [own, keys.other_provider],
      [own, keys.case_handler],
    ]
    for (const [{ template }, key] of notTheirs) {
      refused(t, await change(template, 1, { name: 'Mine now' }, key), 404, 'not_found')
      refused(t, await remove(template, key), 404, 'not_found')
    }
    refused(t, await call({ url: `${URL}/${own.template}`, key: keys.case_handler }), 404, 'not_found')
    refused(t, await call({ url: `${URL}/${other.template}`, key: keys.provider }), 404, 'not_found')
    for (const template of ['0000-0000-0000-0', 'nonsense'])
      refused(t, await call({ url: `${URL}/${template}`, key: keys.provider }), 404, 'not_found')
    t.equal((await change(own.template, 1, { name: 'Ours' }, keys.provider)).body.name, 'Ours')
    t.equal((await remove(own.template, keys.provider)).status, 204)
  })

  await t.test('a change makes a version, is checked like a new one, and one of two is kept', async (t) => {
    await empty()
    const { template } = (await create()).body as Template
    const both = await Promise.all([
      change(template, 1, { active: false, statuses: ['resolved'] }),
      change(template, 1, { active: false, statuses: ['resolved'] }),
    ])
    t.same(both.map(({ status }) => status).sort(), [200, 412])
    const changed = both.find(({ status }) => status === 200) as Answer
    t.match(changed.body, { active: false, statuses: ['resolved'], name: 'Thank you', version: 2 })
    t.match(changed.headers.etag, /^"2-/)
    t.match(await eventsOf('template.changed'), [{}, { fields: ['statuses', 'active'] }])
    refused(t, await change(template, 1, { name: 'Late' }), 412, 'version_stale')
    refused(t, await change(template, 2, { text: '{' }), 400, 'validation_failed', [
      'body /text unknown_placeholder',
    ])
    for (const body of [{}, { code: 'other' }, { organisation: 'T01' }])
      refused(t, await change(template, 2, body), 400, 'validation_failed')
    const request = { method: 'PATCH' as const, url: `${URL}/${template}`, body: { active: true } }
    refused(t, await call({ ...request, key: keys.case_handler, headers: as }), 428, 'version_required')
    const same = await change(template, 2, { active: false, statuses: ['resolved', 'resolved'] })
    t.equal(same.body.version, 2, 'a change of nothing makes no version')
    t.equal((await eventsOf('template.changed')).length, 2)
  })

  await t.test('one that is removed is gone, and its code is free', async (t) => {
    await empty()
    const { template } = (await create()).body as Template
    t.equal((await remove(template)).status, 204)
    refused(t, await remove(template), 404, 'not_found')
    refused(t, await call({ url: `${URL}/${template}`, key: keys.case_handler }), 404, 'not_found')
    t.equal((await create()).status, 201)
    t.match((await eventsOf('template.removed')).at(-1), { actingUser: 'person-1' })
  })

  await t.test('the list selects what fits, page by page, and is a table', async (t) => {
    await empty()
    const all = [
      { code: 'a_all' },
      { code: 'b_resolved', statuses: ['resolved', 'unable_to_resolve'] },
      { code: 'c_concern', kinds: ['concern'] },
      { code: 'd_delays', categories: ['delays'], text: '=1+1 (Invented.)' },
      { code: 'e_question', kinds: ['question'], categories: ['other'] },
    ]
    for (const one of all) await create(one)
    await db.pool.query(`update response_templates set active = false where code = 'a_all'`)
    t.same(await list(), ['a_all', 'b_resolved', 'c_concern', 'd_delays', 'e_question'])
    t.same(await list('?active=true'), ['b_resolved', 'c_concern', 'd_delays', 'e_question'])
    t.same(await list('?active=false'), ['a_all'])
    t.same(await list('?status=open'), ['a_all', 'c_concern', 'd_delays', 'e_question'])
    t.same(await list('?kind=concern&kind=feedback'), ['a_all', 'b_resolved', 'c_concern', 'd_delays'])
    t.same(await list('?kind=concern&category=other'), ['a_all', 'b_resolved', 'c_concern'])
    const paged: string[] = []
    let after = ''
    do {
      const { body } = await call({ url: `${URL}?limit=2${after}`, key: keys.case_handler })
      paged.push(...body.items.map(({ code }: Template) => code))
      after = body.next === null ? '' : `&after=${body.next}`
    } while (after !== '')
    t.same(paged, await list())
    for (const query of ['?after=rubbish', '?status=done', '?active=maybe'])
      refused(t, await call({ url: `${URL}${query}`, key: keys.case_handler }), 400, 'validation_failed')
    const { rows } = tableIn(t, await call({ url: `${URL}?format=csv`, key: keys.case_handler }))
    t.match(rows[1], { code: 'b_resolved', statuses: 'resolved; unable_to_resolve', 'organisation.code': '' })
    t.equal(rows[3]?.text, `'=1+1 (Invented.)`, 'a text is no formula')
  })

  await t.test('those that fit a case come filled in, what says most about it first', async (t) => {
    await empty()
    const all = [
      { code: 'all', text: '{reference}: {organisation}, {service}, {category}, {status}. (Invented.)' },
      { code: 'concerns', kinds: ['concern'] },
      { code: 'delays', kinds: ['concern'], categories: ['delays'] },
      { code: 'done', kinds: ['concern'], categories: ['delays'], statuses: ['resolved'] },
      { code: 'open', statuses: ['in_progress'] },
      { code: 'questions', kinds: ['question'] },
      { code: 'unused', kinds: ['concern'], categories: ['delays'] },
    ]
    for (const one of all) await create(one)
    await db.pool.query(`update response_templates set active = false where code = 'unused'`)
    const ward = await createCase(harness, { organisation: 'T0101', service: 'SRV1' })
    const codes = async (query = '') => (await forCase(ward.reference, query)).map(({ code }) => code)
    t.same(await codes(), ['delays', 'done', 'concerns', 'all', 'open'])
    t.same(await codes('?status=resolved'), ['done', 'delays', 'concerns', 'all'])
    t.same(await codes('?status=in_progress'), ['delays', 'concerns', 'open', 'all'])
    const filled = (await forCase(ward.reference, '?status=resolved')).at(-1)
    const { label } = (await call({ url: '/v1/categories' })).body.items.find(
      ({ code }: { code: string }) => code === 'delays',
    )
    t.equal(
      filled?.text,
      `${ward.reference}: Example Site, Example Ward, ${label}, Closed: resolved. (Invented.)`,
    )
    const plain = await createCase(harness)
    t.equal(
      (await forCase(plain.reference)).find(({ code }) => code === 'all')?.text,
      `${plain.reference}: Example Trust One, Example Trust One, ${label}, Open. (Invented.)`,
      'without a service it is the organisation, and without a status the one that it has',
    )
  })

  await t.test('a provider has those of its own places before the central ones', async (t) => {
    await empty()
    await create({ code: 'central' })
    await create({ code: 'central_delays', categories: ['delays'] })
    await create({ code: 'trust', organisation: 'T01' }, keys.provider)
    await create({ code: 'site', organisation: 'T0101' }, keys.provider)
    await create({ code: 'others', organisation: 'T02' }, keys.other_provider)
    const atSite = await createCase(harness, { organisation: 'T0101' })
    const atTrust = await publishedCase(harness)
    const codes = async (reference: string, key: string) =>
      (await forCase(reference, '', key)).map(({ code }) => code)
    t.same(await codes(atSite.reference, keys.provider), ['central_delays', 'site', 'trust', 'central'])
    t.same(await codes(atTrust.reference, keys.provider), ['central_delays', 'trust', 'central'])
    t.same(await codes(atTrust.reference, keys.case_handler), ['central_delays', 'central'])

    const { id } = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T01' } })
    await db.pool.query(`update organisations set active = false, succeeded_by_id = $1 where code = 'T02'`, [
      id,
    ])
    const successor = await harness.addClient({ name: 'successor', role: 'provider', organisationIds: [id] })
    t.same(
      await codes(atTrust.reference, successor),
      ['central_delays', 'others', 'trust', 'central'],
      'what it has taken over came with its templates',
    )
    await db.pool.query(`update organisations set active = true, succeeded_by_id = null where code = 'T02'`)
  })

  await t.test('only those who may answer a case see what fits it', async (t) => {
    const { reference } = await publishedCase(harness)
    const url = `/v1/cases/${reference}/response-templates`
    refused(t, await call({ url, key: keys.other_provider }), 403, 'not_your_case')
    refused(t, await call({ url, key: keys.commissioner }), 403, 'scope_missing')
    refused(t, await call({ url }), 401, 'key_missing')
    const question = await createCase(harness, { kind: 'question' })
    const ofQuestion = `/v1/cases/${question.reference}/response-templates`
    refused(t, await call({ url: ofQuestion, key: keys.provider }), 403, 'not_your_case')
    t.equal((await call({ url: ofQuestion, key: keys.case_handler })).status, 200)
    const unknown = '/v1/cases/0000-0000-0000-0/response-templates'
    refused(t, await call({ url: unknown, key: keys.case_handler }), 404, 'not_found')
    refused(t, await call({ url: `${url}?status=done`, key: keys.case_handler }), 400, 'validation_failed')
    tableIn(t, await call({ url: `${url}?format=csv`, key: keys.case_handler }))
  })

  await t.test('nobody else has templates', async (t) => {
    for (const role of ['second_tier', 'commissioner', 'administrator', 'integrator', 'supplier'] as const) {
      refused(t, await call({ url: URL, key: keys[role] }), 403, 'scope_missing')
      refused(t, await create({}, keys[role]), 403, 'scope_missing')
    }
    refused(t, await call({ url: URL }), 401, 'key_missing')
    const request = { method: 'POST' as const, url: URL, body: draft() }
    refused(t, await call({ ...request, key: keys.case_handler }), 400, 'validation_failed')
  })
})
