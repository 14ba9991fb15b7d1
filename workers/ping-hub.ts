import {
  claimHubTopics,
  HUB_GAP_MS,
  type HubOutcome,
  type HubTopic,
  noteHubTopics,
  settleHubTopic,
} from '../domain/hub.ts'
import type { WebhookResult } from '../net/send-webhook.ts'
import type { WebhookContext } from './webhook-context.ts'

const AT_ONCE = 10
const MOST_ATTEMPTS = 12
const FIRST_WAIT_MS = 15_000
const LONGEST_WAIT_MS = 3_600_000

/**
 * Tells the WebSub hub which feeds have changed (`hub.mode=publish`), each at most once a minute; what fails is tried again
 * later. A hub that takes nothing is left in peace until the next time.
 */
export async function pingHub(context: WebhookContext, hub: string): Promise<void> {
  const { db, log, now, signal } = context
  await noteHubTopics(db, now())
  let told = 0
  let failed = 0
  while (!signal.aborted) {
    const topics = await claimHubTopics(db, now(), AT_ONCE)
    const outcomes = await Promise.all(topics.map((topic) => tell(context, hub, topic)))
    told += outcomes.filter((outcome) => outcome.told).length
    failed += outcomes.filter((outcome) => !outcome.told).length
    if (topics.length < AT_ONCE || outcomes.every((outcome) => !outcome.told)) break
  }
  if (told > 0) log.info({ told }, 'the hub was told of feeds')
  if (failed > 0) log.warn({ failed }, 'the hub did not take what it was told')
}

/**
 * When to tell the hub again after so many attempts in a row that failed, or null: then it hears of the feed with its next
 * change. Each wait is about twice the one before; `random` is from 0 to 1.
 */
export function nextPing(attempts: number, retryAfterSeconds: number | null, random: number): number | null {
  if (attempts >= MOST_ATTEMPTS) return null
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1))
  const asked = Math.min(LONGEST_WAIT_MS, (retryAfterSeconds ?? 0) * 1_000)
  return Math.max(asked, Math.round(wait * (0.8 + 0.4 * random)))
}

async function tell(
  { db, sender, publicUrl, now, random, signal }: WebhookContext,
  hub: string,
  topic: HubTopic,
): Promise<HubOutcome> {
  const form = new URLSearchParams({ 'hub.mode': 'publish', 'hub.url': `${publicUrl}${topic.topic}` })
  const result = await sender.send({
    url: hub,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(String(form)),
    signal,
  })
  const outcome = outcomeOf(result, topic, now(), random())
  await settleHubTopic(db, topic, outcome, now())
  return outcome
}

function outcomeOf(result: WebhookResult, { attempts }: HubTopic, now: Date, random: number): HubOutcome {
  const { problem, retryAfterSeconds } = result
  if (problem === null) return { told: true }
  const wait = nextPing(attempts, retryAfterSeconds, random)
  return { told: false, problem, retryAt: wait === null ? null : new Date(now.getTime() + wait) }
}

/** So often it is looked for what the hub has to hear, in milliseconds. */
export const PING_MS = HUB_GAP_MS / 12
