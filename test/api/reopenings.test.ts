import t from 'tap'
import { refused } from './answers.ts'
import { createCase, staff, startHarness } from './harness.ts'
import { eventsOf, moveTo, reporterOf, staffView, toldOf } from './reporter.ts'

t.test('reopenings', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const dispute = { reason: 'not_resolved', text: 'Nobody has called me back. (Invented.)' }

  await t.test('a reporter disputes a closing, and staff read why', async (t) => {
    const mine = await createCase(harness)
    const closed = await moveTo(harness, mine, 'resolved')
    const told = await toldOf(harness, mine)
    const { read, post } = reporterOf(harness, mine)
    t.ok((await read()).body.allowedActions.includes('reopen'))
    const { body, status } = await post('reopenings', dispute)
    t.equal(status, 201)
    t.match(body, { status: 'open', closedAt: closed.closedAt, resolvedAt: closed.resolvedAt })
    t.notOk(body.allowedActions.includes('reopen'))
    t.match(await staffView(harness, mine), {
      status: 'open',
      acknowledgedAt: closed.acknowledgedAt,
      messages: [{ author: 'reporter', answers: null, text: dispute.text }],
    })
    t.match((await eventsOf(harness, mine)).at(-1), {
      type: 'case.reopened_by_reporter',
      reason: 'not_resolved',
      fields: ['status', 'messages'],
      caseVersion: body.version,
      clientId: null,
    })
    t.same(
      (await toldOf(harness, mine)).slice(told.length),
      ['case_for_organisation', 'case_for_organisation'],
      'both addresses of the organisation',
    )
  })

  await t.test('the organisation hears of every reopening, once of each', async (t) => {
    const mine = await createCase(harness)
    const { post } = reporterOf(harness, mine)
    const before = (await toldOf(harness, mine)).filter((kind) => kind === 'case_for_organisation').length
    for (const n of [1, 2]) {
      await moveTo(harness, mine, 'unable_to_resolve')
      const key = { 'idempotency-key': `reopening-${n}` }
      for (let repeat = 0; repeat < 2; repeat++) t.equal((await post('reopenings', dispute, key)).status, 201)
      const told = (await toldOf(harness, mine)).filter((kind) => kind === 'case_for_organisation').length
      t.equal(told, before + 2 * n)
    }
    t.equal((await staffView(harness, mine)).messages.length, 2)
  })

  await t.test('a question that was never passed on stays the central team’s', async (t) => {
    const mine = await createCase(harness, { kind: 'question' })
    await moveTo(harness, mine, 'resolved')
    t.equal((await reporterOf(harness, mine).post('reopenings', dispute)).status, 201)
    t.notOk((await toldOf(harness, mine)).includes('case_for_organisation'))
  })

  await t.test('an open case and a withdrawn one do not reopen', async (t) => {
    const mine = await createCase(harness)
    const { post } = reporterOf(harness, mine)
    const open = await post('reopenings', dispute)
    refused(t, open, 409, 'move_not_allowed')
    t.same(open.body.allowed, ['add', 'withdraw_publication', 'withdraw_case'])
    await post('withdrawals', { what: 'case' })
    refused(t, await post('reopenings', dispute), 409, 'move_not_allowed')
    t.same((await staffView(harness, mine)).messages, [])
  })

  await t.test('a reopening says why', async (t) => {
    const mine = await createCase(harness)
    await moveTo(harness, mine, 'resolved')
    const { post } = reporterOf(harness, mine)
    for (const [body, fields] of [
      [{ reason: 'other' }, ['body /text missing']],
      [{ text: dispute.text }, ['body /reason missing']],
      [{ ...dispute, reason: 'angry' }, ['body /reason unknown_value']],
      [{ ...dispute, text: ' ' }, ['body /text wrong_format']],
      [{ ...dispute, status: 'open' }, ['body /status unknown_field']],
    ] as Array<[object, string[]]>)
      refused(t, await post('reopenings', body), 400, 'validation_failed', fields)
    t.equal((await staffView(harness, mine)).status, 'resolved')
  })

  await t.test('a reopening while a provider answers loses neither', async (t) => {
    for (let n = 0; n < 4; n++) {
      const mine = await createCase(harness)
      const { version, responses } = await moveTo(harness, mine, 'resolved')
      const answer = { text: 'One thing more. (Invented.)' }
      const [response, reopening] = await Promise.all([
        call({
          method: 'POST',
          url: `/v1/cases/${mine.reference}/responses`,
          key: keys.provider,
          headers: staff(version),
          body: answer,
        }),
        reporterOf(harness, mine).post('reopenings', dispute),
      ])
      t.equal(reopening.status, 201)
      t.ok([201, 412].includes(response.status), response.text)
      const answered = response.status === 201 ? 1 : 0
      const now = await staffView(harness, mine)
      t.match(now, { status: 'open', version: version + 1 + answered, messages: [{ text: dispute.text }] })
      t.equal(now.responses.length, responses.length + answered)
    }
  })

  await t.test('of five reopenings at once one is made', async (t) => {
    const mine = await createCase(harness)
    await moveTo(harness, mine, 'resolved')
    const { post } = reporterOf(harness, mine)
    const answers = await Promise.all(Array.from({ length: 5 }, () => post('reopenings', dispute)))
    t.same(answers.map(({ status }) => status).sort(), [201, 409, 409, 409, 409])
    t.equal((await staffView(harness, mine)).messages.length, 1)
  })
})
