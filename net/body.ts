import { createHash } from 'node:crypto'
import type { Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib'

export type BodyLimits = { wireBytes: number; decodedBytes: number }
export type Body = { bytes: Buffer; sha256: string }

/** The body is larger than its limit, on the wire or unpacked. */
export class TooLargeError extends Error {
  override name = 'TooLargeError'
}

/** The body is packed in a way that is not read, or is not what its encoding says. */
export class EncodingError extends Error {
  override name = 'EncodingError'
}

/** Unpacks at most one layer of Content-Encoding (RFC 9110 8.4) and ends as soon as a limit is passed. */
export async function readBody(source: Readable, contentEncoding: string, limits: BodyLimits): Promise<Body> {
  const chunks: Buffer[] = []
  const hash = createHash('sha256')
  const collect = async (decoded: AsyncIterable<Buffer>) => {
    for await (const chunk of decoded) {
      hash.update(chunk)
      chunks.push(chunk)
    }
  }
  try {
    const decode = decoderFor(contentEncoding)
    await pipeline(
      source,
      atMost(limits.wireBytes, 'on the wire'),
      decode,
      atMost(limits.decodedBytes, 'unpacked'),
      collect,
    )
  } catch (error) {
    source.on('error', () => {}).destroy()
    throw isZlibError(error)
      ? new EncodingError('the body is not what its encoding says', { cause: error })
      : error
  }
  return { bytes: Buffer.concat(chunks), sha256: hash.digest('hex') }
}

type Chunks = AsyncIterable<Buffer>

function atMost(limit: number, where: string) {
  return async function* (source: Chunks): Chunks {
    let total = 0
    for await (const chunk of source) {
      total += chunk.length
      if (total > limit) throw new TooLargeError(`more than ${limit} bytes ${where}`)
      yield chunk
    }
  }
}

function decoderFor(contentEncoding: string): (source: Chunks) => Chunks {
  const layers = contentEncoding
    .split(',')
    .map((layer) => layer.trim().toLowerCase())
    .filter((layer) => layer !== '' && layer !== 'identity')
  const [layer] = layers
  if (layer === undefined) return (source) => source
  if (layers.length > 1) throw new EncodingError('more than one layer of encoding')
  if (layer === 'gzip' || layer === 'x-gzip') return unpackWith(() => createGunzip())
  if (layer === 'br') return unpackWith(() => createBrotliDecompress())
  // Some servers send raw deflate where RFC 9110 8.4.1.2 means zlib; the first byte tells.
  if (layer === 'deflate')
    return unpackWith((first) => ((first & 15) === 8 ? createInflate() : createInflateRaw()))
  throw new EncodingError('an encoding that was not asked for')
}

/** An empty body stays empty: a 404 or 204 may name an encoding and send nothing. */
function unpackWith(createDecoder: (firstByte: number) => Duplex) {
  return async function* (source: Chunks): Chunks {
    const input = source[Symbol.asyncIterator]()
    const first = await input.next()
    if (first.done) return
    const decoder = createDecoder(first.value[0] ?? 0)
    const feeding = pipeline(startingWith(first.value, input), decoder)
    feeding.catch(() => {})
    yield* decoder
    await feeding
  }
}

async function* startingWith(first: Buffer, rest: AsyncIterator<Buffer>): Chunks {
  yield first
  yield* { [Symbol.asyncIterator]: () => rest }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(Z_|ERR__ERROR|ERR_BROTLI)/.test(String(error.code))
}
