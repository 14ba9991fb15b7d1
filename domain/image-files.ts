import sharp from 'sharp'
import { DomainError, invalid } from './errors.ts'

/** A picture as it is kept: encoded anew, so that nothing is in it but what is to be seen. */
export type Picture = {
  bytes: Buffer
  mediaType: 'image/jpeg' | 'image/png'
  width: number
  height: number
}

const MOST_PIXELS = 25_000_000
const LONGEST_SIDE = 2_000
const WHOLE_BODY = ''
const TAKEN = 'Send a JPEG, PNG, GIF or WebP.'

/**
 * Encodes a picture anew: a JPEG, or a WebP without transparency, as JPEG, everything else as PNG; of a moving one the
 * first frame, turned the way it was taken, no side longer than 2000 pixels. What it is tells its content. Throws
 * `validation_failed` for what is no picture, not one of the four kinds, broken, or too large.
 */
export async function encodeAnew(file: Buffer): Promise<Picture> {
  const kind = kindOf(file)
  if (kind === undefined) {
    const detail = `It is no picture that is known here. ${TAKEN}`
    throw invalid({ pointer: WHOLE_BODY, code: 'image_unreadable', detail })
  }
  if (!isTaken(kind)) {
    throw invalid({ pointer: WHOLE_BODY, code: 'image_type_not_allowed', detail: `It is ${kind}. ${TAKEN}` })
  }
  return gate(() => decodeAndEncode(file, kind))
}

type Taken = 'jpeg' | 'png' | 'gif' | 'webp'

async function decodeAndEncode(file: Buffer, kind: Taken): Promise<Picture> {
  const { width, height, hasAlpha } = await readable(
    sharp(file, { failOn: 'error', limitInputPixels: false }).metadata(),
  )
  if (width * height > MOST_PIXELS) {
    const most = `${MOST_PIXELS / 1_000_000} million`
    const detail = `It has ${width} × ${height} pixels; ${most} are taken. Send it smaller.`
    throw invalid({ pointer: WHOLE_BODY, code: 'image_too_many_pixels', detail })
  }
  const upright = sharp(file, { failOn: 'error', limitInputPixels: MOST_PIXELS })
    .timeout({ seconds: 10 })
    .autoOrient()
    .resize({ width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true })
  const asJpeg = kind === 'jpeg' || (kind === 'webp' && !hasAlpha)
  const { data, info } = await readable(
    (asJpeg ? upright.jpeg({ quality: 85 }) : upright.png()).toBuffer({ resolveWithObject: true }),
  )
  return {
    bytes: data,
    mediaType: asJpeg ? 'image/jpeg' : 'image/png',
    width: info.width,
    height: info.height,
  }
}

// The library reads many more formats, some of which fetch or run things: only these four are let near it.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadNsgifBuffer',
    'VipsForeignLoadWebpBuffer',
  ],
})
// Each picture has one thread of those that files, names and keys need too.
sharp.concurrency(1)
sharp.cache(false)

// The words of the library say nothing to whoever sent it, and may repeat what is in the file.
async function readable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const detail = 'It is broken or not complete. Send the whole file again.'
    const error = invalid({ pointer: WHOLE_BODY, code: 'image_unreadable', detail })
    error.cause = cause
    throw error
  }
}

const AT_ONCE = 2
const MOST_WAITING = 20

const waiting: Array<() => void> = []
let running = 0

// Pictures are large when they are decoded: few at once, and a queue that ends.
async function gate<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) {
    if (waiting.length >= MOST_WAITING) {
      throw new DomainError('unavailable', { detail: 'Many pictures arrive just now; send it again.' })
    }
    await new Promise<void>((resolve) => waiting.push(resolve))
  } else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}

const taken: readonly Taken[] = ['jpeg', 'png', 'gif', 'webp']

function isTaken(kind: string): kind is Taken {
  return (taken as readonly string[]).includes(kind)
}

// How files of each kind begin; those that are taken by their short name, the others as a person calls them.
const BEGINNINGS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^\xff\xd8\xff/, 'jpeg' satisfies Taken],
  [/^\x89PNG\r\n/, 'png' satisfies Taken],
  [/^GIF8[79]a/, 'gif' satisfies Taken],
  [/^RIFF.{4}WEBP/s, 'webp' satisfies Taken],
  [/^(II\*|MM.\*)/s, 'a TIFF'],
  [/^BM/, 'a BMP'],
  [/^8BPS/, 'a Photoshop file'],
  [/^.{4}ftypavi[fs]/s, 'an AVIF'],
  [/^.{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)/s, 'a HEIC picture, as some telephones take them'],
  [/^.{4}ftyp/s, 'a video'],
  [/^.{4}(JXL|jP) /s, 'a JPEG XL or JPEG 2000'],
  [/^%PDF-/, 'a PDF'],
  [/^PK/, 'a ZIP archive or an office document'],
  [/^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>|\s)*<svg[\s>]/is, 'an SVG drawing'],
  [/^(\xef\xbb\xbf)?\s*<(!doctype )?html/i, 'a web page'],
]

function kindOf(file: Buffer): string | undefined {
  const head = file.toString('latin1', 0, 512)
  return BEGINNINGS.find(([beginning]) => beginning.test(head))?.[1]
}
