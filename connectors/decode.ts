import { isUtf8 } from 'node:buffer'
import iconv from 'iconv-lite'

export type Decoded = { text: string; encoding: string; warnings: string[] }

/**
 * Turns the bytes of a document into text: by BOM, then byte pattern, HTTP charset, XML declaration
 * (XML 1.0, appendix F), then strict UTF-8, then windows-1252.
 */
export function decodeDocument(bytes: Uint8Array, contentType: string | null): Decoded {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const sure = bomEncoding(buffer) ?? patternEncoding(buffer)
  if (sure) return { text: storable(iconv.decode(buffer, sure)), encoding: sure, warnings: [] }

  const warnings: string[] = []
  for (const declared of [httpCharset(contentType), xmlCharset(buffer)]) {
    if (declared === null) continue
    const encoding = knownEncoding(declared)
    if (encoding === null) warnings.push(`charset ${declared.slice(0, 40)}: not known`)
    else if (encoding !== 'utf-8') {
      return { text: storable(iconv.decode(buffer, encoding)), encoding, warnings }
    } else if (!isUtf8(wholeUtf8(buffer))) warnings.push('declared as utf-8, but is not')
    else break
  }
  const whole = wholeUtf8(buffer)
  if (isUtf8(whole)) return { text: storable(whole.toString('utf8')), encoding: 'utf-8', warnings }
  return { text: storable(iconv.decode(buffer, 'windows-1252')), encoding: 'windows-1252', warnings }
}

/** Removes what a PostgreSQL text cannot hold: U+0000 and lone surrogates. */
export function storable(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.replace(/\p{Surrogate}/gu, '')
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '') : wellFormed
}

function bomEncoding(buffer: Buffer): string | null {
  if (buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf)
    return isUtf8(wholeUtf8(buffer)) ? 'utf-8' : null
  if (buffer[0] === 0xff && buffer[1] === 0xfe) return 'utf-16le'
  if (buffer[0] === 0xfe && buffer[1] === 0xff) return 'utf-16be'
  return null
}

const openings = [0x3c, 0x7b, 0x5b]

/** A document starts with `<`, `{` or `[`, so a zero beside it gives UTF-16 without a BOM away. */
function patternEncoding(buffer: Buffer): string | null {
  const [first = 0, second = 0] = buffer
  if (buffer.length < 2) return null
  if (openings.includes(first) && second === 0) return 'utf-16le'
  if (first === 0 && openings.includes(second)) return 'utf-16be'
  return null
}

function httpCharset(contentType: string | null): string | null {
  return contentType?.match(/;\s*charset\s*=\s*["']?([^\s"';]+)/i)?.[1] ?? null
}

function xmlCharset(buffer: Buffer): string | null {
  const start = buffer.toString('latin1', 0, 400)
  return start.match(/^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"']+)/i)?.[1] ?? null
}

// iconv-lite also knows base64, hex and utf-7 by name: a feed must not choose those.
const realCharsets =
  /^(iso[-_]?8859[-_]?\d{1,2}|windows[-_]?\d{3,4}|cp[-_]?\d{3,4}|koi8[-_]?\w|latin[-_]?\d|shift[-_]?jis|euc[-_]?(jp|kr|cn)|big5|gb2312|gbk|gb18030|mac\w+|tis[-_]?620)$/i

function knownEncoding(label: string): string | null {
  const name = label.toLowerCase()
  // A declaration that could be read byte by byte is not UTF-16, whatever it says.
  if (/^(utf-?(8|16|32)(le|be)?|us-ascii|ascii|ucs-?2)$/.test(name)) return 'utf-8'
  if (/^(iso[-_]?8859[-_]?1|latin[-_]?1)$/.test(name)) return 'windows-1252'
  return realCharsets.test(name) && iconv.encodingExists(name) ? name : null
}

/** The bytes without a last character that was cut in the middle. */
function wholeUtf8(buffer: Buffer): Buffer {
  const end = buffer.length
  for (let back = 1; back <= Math.min(3, end); back++) {
    const byte = buffer[end - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needs > back ? buffer.subarray(0, end - back) : buffer
  }
  return buffer
}
