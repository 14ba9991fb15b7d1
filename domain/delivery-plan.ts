/** How long a claimed delivery is its worker's own, in milliseconds: longer than one request may take. */
export const LEASE_MS = 60_000

/** So long may a subscription fail without one success before it is paused, in milliseconds. */
export const FAILING_TOO_LONG_MS = 3 * 86_400_000

/** How long deliveries that were settled are kept, in days. */
export const KEPT_DAYS = 30

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

// The schedule that Standard Webhooks 1.0 proposes, with a minute in it for receivers that are just started again.
const PAUSES = [
  ...[5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE],
  ...[2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
]

/** How often a delivery is tried before it has failed: the last time about three days after the first. */
export const MOST_ATTEMPTS = PAUSES.length + 1

const LONGEST_WISH_MS = 24 * HOUR

/**
 * When to try again after so many attempts, up to a fifth later than planned so that those that failed together do not come
 * back together; null when it was the last one. A receiver may ask for a longer pause (`retryAfterSeconds`), of a day at most.
 */
export function nextDelivery(
  attempts: number,
  retryAfterSeconds: number | null,
  now: Date,
  random: () => number,
): Date | null {
  const pause = PAUSES[attempts - 1]
  if (pause === undefined) return null
  const wish = Math.min((retryAfterSeconds ?? 0) * SECOND, LONGEST_WISH_MS)
  return new Date(now.getTime() + Math.max(pause * (1 + 0.2 * random()), wish))
}
