export type DateReading = {
  /** RFC 3339 in UTC, with milliseconds only if there were any. */
  date: string | null
  warning: string | null
}

/**
 * Reads a date as feeds write it: RFC 3339 and ISO 8601, RFC 822 with the years and zones of RFC 2822
 * (section 4.3); what is impossible or ambiguous is null with a warning, never a guess.
 */
export function readDate(text: string): DateReading {
  const trimmed = text.trim().replace(/\s{2,}|[^\S ]/g, ' ')
  if (trimmed === '') return { date: null, warning: 'empty' }
  if (trimmed.length > 80) return nothing
  const iso = trimmed.match(isoDate)
  if (iso) return fromIso(iso)
  const mail = trimmed.match(mailDate)
  return mail ? fromMail(mail) : nothing
}

const nothing: DateReading = { date: null, warning: 'not a date' }
const impossible: DateReading = { date: null, warning: 'not a possible date' }

const isoDate =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?([Zz]|[+-]\d\d:?(?:\d\d)?)?$/
const mailDate =
  /^(?:[A-Za-z]{2,9}\.?,? )?(\d{1,2})[ -]([A-Za-z]{3,9})\.?[ -](\d{2,4}),?(?: (\d{1,2}):(\d\d)(?::(\d\d))?(?: ?((?:GMT|UTC|UT)?[+-]\d\d?:?(?:\d\d)?|[A-Za-z]{1,5}))?(?: \([^()]*\))?)?$/

const months = 'january february march april may june july august september october november december'.split(
  ' ',
)

const hours = new Map([
  ['gmt', 0],
  ['utc', 0],
  ['ut', 0],
  ['z', 0],
  ['wet', 0],
  ['bst', 1],
  ['cet', 1],
  ['west', 1],
  ['cest', 2],
  ['eet', 2],
  ['eest', 3],
  ['est', -5],
  ['edt', -4],
  ['cst', -6],
  ['cdt', -5],
  ['mst', -7],
  ['mdt', -6],
  ['pst', -8],
  ['pdt', -7],
])

type Parts = {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  millisecond: number
}

function fromIso(found: RegExpMatchArray): DateReading {
  const [, year, month, day, hour, minute, second, fraction = '', zone] = found
  const parts: Parts = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
    millisecond: Number(fraction.slice(0, 3).padEnd(3, '0')),
  }
  if (hour === undefined && zone !== undefined) return nothing
  return inUtc(parts, zone ?? null, hour !== undefined)
}

function fromMail(found: RegExpMatchArray): DateReading {
  const [, day, monthName = '', year = '', hour, minute, second, zone] = found
  const beginning = monthName.toLowerCase()
  const month = months.findIndex((name) => name.startsWith(beginning)) + 1
  if (month === 0) return nothing
  const parts: Parts = {
    year: fullYear(year),
    month,
    day: Number(day),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
    millisecond: 0,
  }
  return inUtc(parts, zone ?? null, hour !== undefined)
}

function fullYear(year: string): number {
  const number = Number(year)
  if (year.length === 4) return number
  return year.length === 2 && number < 50 ? number + 2000 : number + 1900
}

function inUtc(parts: Parts, zone: string | null, hasTime: boolean): DateReading {
  const { year, month, day, hour, minute, second, millisecond } = parts
  // Year 1 and the epoch's eve are what some systems write for "none".
  if (year < 1970 || month < 1 || month > 12 || day < 1 || (day > 28 && day > daysIn(year, month)))
    return impossible
  if (hour > 23 || minute > 59 || second > 60) return impossible
  const offset = zone === null ? { minutes: 0, warning: noZone(hasTime) } : offsetOf(zone)
  if (offset === null) return impossible
  const time = Date.UTC(year, month - 1, day, hour, minute, second, millisecond) - offset.minutes * 60_000
  const date = new Date(time).toISOString()
  return { date: millisecond === 0 ? date.replace('.000Z', 'Z') : date, warning: offset.warning }
}

function noZone(hasTime: boolean): string {
  return hasTime ? 'no time zone, taken as UTC' : 'no time of day, taken as midnight UTC'
}

function offsetOf(zone: string): { minutes: number; warning: string | null } | null {
  const known = hours.get(zone.toLowerCase())
  if (known !== undefined) return { minutes: known * 60, warning: null }
  const numeric = zone.match(/([+-])(\d\d?):?(\d\d)?$/)
  if (numeric) {
    const [, sign, hour, minute = '0'] = numeric
    const minutes = Number(hour) * 60 + Number(minute)
    if (minutes > 18 * 60 || Number(minute) > 59) return null
    return { minutes: sign === '-' ? -minutes : minutes, warning: null }
  }
  return { minutes: 0, warning: `time zone ${zone} not known, taken as UTC` }
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}
