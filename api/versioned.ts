import { hash as digest } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { DataVersion, VersionWatch } from '../domain/data-version.ts'
import type { Operation } from './contract/contract.ts'
import type { Measure } from './measure.ts'

/** An answer as it was sent, for whoever asks the same of the same version. */
type Kept = { version: DataVersion; etag: string; headers: Record<string, string>; payload: Buffer }

/** What a request asks of which version; made before the data are read. */
export type Asked = { version: DataVersion; etag: string; url: string }

/**
 * Answers that everybody gets alike, by the version of the data: their ETag is version and query, so that a 304 needs no
 * table, and a body is made once for each version. In front of it ends `<version>-<query>-<body>`: who has another
 * version with the same body gets a 304 too, once it was made.
 */
export type Versioned = {
  /** What is asked, or undefined where the version decides nothing. */
  asked(operation: Operation, request: FastifyRequest): Asked | undefined
  /** Answers from what is known already, or undefined. */
  answerKnown(asked: Asked, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined
  /** The ETag of a body, and the body kept for the next one who asks. */
  keep(asked: Asked, reply: FastifyReply, payload: Buffer): string
}

const MOST_KEPT_BYTES = 1024 * 1024
const MOST_HASHES = 2_000

/** `cacheBytes` of bodies at most are kept; `salt` changes when the same data are shown otherwise. */
export function createVersioned(
  watch: Pick<VersionWatch, 'current'>,
  { cacheBytes, salt, measure }: { cacheBytes: number; salt: string; measure?: Measure | undefined },
): Versioned {
  const kept =
    cacheBytes > 0
      ? new LRUCache<string, Kept>({
          maxSize: cacheBytes,
          sizeCalculation: ({ payload }) => payload.length + 500,
        })
      : undefined
  // Of what is asked again and again, so that a 304 costs no hash.
  const hashes = new LRUCache<string, string>({ max: MOST_HASHES })
  const hashOf = (url: string): string => {
    const known = hashes.get(url) ?? hash(salt + url)
    hashes.set(url, known)
    return known
  }
  if (kept !== undefined) measure?.gauge('cache_bytes', () => kept.calculatedSize)

  return {
    asked({ versioned, method }, { url, query }) {
      if (!versioned || method !== 'get' || !forEverybody(query as Query)) return undefined
      const version = watch.current()
      if (version === undefined) return undefined
      return { version, url, etag: `"${version}-${hashOf(url)}-` }
    },
    answerKnown({ version, etag, url }, { headers }, reply) {
      const has = namedIn(headers['if-none-match']).find((one) => one.startsWith(etag))
      if (has !== undefined) {
        measure?.versioned('unchanged')
        return reply.code(304).header('etag', has).send('')
      }
      const known = kept?.get(url)
      if (known?.version !== version) return undefined
      measure?.versioned('kept')
      return reply.headers(known.headers).header('etag', known.etag).send(known.payload)
    },
    keep({ version, etag, url }, reply, payload) {
      measure?.versioned('made')
      const whole = `${etag}${hash(payload)}"`
      if (kept !== undefined && payload.length <= MOST_KEPT_BYTES) {
        kept.set(url, { version, etag: whole, headers: headersOf(reply), payload })
      }
      return whole
    },
  }
}

/** Whether `If-None-Match` names this body of this query, of whatever version. */
export function namesBody(ifNoneMatch: string | undefined, etag: string): boolean {
  const [, ...body] = etag.split('-')
  return namedIn(ifNoneMatch).some(
    (one) => one === '*' || one.split('-').slice(1).join('-') === body.join('-'),
  )
}

type Query = { view?: string; format?: string }

function forEverybody({ view = 'public', format = 'json' }: Query): boolean {
  return view === 'public' && format === 'json'
}

// Compared weakly (RFC 9110, section 13.1.2).
function namedIn(ifNoneMatch: string | undefined): string[] {
  return ifNoneMatch === undefined ? [] : ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''))
}

function hash(content: string | Buffer): string {
  return digest('sha1', content).slice(0, 16)
}

function headersOf(reply: FastifyReply): Record<string, string> {
  const names = ['content-type', 'content-disposition', 'link']
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = reply.getHeader(name)
      return value === undefined ? [] : [[name, String(value)]]
    }),
  )
}
