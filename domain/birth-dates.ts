import { before, type Confidence, spansOf, type TextSpan } from './text-spans.ts'

/**
 * The dates of birth in a text with plain signs that was written at `at`: dates beside a word like "born", and with low
 * confidence whole dates that are more than sixteen years past and no "since" or "on" makes them the time of something else.
 */
export function birthDates(text: string, at: Date): TextSpan[] {
  return spansOf(text, DATE, (found, from) =>
    confidenceOf(found, dateIn(found, at), {
      behind: text.slice(from + found.length, from + found.length + 40),
      context: before(text, from, 60),
      at,
    }),
  )
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const MONTH =
  '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)'
const NAMED_MONTH = new RegExp(MONTH, 'i')
const DATE = new RegExp(
  [
    String.raw`(?<![\w£]|\d[./-])(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}`,
    String.raw`\d{1,2}(?: ?[/.-] ?| )\d{1,2}(?: ?[/.-] ?| )(?:\d{4}|'?\d{2})`,
    String.raw`\d{1,2} ?(?:st|nd|rd|th)?(?: of)?[ /-]${MONTH}\.?(?:[ ,/-]{1,2}(?:\d{4}|'?\d{2}(?! ?[:.]?\d| ?(?:am|pm|hours))))?`,
    String.raw`${MONTH}\.? \d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?)(?!\w|[/-]\d|[.:]\d)`,
  ].join('|'),
  'gi',
)

const CUE =
  /(?:\bborn\b|\bd\.? ?o\.? ?b\b\.?|\bdate of birth\b|\bbirth ?(?:date|day)\b|\bbirth:)[^.!?\n]{0,36}$/i
const CUE_BEHIND =
  /^[ ,]{0,2}\(?(?:is |was |being )?(?:my |his |her |the )?(?:d\.? ?o\.? ?b\b|date of birth|birthday)/i
const OF_SOMETHING_ELSE =
  /\b(?:since|until|till|from|on|in|by|dated?|of|before|after|around|to|between|\d and|operation|admitted|discharged|appointment|letter)[ :,]*$/i
// What stands between "born" and a date that is of something else.
const ELSEWHERE = /\b(?:seen|admitted|discharged|appointment|letter|operation|operated|scan|visit|died)\b/i

type Day = { year: number | null; month: number; day: number }
type Surroundings = { context: string; behind: string; at: Date }

function confidenceOf(
  found: string,
  date: Day | null,
  { context, behind, at }: Surroundings,
): Confidence | null {
  if (date === null) return null
  const [cue] = CUE.exec(context) ?? []
  if ((cue !== undefined && !ELSEWHERE.test(cue)) || CUE_BEHIND.test(behind)) {
    return date.year === null ? 'medium' : 'high'
  }
  if (date.year === null || date.year > at.getUTCFullYear() - 16) return null
  // Figures with blanks between may be anything.
  return (/ \d/.test(found) && !/[a-z]/i.test(found)) || OF_SOMETHING_ELSE.test(context) ? null : 'low'
}

function dateIn(found: string, at: Date): Day | null {
  const [month] = NAMED_MONTH.exec(found) ?? []
  const numbers = (found.match(/\d+/g) ?? []).map(Number)
  const [a = 0, b = 0, c = 0] = numbers
  if (month !== undefined) {
    const day = { month: 1 + MONTHS.indexOf(month.slice(0, 3).toLowerCase()), day: a }
    return plausible({ ...day, year: numbers.length > 1 ? yearOf(b, at) : null }, at)
  }
  if (a > 31) return plausible({ year: a, month: b, day: c }, at)
  // Some write the month first.
  return (
    plausible({ day: a, month: b, year: yearOf(c, at) }, at) ??
    plausible({ day: b, month: a, year: yearOf(c, at) }, at)
  )
}

function yearOf(written: number, at: Date): number {
  if (written > 99) return written
  const century = written > at.getUTCFullYear() % 100 ? 1900 : 2000
  return century + written
}

const LONGEST_LIFE_YEARS = 115

function plausible(day: Day, at: Date): Day | null {
  const { year } = day
  const now = at.getUTCFullYear()
  if (day.month < 1 || day.month > 12 || day.day < 1 || day.day > 31) return null
  return year === null || (year <= now && year >= now - LONGEST_LIFE_YEARS) ? day : null
}
