/** An absolute http or https address without credentials, or null for anything else and for one that is too long. */
export function httpLink(address: string, base: string | null): string | null {
  const trimmed = address.trim()
  if (trimmed === '' || trimmed.length > longest) return null
  if (plainAddress.test(trimmed)) return trimmed
  const url = URL.parse(trimmed, base ?? undefined)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null
  if (url.username !== '' || url.password !== '') {
    url.username = ''
    url.password = ''
  }
  return url.href.length > longest ? null : url.href
}

/** What a case can hold. */
const longest = 2_000

// An address that the URL standard leaves as it is; parsing each one took a tenth of reading a feed.
const plainAddress =
  /^https?:\/\/(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}\/(?:[\w~/-]|\.(?=\w))*(?:\?[\w~.&=/-]*)?$/

/** What relative addresses of a document are relative to: its address without query, fragment, credentials. */
export function baseOfDocument(address: string): string | null {
  const url = URL.parse(address)
  if (url === null) return null
  url.search = ''
  url.hash = ''
  url.username = ''
  url.password = ''
  return url.href
}

/** Takes every `apikey` parameter out of addresses in a text: whoever reads it is not who fetched it. */
export function withoutKey(text: string): string {
  if (!/apikey=/i.test(text)) return text
  return text
    .replace(/&(?:amp;|#38;|#x26;)*apikey=[^&"'<>\s#]*/gi, '')
    .replace(/\?apikey=[^&"'<>\s#]*(&(?:amp;|#38;|#x26;)*)?/gi, (_found, more?: string) => (more ? '?' : ''))
}
