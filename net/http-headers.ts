export type CacheControl = { maxAge: number | null; noCache: boolean; noStore: boolean }

/** Reads Cache-Control (RFC 9111 5.2), `maxAge` in seconds; null when the header is absent. */
export function parseCacheControl(header: string | null): CacheControl | null {
  if (header === null) return null
  const directives = header.split(',').map((directive) => directive.trim().toLowerCase())
  const maxAge = directives.map((directive) => /^max-age="?(\d{1,10})"?$/.exec(directive)?.[1]).find(Boolean)
  return {
    maxAge: maxAge === undefined ? null : Number(maxAge),
    noCache: directives.some((directive) => /^no-cache(=|$)/.test(directive)),
    noStore: directives.includes('no-store'),
  }
}

/** Reads Retry-After (RFC 9110 10.2.3), a number or a date, as whole seconds from `now`; null when absent or unreadable. */
export function parseRetryAfter(header: string | null, now: Date): number | null {
  if (header === null) return null
  if (/^\s*\d{1,10}\s*$/.test(header)) return Number(header)
  const date = parseHttpDate(header, now)
  return date && Math.max(0, Math.ceil((date.getTime() - now.getTime()) / 1000))
}

/** Reads an HTTP-date in any of its three forms (RFC 9110 5.6.7); null for everything else, as `Expires: 0`. */
export function parseHttpDate(text: string, now: Date): Date | null {
  const value = text.trim()
  const fixed = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/.exec(value)
  if (fixed) return utc(Number(fixed[3]), fixed[2], fixed[1], fixed.slice(4))
  const rfc850 = /^[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d\d):(\d\d):(\d\d) GMT$/.exec(value)
  if (rfc850) return utc(fullYear(Number(rfc850[3]), now), rfc850[2], rfc850[1], rfc850.slice(4))
  const asctime = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/.exec(value)
  if (asctime) return utc(Number(asctime[6]), asctime[1], asctime[2], asctime.slice(3, 6))
  return null
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function utc(year: number, monthName = '', day = '', time: string[]): Date | null {
  const month = MONTHS.indexOf(monthName)
  const [hours = 0, minutes = 0, seconds = 0] = time.map(Number)
  // A leap second counts as the last second before it.
  const date = new Date(Date.UTC(year, month, Number(day), hours, minutes, Math.min(seconds, 59)))
  const real = month >= 0 && date.getUTCDate() === Number(day) && hours < 24 && minutes < 60 && seconds <= 60
  return real ? date : null
}

// Two digits that seem more than 50 years ahead mean the past century.
function fullYear(twoDigits: number, now: Date): number {
  const thisYear = now.getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}
