import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, startHarness } from './harness.ts'

t.test('the webhook secrets of a source', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const url = '/v1/sources/pushed/secrets'
  const acting = { 'acting-user': 'admin-1' }
  const as = (key: string | undefined, headers: Record<string, string> = acting) => ({
    ...(key !== undefined && { key }),
    headers,
  })
  const list = (at = url): Promise<Answer> => call({ url: at, key: keys.administrator })
  const create = (at = url, who = as(keys.administrator)): Promise<Answer> =>
    call({ method: 'POST', url: at, ...who })
  const revoke = (id: string, at = url, who = as(keys.administrator)): Promise<Answer> =>
    call({ method: 'DELETE', url: `${at}/${id}`, ...who })
  const events = async () =>
    db.prisma.event.findMany({
      where: { type: { startsWith: 'source.secret' } },
      orderBy: { id: 'asc' },
      select: { type: true, actingUser: true, source: { select: { name: true } } },
    })

  const secrets: Array<{ id: string; secret: string; createdAt: string }> = []
  await t.test('each is shown once, and two may work', async (t) => {
    for (const n of [1, 2]) {
      const { status, body } = await create()
      t.equal(status, 201, `${n}`)
      t.match(body.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
      secrets.push(body)
    }
    t.not(secrets[0]?.secret, secrets[1]?.secret)
    const { body, text, headers } = await list()
    t.same(body, { items: secrets.map(({ id, createdAt }) => ({ id, createdAt })), next: null })
    t.notMatch(text, /whsec_/)
    const same = await call({
      url,
      key: keys.administrator,
      headers: { 'if-none-match': String(headers.etag) },
    })
    t.equal(same.status, 304)
    const third = await create()
    refused(t, third, 409, 'too_many_keys')
    t.match(third.body.detail, /2 secrets of this source/)
    const { rows } = await db.pool.query('select sealed from source_secrets')
    t.ok(rows.every(({ sealed }) => sealed.startsWith('v1.')))
  })

  await t.test('two at once are not three', async (t) => {
    const at = '/v1/sources/elsewhere/secrets'
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => create(at)))
    t.same(answers.map(({ status }) => status).sort(), [201, 201, 409, 409, 409])
  })

  await t.test('one that is ended is listed no more, makes room, and ends once', async (t) => {
    const { id = '' } = secrets[0] ?? {}
    t.equal((await revoke(id)).status, 204)
    t.equal((await revoke(id.toLowerCase().replaceAll('-', ''))).status, 204)
    t.same(
      (await list()).body.items.map((one: { id: string }) => one.id),
      [secrets[1]?.id],
    )
    t.equal((await create()).status, 201)
    const told = (await events()).filter(({ source }) => source?.name === 'pushed')
    t.same(
      told.map(({ type }) => type),
      ['source.secret_created', 'source.secret_created', 'source.secret_revoked', 'source.secret_created'],
    )
    t.ok(told.every(({ actingUser }) => actingUser === 'admin-1'))
  })

  await t.test('what is not there is not found, also under another source', async (t) => {
    const { id = '' } = secrets[1] ?? {}
    refused(t, await revoke(id, '/v1/sources/elsewhere/secrets'), 404, 'not_found')
    refused(t, await revoke('K7QD-M2XW-9TRB-H'), 404, 'not_found')
    refused(t, await revoke('no-secret'), 404, 'not_found')
    refused(t, await revoke('x'.repeat(41)), 400, 'validation_failed')
    for (const answer of [list, create])
      refused(t, await answer('/v1/sources/none/secrets'), 404, 'not_found')
    t.equal((await list()).body.items.length, 2)
  })

  await t.test('they are for administrators, who say who acts', async (t) => {
    const { id = '' } = secrets[1] ?? {}
    for (const key of [keys.feed_provider, keys.case_handler]) {
      refused(t, await call({ url, key }), 403, 'scope_missing')
      refused(t, await create(url, as(key)), 403, 'scope_missing')
      refused(t, await revoke(id, url, as(key)), 403, 'scope_missing')
    }
    refused(t, await call({ url }), 401, 'key_missing')
    refused(t, await create(url, as(undefined)), 401, 'key_missing')
    refused(t, await revoke(id, url, as(undefined)), 401, 'key_missing')
    const nobody = as(keys.administrator, {})
    const missing = ['header /Acting-User missing']
    refused(t, await create(url, nobody), 400, 'validation_failed', missing)
    refused(t, await revoke(id, url, nobody), 400, 'validation_failed', missing)
    t.equal((await list()).body.items.length, 2)
  })
})
