import { before, type Confidence, spansOf, type TextSpan } from './text-spans.ts'

/**
 * The NHS numbers in a text with plain signs: ten digits, however they are spaced, whose last is the check digit that the
 * NHS Data Dictionary gives. Without a valid one, and for ten noughts, there is no span.
 */
export function nhsNumbers(text: string): TextSpan[] {
  return spansOf(text, TEN, (found, at) => confidenceOf(found, before(text, at, 60), at + found.length, text))
}

const TEN = /(?<![\w+]|\d[.,:/-]|£)\d(?:[ .-]{0,3}\d){9}(?!\d|[.,:/]\d)/g
const CUE = /\b(?:nhs|chi|h ?& ?c)\b[^.!?\d\n]{0,40}$/i
const CUE_BEHIND = /^[^.!?\d\n]{0,24}\b(?:nhs|chi) n(?:o|um|umber)\b/i
// As it is written: whole, or in groups of at least two with the four at one end.
// Those of Scotland begin with a day and a month.
const ISSUED = /^(?:[4-9]|3[2-9]|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2]))/
const USUAL = ['10', '3,3,4', '3,4,3', '4,3,3', '3,7', '7,3', '6,4', '4,6', '5,5']

function confidenceOf(found: string, context: string, end: number, text: string): Confidence | null {
  const digits = found.replaceAll(/\D/g, '')
  if (!isValid(digits)) return null
  if (CUE.test(context) || CUE_BEHIND.test(text.slice(end, end + 40))) return 'high'
  const grouping = (found.match(/\d+/g) ?? []).map(({ length }) => length).join(',')
  if (grouping === '3,3,4') return 'high'
  return USUAL.includes(grouping) && ISSUED.test(digits) ? 'medium' : null
}

// Weights 10 to 2, modulus 11; a check digit of 10 is never given out.
function isValid(digits: string): boolean {
  let sum = 0
  for (let n = 0; n < 9; n += 1) sum += Number(digits[n]) * (10 - n)
  if (sum === 0) return false
  return (11 - (sum % 11)) % 11 === Number(digits[9])
}
