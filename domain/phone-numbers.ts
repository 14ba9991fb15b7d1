import { before, type Confidence, spansOf, type TextSpan } from './text-spans.ts'

/**
 * The telephone numbers in a text with plain signs: those of the United Kingdom as its numbering plan forms them, whether
 * given out or not; others with + or 00 (E.164: at most fifteen digits); and a local number behind a word like "ring".
 * The numbers of services (0300, 0800 …) are hardly anybody's own: low confidence.
 */
export function phoneNumbers(text: string): TextSpan[] {
  return [
    ...spansOf(text, NATIONAL, (found, at) => bracketed(found, at, nationalForm(found))),
    ...spansOf(text, BRITISH, (found, at) => bracketed(found, at, britishForm(found))),
    ...spansOf(text, FOREIGN, (found) => foreignForm(found)),
    ...spansOf(text, LOCAL, (found, at) => localForm(found, before(text, at, 48))),
  ]
}

const GAP = '[ ().-]{0,3}'
const OPEN = String.raw`(?:(?<![\w+]|\d[.,:/-]|£)|(?<=\b(?:[Tt]el|[Mm]ob|[Mm]obile|[Pp]hone)))`
const CLOSE = String.raw`(?!\d|[.:/]\d)`
const NATIONAL = new RegExp(String.raw`${OPEN}\(?0(?:${GAP}\d){9,10}${CLOSE}`, 'g')
const BRITISH = new RegExp(
  String.raw`${OPEN}\(?(?:\+ ?|00 ?|(?=44 ?7))44${GAP}(?:0${GAP})?[1-9](?:${GAP}\d){8,9}${CLOSE}`,
  'g',
)
const FOREIGN = new RegExp(
  String.raw`${OPEN}(?:\+ ?(?!44)[1-9](?:${GAP}\d){7,13}|00 ?(?!44)[1-9](?:${GAP}\d){9,13})${CLOSE}`,
  'g',
)
const LOCAL = new RegExp(String.raw`${OPEN}[2-9](?:[ -]?\d){5,9}(?!\d|[.:/,]\d|%)`, 'g')

const FORMS: ReadonlyArray<readonly [RegExp, Confidence]> = [
  [/^07\d{9}$/, 'high'],
  [/^0[12]\d{9}$/, 'high'],
  [/^01\d{8}$/, 'medium'],
  [/^0(?:[389]\d{9}|5[56]\d{8}|500\d{6}|8\d{8})$/, 'low'],
]

function formOf(digits: string): Confidence | null {
  return FORMS.find(([form]) => form.test(digits))?.[1] ?? null
}

const AREA_FIRST = /^\(?0(?:\d\d|.?7)/

// Written with its area in front; "01-02-2025 10" is none.
function nationalForm(found: string): Confidence | null {
  if (!AREA_FIRST.test(found)) return null
  const groups = found.match(/\d+/g) ?? []
  const [first = ''] = groups
  const spelled = groups.every((group) => group.length === 1)
  const digits = groups.join('')
  // Ten digits in one are more often a reference.
  if (digits.startsWith('01') && digits.length === 10 && groups.length === 1) return null
  return first.length >= 3 || first === '07' || spelled ? formOf(digits) : null
}

function britishForm(found: string): Confidence | null {
  return formOf(found.replaceAll(/\D/g, '').replace(/^(?:00)?440?/, '0'))
}

function foreignForm(found: string): Confidence | null {
  const groups = found.match(/\d+/g) ?? []
  // A score or a dose: "+1 5 8 2 3 4 5 6".
  if (groups.length > 7) return null
  return found.startsWith('+') ? 'high' : 'medium'
}

const CUE =
  /\b(?:(?:my|our|his|her|their) (?:new |old |home |work )?number|answer|reach (?:me|us)|tel|telephone|phone|mobile|mob|landline|fax|ring|call|text|whatsapp)(?: (?:me|us|him|her|them|my \w{1,12}))?(?: back)?(?: (?:no|num|number))?(?: is| was| on| at)?[ :.(]*$/i
const DATE = /^\d{1,2}[ -]\d{1,2}[ -](?:\d\d)?\d\d$/

function localForm(found: string, context: string): Confidence | null {
  const digits = found.replaceAll(/\D/g, '')
  const fits = (digits.length >= 6 && digits.length <= 8) || /^7[1-9]\d{8}$/.test(digits)
  return fits && !DATE.test(found) && CUE.test(context) ? 'medium' : null
}

// A bracket that closes behind the number is not of the number.
function bracketed(found: string, at: number, confidence: Confidence | null): TextSpan | null {
  if (confidence === null) return null
  const from = found.startsWith('(') && !found.includes(')') ? at + 1 : at
  return { from, to: at + found.length, confidence }
}
