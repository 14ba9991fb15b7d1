/** An absolute http or https address without credentials, or null for anything else. */
export function httpLink(address: string, base: string | null): string | null {
  const trimmed = address.trim()
  if (trimmed === '') return null
  const url = URL.parse(trimmed, base ?? undefined)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null
  if (url.username !== '' || url.password !== '') {
    url.username = ''
    url.password = ''
  }
  return url.href
}

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
  return text
    .replace(/&(?:amp;|#38;|#x26;)*apikey=[^&"'<>\s#]*/gi, '')
    .replace(/\?apikey=[^&"'<>\s#]*(&(?:amp;|#38;|#x26;)*)?/gi, (_found, more?: string) => (more ? '?' : ''))
}
