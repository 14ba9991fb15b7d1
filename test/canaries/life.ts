import { surveyOf, surveyToken } from '../../domain/surveys.ts'
import { type Db, row, rows } from '../../prisma/client.ts'
import { type Answer, type Call, ORIGIN } from '../api/harness.ts'
import type { Keys } from '../api/prepared.ts'
import { signed } from '../api/signed.ts'
import { until } from '../workers/poll-setting.ts'
import type { Canary } from './people.ts'

/** The service as a caller has it. */
export type Door = { db: Db; keys: Keys; call: (request: Call) => Promise<Answer> }

/** What somebody's case is called, and what its reporter holds. */
export type Told = { reference: string; receipt: string }

const CLEAN = 'They were in pain, and waited. (Invented.)'

/** Somebody tells the service something, by their own way; what comes from a source is told for all of them by `tellSource`. */
export async function tell(door: Door, one: Canary): Promise<Told> {
  const { keys } = door
  const draft = {
    kind: one.path === 'question' ? 'question' : one.path === 'second_tier' ? 'feedback' : 'concern',
    organisation: 'T01',
    category: 'treatment',
    title: one.text('title'),
    text: one.text('text'),
    privacy: one.privacy,
    contact: { name: one.name, email: one.email, phone: one.phone },
    tags: [`quillby${one.n}`.slice(0, 20)],
    acceptsTerms: true,
  }
  const { tags: _, ...plain } = draft
  switch (one.path) {
    case 'referred': {
      const moderation = {
        commissioned: 'locally',
        ...(one.privacy !== 'private' && { moderatedText: CLEAN }),
      }
      return must(door, '/v1/cases', keys.case_handler, { ...plain, channel: 'phone', moderation })
    }
    case 'second_tier':
      return must(door, '/v1/cases', keys.form, { ...plain, contact: { name: one.name, email: one.email } })
    case 'question': {
      const moderation = {
        commissioned: 'nationally',
        ...(one.privacy !== 'private' && { moderatedText: CLEAN }),
      }
      return must(door, '/v1/cases', keys.case_handler, { ...plain, channel: 'email', moderation })
    }
    default:
      return must(door, '/v1/cases', keys.integrator, plain)
  }
}

/** What a source brings: a text, stories pushed in all ways, and some that wait in quarantine until a code is mended. */
export async function tellSource(door: Door, people: readonly Canary[]): Promise<Map<number, Told>> {
  const { db, keys } = door
  const own = new Map<number, Told>()
  const secret = await signingSecret(door)
  const pushed: object[] = []
  for (const one of people) {
    const externalId = `story-${one.n}`
    const item = {
      type: 'story',
      externalId,
      organisation: one.path === 'quarantined' ? 'NOWHERE1' : 'T01',
      title: one.text('title'),
      text: one.text('text'),
      authorName: one.name,
      publishedAt: '2026-11-20T09:00:00Z',
    }
    if (one.path === 'text_message') {
      await must(door, '/v1/sources/pushed/texts', keys.feed_provider, {
        id: externalId,
        source_number: `44${one.phone.replaceAll(' ', '').slice(1)}`,
        destination_number: '447700900999',
        message: `T01 ${one.text('message')}`,
        date_received: '2026-11-20T09:00:00.000000Z',
      })
    } else if (one.path === 'pushed' && one.n % 50 === 7) {
      const body = JSON.stringify({ data: item })
      await must(door, '/v1/sources/elsewhere/webhooks', undefined, body, signed(body, { secret }))
    } else pushed.push(item)
  }
  for (let from = 0; from < pushed.length; from += 100) {
    const items = pushed.slice(from, from + 100)
    await must(door, '/v1/sources/pushed/items', keys.feed_provider, { items })
  }
  if (people.some(({ path }) => path === 'quarantined')) {
    const admin = { 'acting-user': 'person-1' }
    await must(
      door,
      '/v1/sources/pushed/organisation-aliases',
      keys.administrator,
      { code: 'NOWHERE1', organisation: 'T01' },
      admin,
    )
    await must(door, '/v1/sources/pushed/redrives', keys.administrator, {}, admin)
  }
  await until('what sources brought', async () => {
    const made = await rows<{ externalId: string; reference: string }>(
      db.pool,
      `select i.external_id as "externalId", c.reference from items i join cases c on c.id = i.case_id`,
    )
    for (const { externalId, reference } of made) {
      const n = Number(/story-(\d+)/.exec(externalId)?.[1])
      own.set(n, { reference, receipt: '' })
    }
    return people.every(({ n }) => own.has(n))
  })
  if (people.some(({ path }) => path === 'quarantined'))
    await must(
      door,
      '/v1/sources/pushed/organisation-aliases?code=NOWHERE1',
      keys.administrator,
      undefined,
      {},
      'DELETE',
    )
  return own
}

