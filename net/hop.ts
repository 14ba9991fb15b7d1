/** One request on the way to a document. */
export type Hop = {
  url: URL
  headers: Record<string, string>
  /** Redirects followed so far. */
  redirects: number
  /** All of them were permanent. */
  permanent: boolean
}

export type Conditions = { etag: string | null; lastModified: string | null }

/** The request as the caller wants it, with its conditions (RFC 9110 13.1). */
export function firstHop(url: string, headers: Record<string, string> = {}, conditions?: Conditions): Hop {
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    url: new URL(url),
    headers: {
      ...Object.fromEntries(own),
      ...(conditions?.etag && { 'if-none-match': conditions.etag }),
      ...(conditions?.lastModified && { 'if-modified-since': conditions.lastModified }),
    },
    redirects: 0,
    permanent: true,
  }
}

/** Where a redirect leads (RFC 9110 15.4); null when the answer is none, 'unreadable' when its address is not one. */
export function nextHop(hop: Hop, status: number, location: string | null): Hop | 'unreadable' | null {
  if (!REDIRECTS.includes(status) || location === null) return null
  const url = URL.parse(location, hop.url.href)
  if (!url) return 'unreadable'
  return {
    url,
    // What was meant for one origin (keys, validators) is not for another, nor for what comes after it.
    headers: url.origin === hop.url.origin ? hop.headers : {},
    redirects: hop.redirects + 1,
    permanent: hop.permanent && PERMANENT.includes(status),
  }
}

const REDIRECTS = [301, 302, 303, 307, 308]
const PERMANENT = [301, 308]
