import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { noteAll } from '../noted.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

type Headers = Record<string, string>
type Seen = { reference: string; text: string; publication: string }

t.test('decisions on answers', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const respond = (reference: string, version: number, text: string, key = keys.provider): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/responses`,
      key,
      headers: staff(version),
      body: { text: `${text} (Invented.)` },
    })
  const decide = (
    place: { reference: string; version: number; response: string },
    body: object,
    { key = keys.case_handler, ...headers } = {} as Headers,
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${place.reference}/responses/${place.response}/decisions`,
      key,
      headers: { ...staff(place.version, 'decider'), ...headers },
      body: { reason: 'fit_to_publish', ...body },
    })
  const settle = (responseModeration: 'before' | 'after') =>
    db.prisma.organisation.update({ where: { code: 'T01' }, data: { responseModeration } })
  const answered = async (responseModeration: 'before' | 'after', text = 'Thank you.') => {
    await settle(responseModeration)
    const { reference, version, receipt } = await publishedCase(harness)
    const { body } = await respond(reference, version, text)
    return {
      reference,
      version: body.case.version as number,
      response: body.response.reference as string,
      receipt,
    }
  }
  const shown = async (reference: string): Promise<string[]> =>
    (await call({ url: `/v1/cases/${reference}` })).body.responses.map(({ text }: Seen) => text)
  const told = async (reference: string): Promise<number> => {
    await noteAll(db)
    return (
      await rows(
        db.pool,
        `select 1 from notifications n join cases c on c.id = n.case_id
         where c.reference = $1 and n.kind = 'response_for_reporter'`,
        [reference],
      )
    ).length
  }
  const events = async (reference: string) =>
    (await db.prisma.event.findMany({ where: { caseReference: reference }, orderBy: { id: 'asc' } })).slice(2)

  await t.test('moderated after, an answer is public at once, and its reporter told', async (t) => {
    const { reference } = await answered('after')
    t.same(await shown(reference), ['Thank you. (Invented.)'])
    t.equal(await told(reference), 1)
  })

  await t.test('moderated before, an answer waits for a case handler, and so does the message', async (t) => {
    const place = await answered('before')
    t.same(await shown(place.reference), [])
    const receipt = { 'case-receipt': place.receipt }
    t.same((await call({ url: `/v1/cases/${place.reference}`, headers: receipt })).body.responses, [])
    t.equal(await told(place.reference), 0)
    const { status, body } = await decide(place, { action: 'publish' })
    t.equal(status, 201)
    t.match(body, {
      version: place.version + 1,
      responses: [{ reference: place.response, publication: 'published' }],
    })
    t.same(await shown(place.reference), ['Thank you. (Invented.)'])
    t.equal(await told(place.reference), 1)
    t.match((await events(place.reference)).slice(1), [
      {
        type: 'response.published',
        actingUser: 'decider',
        reason: 'fit_to_publish',
        fields: ['responses'],
        caseVersion: place.version + 1,
      },
    ])
    t.match(await db.prisma.decision.findMany({ where: { responseId: { not: null } } }), [
      { action: 'publish', reason: 'fit_to_publish', actingUser: 'decider' },
    ])
  })

  await t.test('publishing the case does not publish the answer that waits', async (t) => {
    await settle('before')
    const { reference, version } = await createCase(harness)
    const { body } = await respond(reference, version, 'Too early.')
    await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(body.case.version),
      body: { action: 'publish', reason: 'fit_to_publish', commissioned: 'locally', moderatedText: 'Fit.' },
    })
    t.same(await shown(reference), [])
  })

  await t.test('the central team needs nobody to publish its answers', async (t) => {
    await settle('before')
    const { reference, version } = await publishedCase(harness)
    await respond(reference, version, 'From the centre.', keys.case_handler)
    t.same(await shown(reference), ['From the centre. (Invented.)'])
    t.equal(await told(reference), 1)
  })

  await t.test('the reporter of a private case is told of an answer too', async (t) => {
    await settle('before')
    const { reference, version, receipt } = await createCase(harness, { privacy: 'private' })
    const { body } = await respond(reference, version, 'For you alone.')
    const reads = async () =>
      (await call({ url: `/v1/cases/${reference}`, headers: { 'case-receipt': receipt } })).body.responses
    t.same([await reads(), await told(reference)], [[], 0])
    const place = { reference, version: body.case.version, response: body.response.reference }
    await decide(place, { action: 'publish' })
    t.match(await reads(), [{ text: 'For you alone. (Invented.)' }])
    t.equal(await told(reference), 1)
  })

  await t.test(
    'M10 of two answers one is edited and the other removed: exactly that remains, and both acts are in the log',
    async (t) => {
      const first = await answered('after', 'Ask for CANARYNAME.')
      const second = (await respond(first.reference, first.version, 'Go away.')).body
      const edit = { action: 'publish', reason: 'edited_staff_name', text: 'Ask for the ward. (Invented.)' }
      const edited = await decide({ ...first, version: second.case.version }, edit)
      const place = { ...first, version: edited.body.version, response: second.response.reference }
      const removed = await decide(place, { action: 'remove', reason: 'not_suitable' })
      t.same(await shown(first.reference), ['Ask for the ward. (Invented.)'])
      t.same(
        removed.body.responses.map(({ publication }: Seen) => publication),
        ['published', 'removed'],
        'who may put it back sees it',
      )
      t.match((await events(first.reference)).slice(2), [
        { type: 'response.changed', reason: 'edited_staff_name', actingUser: 'decider' },
        { type: 'response.removed', reason: 'not_suitable', actingUser: 'decider' },
      ])
      t.equal(await told(first.reference), 2, 'told of each answer once, of no edit')
      const [kept] = await db.prisma.responseEdit.findMany()
      t.match(kept, { actingUser: 'decider' })
      t.notMatch(kept?.textSealed, 'CANARYNAME')
      t.equal(
        db.vault.open(`remark:${first.response}`, kept?.textSealed ?? ''),
        'Ask for CANARYNAME. (Invented.)',
        'what it said before is kept',
      )
      t.notMatch(
        JSON.stringify((await events(first.reference)).map(({ reason, fields }) => [reason, fields])),
        'CANARYNAME',
      )
    },
  )

  await t.test('what a trust says of moderation is said for its sites too', async (t) => {
    await settle('before')
    const { reference, version } = await publishedCase(harness, { organisation: 'T0101' })
    const { body } = await respond(reference, version, 'From the site.')
    t.match(body.case.responses, [{ publication: 'awaiting_moderation', organisation: { code: 'T0101' } }])
    t.same(await shown(reference), [])
    t.equal(await told(reference), 0)
    await settle('after')
    await respond(reference, body.case.version, 'From the site.')
    t.equal((await shown(reference)).length, 1)
  })

  await t.test('what was removed or rejected can be put back, and nobody is told twice', async (t) => {
    const place = await answered('after')
    const removed = await decide(place, { action: 'remove', reason: 'names_staff' })
    t.same(await shown(place.reference), [])
    const back = await decide({ ...place, version: removed.body.version }, { action: 'publish' })
    t.same(await shown(place.reference), ['Thank you. (Invented.)'])
    t.equal(await told(place.reference), 1)
    t.equal(back.body.version, place.version + 2)

    const waiting = await answered('before')
    const rejected = await decide(waiting, { action: 'reject', reason: 'not_suitable' })
    t.match(rejected.body.responses, [{ publication: 'rejected' }])
    t.same([await shown(waiting.reference), await told(waiting.reference)], [[], 0])
    const text = 'Better. (Invented.)'
    await decide({ ...waiting, version: rejected.body.version }, { action: 'publish', text })
    t.same(await shown(waiting.reference), [text])
    t.same(
      (await events(waiting.reference)).map(({ type }) => type),
      ['response.created', 'response.rejected', 'response.changed', 'response.published'],
    )
  })

  await t.test('a move that the table does not have is refused with those that it has', async (t) => {
    const waiting = await answered('before')
    const published = await answered('after')
    const publish = { action: 'publish', reason: 'fit_to_publish' }
    const remove = { action: 'remove', reason: 'not_suitable' }
    const reject = { action: 'reject', reason: 'not_suitable' }
    for (const [place, body, allowed] of [
      [waiting, remove, ['publish', 'reject']],
      [published, reject, ['publish', 'remove']],
      [published, publish, ['publish', 'remove']],
      [published, { ...publish, text: 'Thank you. (Invented.)' }, ['publish', 'remove']],
    ] as const) {
      const answer = await decide(place, body)
      refused(t, answer, 409, 'move_not_allowed')
      t.same(answer.body.allowed, allowed)
    }
  })

  await t.test('an answer that its source has taken back stays away, also from staff', async (t) => {
    const place = await answered('after')
    await rows(db.pool, `update responses set publication = 'removed' where reference = $1`, [place.response])
    await rows(
      db.pool,
      `insert into items (source_id, external_id, type, state, fingerprint, read_by, response_id, warnings)
       select s.id, 'r-1', 'reply', 'deleted', '\\x00', 'pushed', r.id, '{}' from sources s, responses r
       where s.name = 'pushed' and r.reference = $1`,
      [place.response],
    )
    const answer = await decide(place, { action: 'publish' })
    refused(t, answer, 409, 'move_not_allowed')
    t.same(answer.body.allowed, [])
    for (const key of [keys.case_handler, keys.provider])
      t.same((await call({ url: `/v1/cases/${place.reference}`, key })).body.responses, [])
  })

  await t.test('a text comes with publishing only, and is one', async (t) => {
    const place = await answered('after')
    for (const [body, fields] of [
      [{ action: 'remove', text: 'x' }, ['body /text text_not_taken']],
      [{ action: 'publish', text: ' ' }, ['body /text wrong_format']],
      [{ action: 'publish', text: 'x'.repeat(10_001) }, ['body /text too_long']],
      [{ action: 'edit' }, ['body /action unknown_value']],
      [{ action: 'remove', reason: 'because' }, ['body /reason unknown_value']],
      [{ action: 'remove', status: 'open' }, ['body /status unknown_field']],
    ] as Array<[object, string[]]>)
      refused(t, await decide(place, body), 400, 'validation_failed', fields)
  })

  await t.test('of an answer that was turned away the public learns nothing', async (t) => {
    const place = await answered('before')
    await decide(place, { action: 'reject', reason: 'identifies_somebody' })
    const decisions = async (key?: string) =>
      (await call({ url: `/v1/cases/${place.reference}/decisions`, ...(key && { key }) })).body.items.map(
        ({ action, response }: { action: string; response: string | null }) => [action, response],
      )
    t.same(await decisions(), [['publish', null]])
    t.same(await decisions(keys.integrator), [['publish', null]])
    t.same(await decisions(keys.provider), [
      ['publish', null],
      ['reject', place.response],
    ])
  })

  await t.test('only case handlers decide, on an answer of that case', async (t) => {
    const place = await answered('after')
    const remove = { action: 'remove', reason: 'not_suitable' }
    for (const role of ['provider', 'integrator', 'commissioner', 'supplier'] as const)
      refused(t, await decide(place, remove, { key: keys[role] }), 403, 'scope_missing')
    refused(t, await decide(place, remove, { key: keys.second_tier }), 404, 'not_found')
    const other = await answered('after')
    for (const response of [other.response, 'K7QD-M2XW-9TRB-H', 'nonsense'])
      refused(t, await decide({ ...place, response }, remove), 404, 'not_found')
    refused(t, await decide({ ...place, reference: 'K7QD-M2XW-9TRB-H' }, remove), 404, 'not_found')
    const url = `/v1/cases/${place.reference}/responses/${place.response}/decisions`
    refused(t, await call({ method: 'POST', url, body: {} }), 401, 'key_missing')
    const whole = { method: 'POST' as const, url, key: keys.case_handler, body: remove }
    refused(t, await call({ ...whole, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...whole, headers: { 'if-match': '"1"' } }), 400, 'validation_failed')
    refused(t, await decide({ ...place, version: place.version - 1 }, remove), 412, 'version_stale')
    t.same(await shown(place.reference), ['Thank you. (Invented.)'])
  })

  await t.test('of two at once one decides; a repeat with its Idempotency-Key is the same', async (t) => {
    const place = await answered('after')
    const remove = { action: 'remove', reason: 'not_suitable' }
    const edit = { action: 'publish', text: 'Edited. (Invented.)' }
    const both = await Promise.all([decide(place, remove), decide(place, edit)])
    t.same(both.map(({ status }) => status).sort(), [201, 412])

    const next = await answered('after')
    const headers = { 'idempotency-key': 'edit-once' }
    const first = await decide(next, edit, headers)
    const again = await decide(next, edit, headers)
    t.same([again.status, again.body], [201, first.body])
    t.equal(await db.prisma.responseEdit.count({ where: { response: { reference: next.response } } }), 1)
    refused(t, await decide(next, remove, headers), 422, 'idempotency_key_reused')
  })
})
