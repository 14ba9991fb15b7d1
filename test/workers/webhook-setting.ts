import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { webhookWork } from '../../domain/delivery-claims.ts'
import { fanOutStep } from '../../domain/fan-out.ts'
import type { Lookup } from '../../net/address-guard.ts'
import { createWebhookSender } from '../../net/send-webhook.ts'
import { type Db, row, rows } from '../../prisma/client.ts'
import { deliverUntil } from '../../workers/deliver.ts'
import type { WebhookContext } from '../../workers/webhook-context.ts'
import { type Harness, PUBLIC_URL, staff, startHarness } from '../api/harness.ts'
import { serve } from '../net/servers.ts'
import { type Line, logTo } from './poll-setting.ts'

export type Taken = {
  path: string
  method: string
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of a message.
  body: any
}

/** Answers a message; 204 when it does nothing. */
export type Answering = (taken: Taken, response: ServerResponse) => void | Promise<void>

export type Receiver = { url: string; taken: Taken[]; answer: Answering }

export type Subscribed = { id: number; reference: string; secret: string; key: string }

export type WebhookSetting = {
  harness: Harness
  db: Db
  lines: Line[]
  /** What a worker has; each may have its own. */
  worker: (changes?: Partial<WebhookContext> & { lookup?: Lookup; totalMs?: number }) => WebhookContext
  receiver: (answer?: Answering) => Promise<Receiver>
  subscribe: (url: string, body?: object, key?: string) => Promise<Subscribed>
  /** Places what has happened, makes its deliveries, and sends what is due now. */
  send: (subscribed: Subscribed, context?: WebhookContext) => Promise<void>
  /** Lets time pass for the workers. */
  pass: (milliseconds: number) => void
  now: () => Date
}

/** The API on a store of its own, and workers that send to receivers on this machine. */
export async function webhookSetting(t: Test): Promise<WebhookSetting> {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const allowPrivate: string[] = []
  const lines: Line[] = []
  let passed = 0
  const now = () => new Date(Date.now() + passed)
  const worker: WebhookSetting['worker'] = ({ lookup, totalMs, ...changes } = {}) => {
    const sender = createWebhookSender({
      allowPrivate,
      userAgent: 'CareConnectTest/1.0 (+https://care-connect.example/)',
      now,
      ...(lookup && { lookup }),
      ...(totalMs !== undefined && { totalMs }),
    })
    t.teardown(() => sender.close())
    const { signal } = new AbortController()
    return { db, log: logTo(lines), now, random: () => 0, signal, sender, publicUrl: PUBLIC_URL, ...changes }
  }
  const usual = worker()
  return {
    ...{ harness, db, lines, worker, now },
    async receiver(answer = () => undefined) {
      const receiver: Receiver = { url: '', taken: [], answer }
      const { url, authority } = await serve(t, (request, response) => void take(receiver, request, response))
      allowPrivate.push(authority)
      receiver.url = `${url}/in`
      return receiver
    },
    async subscribe(url, body = {}, key = keys.supplier) {
      const made = await call({
        ...{ method: 'POST', url: '/v1/subscriptions', key, headers: staff(1) },
        body: { url, ...body },
      })
      if (made.status !== 201) throw new Error(made.text)
      const found = await row<{ id: number }>(db.pool, 'select id from subscriptions where reference = $1', [
        made.body.id,
      ])
      return { id: found?.id ?? 0, reference: made.body.id, secret: made.body.secret, key }
    },
    async send({ id }, context = usual) {
      await indexCases(db)
      while ((await fanOutStep(db, id, context.now())).more);
      await deliverUntil(context, id, Date.now() + 10_000)
    },
    pass: (milliseconds) => {
      passed += milliseconds
    },
  }
}

/** What sends everything that is due so many milliseconds from now, to one receiver on this machine. */
export function webhookWorkerFor(t: Test, db: Db, authority: string): (laterMs?: number) => Promise<void> {
  const userAgent = 'CareConnectTest/1.0 (+https://care-connect.example/)'
  const sender = createWebhookSender({ allowPrivate: [authority], userAgent })
  t.teardown(() => sender.close())
  const { signal } = new AbortController()
  return async (laterMs = 0) => {
    const now = () => new Date(Date.now() + laterMs)
    const context = { db, log: logTo([]), now, random: () => 0, signal, sender, publicUrl: PUBLIC_URL }
    await indexCases(db)
    for (const { subscriptionId } of await webhookWork(db, now())) {
      await fanOutStep(db, subscriptionId, now())
      await deliverUntil(context, subscriptionId, Date.now() + 10_000)
    }
  }
}

/** The deliveries of a subscription, oldest first. */
export async function deliveriesOf(db: Db, { id }: Subscribed): Promise<Record<string, unknown>[]> {
  return rows(
    db.pool,
    `select d.reference, d.type, d.case_reference as "case", d.gone, d.state, d.attempts, d.next_attempt_at as "nextAttemptAt",
       (select a.problem from delivery_attempts a where a.delivery_id = d.id order by a.id desc limit 1) as problem
     from deliveries d where d.subscription_id = $1 order by d.id`,
    [id],
  )
}

export async function stateOf(db: Db, { id }: Subscribed): Promise<Record<string, unknown>> {
  const found = await row(
    db.pool,
    'select state, state_reason as reason, failing_since as "failingSince", position from subscriptions where id = $1',
    [id],
  )
  return found as Record<string, unknown>
}

/** Throws unless somebody else's library, given this secret, takes the message as signed. */
export function verify({ text, headers }: Taken, secret: string): unknown {
  return new Webhook(secret).verify(text, headers as Record<string, string>)
}

async function take(receiver: Receiver, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  const { url: path = '', method = '', headers } = request
  const taken = { path, method, headers, text, body: JSON.parse(text) }
  receiver.taken.push(taken)
  await receiver.answer(taken, response)
  if (!response.writableEnded && response.statusCode === 200) response.writeHead(204).end()
}