/** A case handler decides what the public sees of many; somebody's own words never stay in it. */
export async function decideMany(door: Door, told: readonly (Told & { privacy: string })[]): Promise<void> {
  for (let from = 0; from < told.length; from += 50) {
    const decisions = []
    for (const { reference, privacy } of told.slice(from, from + 50)) {
      const { version, publication } = await read(door, reference)
      if (publication !== 'awaiting_moderation') continue
      const decision =
        privacy === 'private'
          ? { action: 'keep_private', reason: 'reporter_asked', commissioned: 'locally' }
          : {
              action: 'publish',
              reason: 'fit_to_publish',
              commissioned: 'locally',
              moderatedTitle: 'Pain',
              moderatedText: CLEAN,
            }
      decisions.push({ reference, version, decision })
    }
    if (decisions.length === 0) continue
    const { items: results } = await must(
      door,
      '/v1/decisions',
      door.keys.case_handler,
      { decisions },
      { 'acting-user': 'person-2' },
    )
    const failed = results.find(({ done }: { done: boolean }) => !done)
    if (failed) throw new Error(`a decision failed: ${JSON.stringify(failed)}`)
  }
}

/** All that can happen to a case of this path, with words of the reporter wherever somebody may write or say them. */
export async function live(door: Door, one: Canary, told: Told): Promise<void> {
  const { keys } = door
  const url = `/v1/cases/${told.reference}`
  const ask = (path: string, key: string, body: unknown, user = 'person-3') =>
    staffAsk(door, told, path, key, body, user)
  const reporter = (path: string, body: unknown) =>
    must(door, `${url}${path}`, undefined, body, { 'case-receipt': told.receipt })
  switch (one.path) {
    case 'answered': {
      await ask('/messages', keys.provider, { text: one.text('message') })
      await reporter('/additions', { text: one.text('addition') })
      await ask('/notes', keys.provider, { text: one.text('note') })
      await ask('/responses', keys.provider, { text: 'We are sorry. (Invented.)', status: 'resolved' })
      await reporter('/outcomes', { resolved: false, manner: true })
      await answerSurvey(door, told)
      await reporter('/reopenings', { reason: 'not_resolved', text: one.text('reopening') })
      return
    }
    case 'waited_for': {
      await door.call({
        method: 'PATCH',
        url,
        key: keys.case_handler,
        body: { commissioned: 'locally' },
        headers: await staffHeaders(door, told),
      })
      await ask('/pause', keys.provider, { text: one.text('pause') })
      await ask('/extensions', keys.provider, {
        workingDays: 5,
        reason: one.text('extension'),
        consent: 'asked',
      })
      await reporter('/extension-answers', { answer: 'agreed' })
      await ask('/escalations', keys.case_handler, { reason: 'overdue', text: one.text('escalation') })
      await ask('/escalation-answers', keys.commissioner, {
        answer: 'resolved',
        text: one.text('escalation answer'),
      })
      await must(
        door,
        '/v1/legal-holds',
        keys.administrator,
        { case: told.reference, reason: one.text('hold') },
        { 'acting-user': 'person-4' },
      ).then(({ hold }) =>
        must(
          door,
          `/v1/legal-holds/${hold}`,
          keys.administrator,
          undefined,
          { 'acting-user': 'person-4' },
          'DELETE',
        ),
      )
      await reporter('/withdrawals', { what: 'case' })
      return
    }
    case 'objected': {
      if (one.privacy !== 'private') {
        await must(door, `${url}/reports`, undefined, { reason: 'personal_data', text: one.text('report') })
        const { request } = await ask('/removal-requests', keys.provider, {
          reason: 'vexatious',
          text: one.text('removal request'),
        })
        await must(
          door,
          `/v1/removal-requests/${request}/decisions`,
          keys.case_handler,
          { action: 'decline', reason: 'fit_to_publish' },
          await staffHeaders(door, told, 'person-5'),
        )
      }
      return
    }
    case 'referred': {
      await ask('/referrals', keys.provider, { organisation: 'T02', note: one.text('referral') })
      await ask('/referral-answers', keys.other_provider, { action: 'accept' })
      await ask('/responses', keys.other_provider, { text: 'Thank you. (Invented.)' })
      await reporter('/receipts', undefined).catch(() => undefined)
      return
    }
    case 'second_tier': {
      await ask('/decisions', keys.case_handler, {
        action: 'refer',
        reason: 'second_opinion',
        note: one.text('referral'),
      })
      if (one.privacy !== 'private')
        await ask(
          '/decisions',
          keys.second_tier,
          { action: 'publish', reason: 'fit_to_publish', moderatedText: CLEAN },
          'person-6',
        )
      await reporter('/withdrawals', { what: one.privacy === 'private' ? 'case' : 'publication' })
      return
    }
    case 'question': {
      await door.call({
        method: 'PATCH',
        url,
        key: keys.case_handler,
        body: { passedOn: true },
        headers: await staffHeaders(door, told),
      })
      await ask('/responses', keys.case_handler, { text: 'Ring the ward. (Invented.)', status: 'resolved' })
      return
    }
    case 'searched': {
      await must(door, '/v1/previews', keys.integrator, {
        text: one.text('preview'),
        contact: { email: one.email },
      })
      await must(
        door,
        '/v1/contact-searches',
        keys.case_handler,
        { email: one.email },
        { 'acting-user': 'person-7' },
      )
      await must(door, '/v1/subject-accesses', keys.administrator, { phone: one.phone })
      await orderDigest(door, one)
      return
    }
    default:
      return
  }
}

