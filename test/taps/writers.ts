import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Choose } from './readers.ts'

/** Who changes cases all the time. */
export type Writers = {
  /** References of cases whose creation was acknowledged. */
  created: ReadonlySet<string>
  /** How many changes were acknowledged, those of creation too. */
  acknowledged: () => number
  stop(): Promise<void>
}

type Known = { reference: string; receipt: string }

/** Starts `count` writers that create, change, answer, take down and withdraw cases as fast as they are answered. */
export function startWriters(
  choose: Choose,
  { count, key, random }: { count: number; key: string; random: () => number },
): Writers {
  const created = new Set<string>()
  let acknowledged = 0
  let stopped = false

  const ask = async (method: string, path: string, body: object, headers: Record<string, string>) => {
    const answer = await fetch(choose() + path, {
      method,
      headers: { 'content-type': 'application/json', 'acting-user': 'person-1', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await answer.text()
    if (answer.status >= 500 || answer.status === 429) throw new Error(`${answer.status}`)
    if (answer.ok) acknowledged++
    return { ok: answer.ok, body: text === '' ? {} : JSON.parse(text) }
  }
  const staff = { authorization: `Bearer ${key}` }

  // The same key and the same words until it is answered: a process that died may have done it, or not.
  const create = async (own: Known[]): Promise<void> => {
    const idempotencyKey = randomUUID()
    const draft = draftOf(random)
    for (;;) {
      try {
        const headers = { ...staff, 'idempotency-key': idempotencyKey }
        const { ok, body } = await ask('POST', '/v1/cases', draft, headers)
        if (!ok) throw new Error(`a case was refused: ${JSON.stringify(body)}`)
        created.add(body.reference)
        own.push({ reference: body.reference, receipt: body.receipt })
        return
      } catch (error) {
        if (String(error).includes('refused')) throw error
        await sleep(50)
      }
    }
  }

  const change = async ({ reference, receipt }: Known): Promise<void> => {
    const path = `/v1/cases/${reference}`
    const answer = await fetch(choose() + path, { headers: staff, signal: AbortSignal.timeout(10_000) })
    const theCase = (await answer.json()) as { version: number; allowedStatuses?: string[] }
    const write = { ...staff, 'if-match': `"${theCase.version}"`, 'idempotency-key': randomUUID() }
    const what = random()
    if (what < 0.4) {
      const statuses = theCase.allowedStatuses ?? []
      const status = statuses[Math.floor(random() * statuses.length)]
      if (status === undefined) return
      const { 'idempotency-key': _, ...patch } = write
      await ask('PATCH', path, { status }, patch)
    } else if (what < 0.7) {
      await ask('POST', `${path}/responses`, { text: 'Thank you, we looked into it. (Invented.)' }, write)
    } else if (what < 0.8) {
      await ask('POST', `${path}/decisions`, { action: 'remove', reason: 'personal_data' }, write)
    } else if (what < 0.95) {
      const moderatedText = `They waited ${Math.floor(random() * 1_000)} minutes. (Invented.)`
      const decision = { action: 'publish', reason: 'fit_to_publish', commissioned: 'locally', moderatedText }
      await ask('POST', `${path}/decisions`, decision, write)
    } else {
      await ask(
        'POST',
        `${path}/withdrawals`,
        { what: 'case' },
        { 'case-receipt': receipt, 'idempotency-key': randomUUID() },
      )
    }
  }

  const write = async (): Promise<void> => {
    const own: Known[] = []
    while (!stopped) {
      const known = own[Math.floor(random() * own.length)]
      if (known === undefined || random() < 0.3) await create(own)
      else await change(known).catch(() => sleep(50))
    }
  }
  const writing = Promise.all(Array.from({ length: count }, write))
  return {
    created,
    acknowledged: () => acknowledged,
    async stop() {
      stopped = true
      await writing
    },
  }
}

function draftOf(random: () => number): object {
  return {
    kind: 'concern',
    channel: 'phone',
    organisation: random() < 0.5 ? 'T01' : 'T02',
    category: 'delays',
    text: 'We waited for hours. (Invented.)',
    privacy: 'anonymous',
    contact: { name: 'Invented Person', email: 'invented@example.org' },
    acceptsTerms: true,
    moderation: { commissioned: 'locally', moderatedText: 'They waited for hours. (Invented.)' },
  }
}
