import t from 'tap'
import { type Harness, publishedCase, staff } from '../api/harness.ts'
import { reporterOf } from '../api/reporter.ts'
import { mailSetting, NATIONAL_CONTACT, set, type TestCase, told } from './mail-setting.ts'

t.test('who is told of an escalation, and of an answer that is to take longer', async (t) => {
  const setting = await mailSetting(t)
  const { db, harness, server, send, worker } = setting
  const { keys } = harness
  await db.prisma.commissioning.updateMany({ data: { primary: true } })
  const begin = async () => {
    await setting.reset()
    await set(db, 'T01', { notify_email: 'pals@t01.example.org' })
    await set(db, 'XCM01', {
      notify_email: 'quality@xcm01.example.org',
      notify_email_2: 'office@xcm01.example.org',
      respond_url: 'https://tool.example/{reference}',
    })
    const made = await publishedCase(harness)
    await send()
    server.received.length = 0
    return made
  }
  const lastOf = async ({ reference }: { reference: string }) => {
    const { id } = await db.prisma.case.findUniqueOrThrow({ where: { reference } })
    return (await told(db, { id: Number(id) } as TestCase)).filter(({ kind }) =>
      /escalation|extension/.test(kind),
    )
  }

  await t.test('its commissioner is, at its own addresses, and not the organisation', async (t) => {
    const mine = await begin()
    await post(harness, mine, 'escalations', { reason: 'safety', text: 'CANARYTEXT (invented)' })
    await send()
    await send()
    t.same(server.received.map(({ to }) => to).sort(), [
      'office@xcm01.example.org',
      'quality@xcm01.example.org',
    ])
    for (const { subject, text, raw } of server.received) {
      t.match(subject, mine.reference)
      t.match(text, `https://tool.example/${mine.reference}`)
      t.notMatch(raw, /CANARYTEXT|safety|Example Trust|hours/)
    }
  })

  await t.test('nobody is when it has taken it up meanwhile', async (t) => {
    const mine = await begin()
    const version = await post(harness, mine, 'escalations', { reason: 'safety' })
    await post(
      harness,
      { ...mine, version },
      'escalation-answers',
      { answer: 'acknowledged' },
      keys.commissioner,
    )
    await send()
    t.same(server.received, [])
    t.match(await lastOf(mine), Array(2).fill({ state: 'dropped', problem: 'taken_up' }))
  })

  await t.test('the national contact is, of what is commissioned nationally', async (t) => {
    for (const nationalContact of [NATIONAL_CONTACT, null]) {
      const mine = await begin()
      const { body } = await harness.call({
        method: 'PATCH',
        url: `/v1/cases/${mine.reference}`,
        key: keys.case_handler,
        headers: staff(mine.version),
        body: { commissioned: 'nationally' },
      })
      await post(harness, { ...mine, version: body.version }, 'escalations', { reason: 'safety' })
      await send(worker({ nationalContact }))
      t.same(
        server.received.map(({ to }) => to),
        nationalContact === null ? [] : [nationalContact],
      )
      if (nationalContact === null)
        t.match(await lastOf(mine), [{ state: 'dropped', problem: 'no_national_contact' }])
    }
  })

  await t.test('the reporter is asked for more time, unless they have answered', async (t) => {
    const draft = { workingDays: 5, reason: 'CANARYTEXT (invented)', consent: 'asked' }
    const asked = await begin()
    await post(harness, asked, 'extensions', draft)
    await send()
    t.same(
      server.received.map(({ to }) => to),
      ['invented@example.org'],
    )
    t.match(server.received[0]?.subject, asked.reference)
    t.notMatch(server.received[0]?.raw, /CANARYTEXT/)

    const answered = await begin()
    await post(harness, answered, 'extensions', draft)
    await reporterOf(harness, answered).post('extension-answers', { answer: 'declined' })
    await send()
    t.same(server.received, [])
    t.match(await lastOf(answered), [{ state: 'dropped', problem: 'answered' }])
  })
})

/** Takes a step on a case and resolves to its version then. */
async function post(
  { call, keys }: Harness,
  { reference, version }: { reference: string; version: number },
  path: string,
  body: object,
  key = keys.case_handler,
): Promise<number> {
  const url = `/v1/cases/${reference}/${path}`
  const answer = await call({ method: 'POST', url, key, headers: staff(version), body })
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.body.version
}