async function orderDigest(door: Door, one: Canary): Promise<void> {
  const { id: query } = await must(door, '/v1/queries', door.keys.supplier, {
    name: `Of ${one.n}`,
    filter: {},
  })
  await must(door, '/v1/digests', door.keys.supplier, { query, email: one.email, every: 'day' })
}

async function answerSurvey({ db, call }: Door, { reference }: Told): Promise<void> {
  const kept = await row<{ id: number }>(db.pool, 'select id from cases where reference = $1', [reference])
  const survey = kept && (await surveyOf(db.pool, kept.id))
  if (survey === undefined) throw new Error('nobody is asked about the outcome')
  const token = await surveyToken(db.pool, db.vault, survey)
  await call({ url: `/v1/surveys/${token}` })
}

async function signingSecret(door: Door): Promise<string> {
  const made = await must(door, '/v1/sources/elsewhere/secrets', door.keys.administrator, undefined, {
    'acting-user': 'person-1',
  })
  return made.secret
}

async function staffAsk(door: Door, told: Told, path: string, key: string, body: unknown, user: string) {
  return must(door, `/v1/cases/${told.reference}${path}`, key, body, await staffHeaders(door, told, user))
}

async function staffHeaders(
  { db }: Door,
  { reference }: Told,
  user = 'person-3',
): Promise<Record<string, string>> {
  const kept = await row<{ version: number }>(db.pool, 'select version from cases where reference = $1', [
    reference,
  ])
  return { 'if-match': `"${kept?.version}"`, 'acting-user': user }
}

async function read({ db }: Door, reference: string): Promise<{ version: number; publication: string }> {
  const kept = await row<{ version: number; publication: string }>(
    db.pool,
    'select version, publication from cases where reference = $1',
    [reference],
  )
  if (kept === undefined) throw new Error(`there is no case ${reference}`)
  return kept
}

/** The answer's body; throws for one that is none. */
export async function must(
  { call }: Door,
  url: string,
  key: string | undefined,
  body: unknown,
  headers: Record<string, string> = {},
  method: 'POST' | 'PATCH' | 'DELETE' = 'POST',
) {
  const answer = await call({
    method,
    url,
    ...(key !== undefined && { key }),
    ...(body !== undefined && { body }),
    headers: {
      ...(key?.startsWith('cc_pk_') && { origin: ORIGIN }),
      ...(key?.startsWith('cc_sk_') && { 'acting-user': 'person-9' }),
      ...headers,
    },
  })
  if (answer.status >= 300) throw new Error(`${method} ${url}: ${answer.status} ${answer.text}`)
  return answer.body
}
