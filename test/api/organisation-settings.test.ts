import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, staff, startHarness } from './harness.ts'

t.test('the settings of an organisation', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const read = (code: string, key = keys.administrator): Promise<Answer> =>
    call({ url: `/v1/organisations/${code}/settings`, key })
  const update = (code: string, version: number, body: unknown, key = keys.administrator): Promise<Answer> =>
    call({
      method: 'PATCH',
      url: `/v1/organisations/${code}/settings`,
      key,
      headers: staff(version, 'admin-1'),
      body,
    })

  await t.test('are there before anybody has set any', async (t) => {
    const { status, body, headers } = await read('T02')
    t.equal(status, 200)
    t.same(body, {
      organisation: { code: 'T02', name: 'Example Trust Two' },
      notifyEmail: null,
      notifyEmail2: null,
      responseModeration: 'after',
      feedbackNotice: 'digest',
      acceptsCasesFrom: null,
      whereToTurn: null,
      respondUrl: null,
      version: 1,
    })
    t.match(headers.etag, /^"1-/)
  })

  await t.test(
    'change as they are sent: absent leaves, null clears, and the code may be a former one',
    async (t) => {
      const whole = {
        notifyEmail: 'pals@t01.example.org',
        notifyEmail2: 'office@t01.example.org',
        responseModeration: 'before',
        feedbackNotice: 'at_once',
        acceptsCasesFrom: '2027-03-01',
        whereToTurn: 'Ring 020 7946 0123. (Invented.)',
        respondUrl: 'https://tool.example/cases/{reference}',
      }
      const first = await update('old-1', 1, whole)
      t.equal(first.status, 200, first.text)
      t.match(first.body, { organisation: { code: 'T01' }, ...whole, version: 2 })
      t.match(first.headers.etag, /^"2-/)

      const second = await update('t01', 2, { notifyEmail2: null, acceptsCasesFrom: null })
      t.match(second.body, { ...whole, notifyEmail2: null, acceptsCasesFrom: null, version: 3 })
      t.same((await read('T01')).body, second.body)
    },
  )

  await t.test(
    'a change is recorded with who made it and the names of the fields, never their values',
    async (t) => {
      const { status } = await update('T02', 1, {
        notifyEmail: 'secret-office@example.org',
        feedbackNotice: 'none',
      })
      t.equal(status, 200)
      const recorded = await rows<{ event: Record<string, unknown> }>(
        db.pool,
        `select to_jsonb(e) as event from events e join organisations o on o.id = e.organisation_id
       where e.type = 'organisation.settings_changed' and o.code = 'T02'`,
      )
      t.equal(recorded.length, 1)
      t.match(recorded[0]?.event, { acting_user: 'admin-1', fields: ['feedbackNotice', 'notifyEmail'] })
      t.notMatch(JSON.stringify(recorded) + harness.logged(), /secret-office/)
    },
  )

  await t.test('what cannot be a setting is refused at its field', async (t) => {
    for (const [body, field] of [
      [{}, 'body  too_few'],
      [{ notifyEmail: 'nobody' }, 'body /notifyEmail wrong_format'],
      [{ notifyEmail2: 'a@example.org, b@example.org' }, 'body /notifyEmail2 wrong_format'],
      [{ responseModeration: 'never' }, 'body /responseModeration unknown_value'],
      [{ feedbackNotice: 'weekly' }, 'body /feedbackNotice unknown_value'],
      [{ acceptsCasesFrom: '2027-02-30' }, 'body /acceptsCasesFrom wrong_format'],
      [{ whereToTurn: '' }, 'body /whereToTurn too_short'],
      [{ respondUrl: 'ftp://tool.example/{reference}' }, 'body /respondUrl wrong_format'],
      [{ respondUrl: 'https://tool.example/cases' }, 'body /respondUrl not_a_template'],
      [{ respondUrl: 'https://tool.example/{reference}/{token}' }, 'body /respondUrl not_a_template'],
      [{ colour: 'blue' }, 'body /colour unknown_field'],
    ] as const) {
      refused(t, await update('XCM01', 1, body), 400, 'validation_failed', [field])
    }
    t.match((await read('XCM01')).body, { version: 1 })
  })

  await t.test(
    'a change to what somebody else has changed, or without its version, is refused',
    async (t) => {
      const stale = await update('T0101', 7, { feedbackNotice: 'none' })
      refused(t, stale, 412, 'version_stale')
      t.equal(stale.body.currentVersion, 1)
      const url = '/v1/organisations/T0101/settings'
      const headers = { 'acting-user': 'admin-1' }
      const body = { feedbackNotice: 'none' }
      const without = await call({ method: 'PATCH', url, key: keys.administrator, headers, body })
      refused(t, without, 428, 'version_required')
      t.match((await read('T0101')).body, { feedbackNotice: 'digest', version: 1 })
    },
  )

  await t.test('of two changes at once to one version, one is taken', async (t) => {
    const notices = ['none', 'at_once', 'none', 'at_once']
    const answers = await Promise.all(notices.map((feedbackNotice) => update('XCM02', 1, { feedbackNotice })))
    t.same(answers.map(({ status }) => status).sort(), [200, 412, 412, 412])
    t.match((await read('XCM02')).body, { version: 2 })
  })

  await t.test("are an administrator's business", async (t) => {
    refused(t, await call({ url: '/v1/organisations/T01/settings' }), 401, 'key_missing')
    for (const key of [keys.provider, keys.case_handler, keys.commissioner]) {
      refused(t, await read('T01', key), 403, 'scope_missing')
      refused(t, await update('T01', 3, { feedbackNotice: 'none' }, key), 403, 'scope_missing')
    }
  })

  await t.test('of an organisation that is not there are not there', async (t) => {
    refused(t, await read('NOWHERE'), 404, 'not_found')
    refused(t, await update('NOWHERE', 1, { feedbackNotice: 'none' }), 404, 'not_found')
  })
})
