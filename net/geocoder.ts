import { LRUCache } from 'lru-cache'
import type { Place } from '../domain/areas.ts'
import type { Geocoder } from '../domain/geocoding.ts'
import { createFetcher, type Fetcher } from './fetch.ts'

export type GeocoderOptions = {
  /** Address of the geocoder, with `{postcode}` in it. */
  url: string
  fetcher: Fetcher
  /** Finds what the geocoder does not: half a postcode, and every one while it does not answer. */
  otherwise: Geocoder
  /** Hears why the geocoder did not answer, in words without the postcode. */
  failed: (reason: string) => void
  now?: () => number
}

/** The geocoder of a process, with connections of its own, few at a time; `close` ends them. */
export function openGeocoder({
  allowPrivate,
  userAgent,
  ...options
}: Omit<GeocoderOptions, 'fetcher'> & { allowPrivate: readonly string[]; userAgent: string }): {
  geocoder: Geocoder
  close: () => Promise<void>
} {
  const politeness = { connections: AT_ONCE, gapMs: 0 }
  const fetcher = createFetcher({ allowPrivate, userAgent, politeness, limits: { connectMs: LIMIT_MS } })
  return { geocoder: createGeocoder({ ...options, fetcher }), close: fetcher.close }
}

/**
 * Finds whole postcodes by a geocoder on the network that answers as postcodes.io does: `{ "result": { "latitude",
 * "longitude" } }`, and 404 for one that nobody has. Remembers what it was told, and leaves in peace for a while one that
 * fails, so that not everybody waits for it in turn. No postcode goes anywhere but there.
 */
export function createGeocoder(options: GeocoderOptions): Geocoder {
  const { otherwise, failed, now = Date.now } = options
  const remembered = new LRUCache<string, Told>({ max: MOST_REMEMBERED, ttl: DAY_MS })
  let restsUntil = Number.NEGATIVE_INFINITY

  return async (written) => {
    const postcode = written.replaceAll(/\s/g, '').toUpperCase()
    if (!WHOLE.test(postcode)) return otherwise(written)
    const known = remembered.get(postcode)
    if (known === undefined && now() < restsUntil) return otherwise(written)
    const told = known ?? (await ask(options, postcode))
    if (told.is === 'failed') {
      restsUntil = now() + REST_MS
      failed(told.reason)
      return otherwise(written)
    }
    remembered.set(postcode, told)
    return told.is === 'place' ? told.place : told.is === 'unknown' ? null : otherwise(written)
  }
}

const WHOLE = /^[A-Z]{1,3}[0-9]?[0-9A-Z]?[0-9][A-Z]{2}$/
const AT_ONCE = 8
const LIMIT_MS = 1_000
const REST_MS = 10_000
const DAY_MS = 24 * 3_600_000
const MOST_REMEMBERED = 10_000
const MOST_BYTES = 100_000

/** One that exists but stands nowhere is `nowhere`. */
type Told = { is: 'place'; place: Place } | { is: 'unknown' } | { is: 'nowhere' }
type Failed = { is: 'failed'; reason: string }

async function ask({ url, fetcher }: GeocoderOptions, postcode: string): Promise<Told | Failed> {
  const answer = await fetcher.fetchDocument({
    url: url.replaceAll('{postcode}', postcode),
    headers: { accept: 'application/json' },
    limits: { wireBytes: MOST_BYTES, decodedBytes: MOST_BYTES, redirects: 0 },
    // Waiting for a turn counts too.
    signal: AbortSignal.timeout(LIMIT_MS),
  })
  if (answer.outcome === 'failed') {
    const late = answer.reason === 'aborted' || answer.reason === 'timeout'
    return { is: 'failed', reason: late ? `no answer within ${LIMIT_MS} ms` : reasonOf(answer) }
  }
  if (answer.outcome !== 'document') return { is: 'failed', reason: answer.outcome }
  return answer.status >= 400 ? { is: 'unknown' } : read(answer.bytes)
}

function reasonOf({ reason, status }: { reason: string; status?: number }): string {
  return status === undefined ? reason : `${reason} ${status}`
}

function read(bytes: Buffer): Told | Failed {
  try {
    const { latitude, longitude } = JSON.parse(bytes.toString('utf8')).result
    if (latitude === null && longitude === null) return { is: 'nowhere' }
    if (isDegrees(latitude, 90) && isDegrees(longitude, 180)) {
      return { is: 'place', place: [longitude, latitude] }
    }
  } catch {
    // Said below, without what stood in it.
  }
  return { is: 'failed', reason: 'the answer has no result with latitude and longitude' }
}

function isDegrees(value: unknown, most: number): value is number {
  return typeof value === 'number' && Math.abs(value) <= most
}
