import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { noteAll } from '../noted.ts'
import { canaries, canaryDraft, holdsNone, refused } from './answers.ts'
import { type Answer, createCase, NOTIFY_TOKEN, startHarness } from './harness.ts'

t.test('what was told, and what could not be', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const list = (query = '', key: string | undefined = keys.administrator) =>
    call({ url: `/v1/notifications${query}`, ...(key && { key }) })
  const retry = (id: number | string, headers: Record<string, string> = {}, key = keys.administrator) =>
    call({
      method: 'POST',
      url: `/v1/notifications/${id}/retries`,
      key,
      headers: { 'acting-user': 'admin-1', ...headers },
    })
  /** As workers would leave those of a case: its receipt failed, its second address nobody's, its first sent. */
  const settle = (reference: string) =>
    rows(
      db.pool,
      `update notifications n set attempts = 1,
         state = (case when n.kind = 'receipt_for_reporter' then 'failed' when address = 2 then 'dropped' else 'sent' end)::notification_state,
         problem = case when n.kind = 'receipt_for_reporter' then 'smtp_550' when address = 2 then 'no_address' end,
         sent_at = case when n.kind <> 'receipt_for_reporter' and address = 1 then now() end
       from cases c where c.id = n.case_id and c.reference = $1`,
      [reference],
    )
  const [one, two] = [await createCase(harness, canaryDraft), await createCase(harness)]
  await noteAll(db)
  await settle(one.reference)
  const kinds = ({ body }: Answer): string[] =>
    body.items.map(({ kind, state }: { kind: string; state: string }) => `${kind} ${state}`)

  await t.test('is listed newest first, without whom it went to and what it said', async (t) => {
    const answer = await list()
    t.same(kinds(answer), [
      'receipt_for_reporter waiting',
      'case_for_organisation waiting',
      'case_for_organisation waiting',
      'receipt_for_reporter failed',
      'case_for_organisation dropped',
      'case_for_organisation sent',
    ])
    const [, , , failed, dropped, sent] = answer.body.items
    t.match(failed, {
      case: one.reference,
      organisation: null,
      attempts: 1,
      problem: 'smtp_550',
      nextAttemptAt: null,
      sentAt: null,
    })
    t.match(dropped, { organisation: 'T01', problem: 'no_address', sentAt: null })
    t.match(sent, { organisation: 'T01', problem: null, sentAt: /Z$/ })
    t.match(answer.body.items[0], { case: two.reference, nextAttemptAt: /Z$/, attempts: 0 })
    holdsNone(t, answer.text, 'the list')
    t.notMatch(answer.text, /@|invented/i)
  })

  await t.test('by state, by kind, by case, and all at once', async (t) => {
    t.same(kinds(await list('?state=failed')), ['receipt_for_reporter failed'])
    t.same(kinds(await list('?state=failed&state=sent')), [
      'receipt_for_reporter failed',
      'case_for_organisation sent',
    ])
    t.equal((await list('?kind=receipt_for_reporter')).body.items.length, 2)
    t.equal((await list(`?case=${one.reference}`)).body.items.length, 3)
    t.same(kinds(await list(`?case=${one.reference.toLowerCase()}&kind=case_for_organisation&state=sent`)), [
      'case_for_organisation sent',
    ])
    for (const nothing of ['?case=nonsense', '?case=0000-0000-0000-0', '?kind=survey_for_reporter'])
      t.same((await list(nothing)).body, { items: [], next: null })
    refused(t, await list('?state=lost'), 400, 'validation_failed', ['query /state/0 unknown_value'])
    refused(t, await list('?after=nonsense'), 400, 'validation_failed', ['query /after unknown_cursor'])
  })

  await t.test('page by page, and as a table', async (t) => {
    const seen: number[] = []
    for (let next = '?limit=2'; next !== ''; ) {
      const { body } = await list(next)
      seen.push(...body.items.map(({ id }: { id: number }) => id))
      next = body.next === null ? '' : `?limit=2&after=${encodeURIComponent(body.next)}`
    }
    t.equal(seen.length, 6)
    t.same(
      seen,
      [...new Set(seen)].sort((a, b) => b - a),
    )
    const { text } = await list('?format=csv&state=failed')
    const [heading, line] = text.replace('\uFEFF', '').trim().split('\r\n')
    t.equal(heading, 'id,kind,case,organisation,state,attempts,problem,nextAttemptAt,createdAt,sentAt')
    t.match(line, new RegExp(`^\\d+,receipt_for_reporter,${one.reference},,failed,1,smtp_550,,`))
  })

  await t.test('what failed is told once more, however often that is asked with one key', async (t) => {
    const [failed] = (await list('?state=failed')).body.items
    const headers = { 'idempotency-key': 'again' }
    const first = await retry(failed.id, headers)
    t.equal(first.status, 202, first.text)
    t.match(first.body, { id: failed.id, state: 'waiting', attempts: 0, nextAttemptAt: /Z$/ })
    t.same((await retry(failed.id, headers)).body, first.body)
    refused(t, await retry(failed.id), 409, 'notification_not_failed')
    const events = await db.prisma.event.findMany({ where: { type: 'notification.retried' } })
    t.match(events, [
      {
        caseReference: one.reference,
        actingUser: 'admin-1',
        reason: 'receipt_for_reporter',
        caseVersion: null,
      },
    ])
    t.equal(events.length, 1)
    const history = await call({ url: `/v1/cases/${one.reference}/events`, key: keys.case_handler })
    t.match(history.body.items.at(-1), { type: 'notification.retried', actingUser: 'admin-1', version: null })
    await noteAll(db)
    t.equal((await list()).body.items.length, 6, 'it is the same notification')
  })

  await t.test('so is what there was nobody for; what was sent or is not there is not', async (t) => {
    const [dropped] = (await list('?state=dropped')).body.items
    t.equal((await retry(dropped.id)).status, 202)
    const [sent] = (await list('?state=sent')).body.items
    refused(t, await retry(sent.id), 409, 'notification_not_failed')
    refused(t, await retry(999_999), 404, 'not_found')
    refused(t, await retry('x'), 400, 'validation_failed')
    const other = await retry(sent.id, { 'idempotency-key': 'again' })
    refused(t, other, 422, 'idempotency_key_reused')
  })

  await t.test('to administrators alone, who say who they are', async (t) => {
    refused(t, await list('', ''), 401, 'key_missing')
    for (const key of [keys.case_handler, keys.provider, keys.integrator, keys.supplier]) {
      refused(t, await list('', key), 403, 'scope_missing')
      refused(t, await retry(1, {}, key), 403, 'scope_missing')
    }
    const unnamed = await call({
      method: 'POST',
      url: '/v1/notifications/1/retries',
      key: keys.administrator,
    })
    refused(t, unnamed, 400, 'validation_failed', ['header /Acting-User missing'])
  })

  await t.test('only the service that sends calls back', async (t) => {
    const tell = (token: string | undefined, body: unknown) =>
      call({
        method: 'POST',
        url: '/v1/callbacks/notify',
        body,
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      })
    const id = '740e5834-3a29-46b4-9a6f-16142fde533a'
    const failure = { id, status: 'permanent-failure', to: canaries.email, reference: 'x' }
    await rows(
      db.pool,
      `update notifications set provider_id = $1, state = 'sent', sent_at = now() where id = (select max(id) from notifications)`,
      [id],
    )
    const state = async () =>
      (
        await rows(
          db.pool,
          'select state, problem from notifications where id = (select max(id) from notifications)',
        )
      )[0]
    refused(t, await tell(undefined, failure), 401, 'key_missing')
    for (const wrong of ['x', `${NOTIFY_TOKEN}x`, keys.administrator])
      refused(t, await tell(wrong, failure), 401, 'key_invalid')
    t.same(await state(), { state: 'sent', problem: null })
    for (const body of [
      { id },
      { status: 'delivered' },
      { id: 'a b', status: 'delivered' },
      [],
      { id: 1, status: 2 },
    ])
      refused(t, await tell(NOTIFY_TOKEN, body), 400, 'validation_failed')
    for (const status of ['delivered', 'sending', 'something-new', 'constructor'])
      t.equal((await tell(NOTIFY_TOKEN, { id, status })).status, 204)
    t.equal((await tell(NOTIFY_TOKEN, { ...failure, id: 'not-known' })).status, 204)
    t.same(await state(), { state: 'sent', problem: null })
    t.equal((await tell(NOTIFY_TOKEN, failure)).status, 204)
    t.same(await state(), { state: 'failed', problem: 'notify_permanent_failure' })
    t.equal((await tell(NOTIFY_TOKEN, failure)).status, 204, 'twice is once')
    holdsNone(t, harness.logged(), 'the log')
    t.notMatch(harness.logged(), NOTIFY_TOKEN)
  })
})

t.test('without its token nobody calls back', async (t) => {
  const harness = await startHarness(t, { notifyToken: null })
  const answer = await harness.call({
    method: 'POST',
    url: '/v1/callbacks/notify',
    headers: { authorization: 'Bearer undefined' },
    body: { id: 'x', status: 'delivered' },
  })
  refused(t, answer, 401, 'key_invalid')
})

t.test('a burst of receipts is as welcome as the burst of mails before it', async (t) => {
  const harness = await startHarness(t, { requestsPerMinute: 2 })
  const tell = (token: string) =>
    harness.call({
      method: 'POST',
      url: '/v1/callbacks/notify',
      headers: { authorization: `Bearer ${token}` },
      body: { id: 'x', status: 'delivered' },
    })
  for (let n = 0; n < 20; n++) t.equal((await tell(NOTIFY_TOKEN)).status, 204)
  refused(t, await tell(NOTIFY_TOKEN), 429, 'too_many_requests')
  for (let n = 0; n < 2; n++) refused(t, await tell('guess'), 401, 'key_invalid')
  refused(t, await tell('guess'), 429, 'too_many_requests')
})
