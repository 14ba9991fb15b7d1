import { before, type Confidence, spansOf, type TextSpan } from './text-spans.ts'

/**
 * The postal addresses in a text with plain signs: a house number or name with a street and the town behind it, and behind
 * "I live in" a street without a number. A postcode has a span of its own.
 */
export function postalAddresses(text: string): TextSpan[] {
  return [
    ...spansOf(text, NUMBERED, (found, at) => numbered(text, found, at)),
    ...spansOf(text, NAMED, (found, at) => withTown(text, at, at + found.length, 'medium')),
    ...spansOf(text, STREET, (found, at) => lived(text, found, at)),
  ]
}

const KINDS =
  'Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Close|Crescent|Cres|Court|Ct|Gardens|Gdns|Grove|Place|Pl|Square|Sq|Terrace|Way|Walk|Hill|Park|Row|Mews|Rise|View|Green|Parade|Mount|Broadway|Vale|Meadow|Meadows|Croft|Drove|Fold|Heights|Wynd|Brow|Quay|Wharf|Buildings|Cottages|Estate|Fields|Yard|Villas|Garth|Circus|Esplanade|Embankment|Lea'
const WORD = String.raw`\p{L}[\p{L}'.-]{0,20}`
const NUMBERED = new RegExp(
  String.raw`(?<![\w£.:/-])(?:(?:flat|apartment|apt|unit|room) ?\d{1,4}[a-z]?,? )?\d{1,4}(?: ?[a-d](?= ))?(?:-\d{1,4})?,? (?:${WORD} ){1,4}?(?:${KINDS})(?!\p{L})\.?`,
  'giu',
)
const NAMED = new RegExp(
  String.raw`(?<!\p{L})\p{Lu}[\p{L}']{1,20} (?:Cottage|House|Farm|Lodge|Villa|Bungalow), (?:\p{Lu}[\p{L}'.-]{0,20} ){1,3}(?:${KINDS})(?!\p{L})`,
  'gu',
)
const STREET = new RegExp(String.raw`(?<!\p{L})(?:\p{Lu}[\p{L}'.-]{0,20} ){1,3}(?:${KINDS})(?!\p{L})`, 'gu')

const CUE =
  /\b(?:(?:live|lives|lived|living|home|house|flat|moved|stay|stays) (?:is )?(?:at|in|on|to)|address(?: is| was)?|post(?:ed)? (?:it )?to|write to (?:me|us) at)[ :-]*(?:number |no\.? )?$/i
const LIVED = /\b(?:live|lives|lived|living|home is|moved) (?:at|in|on|off|to) (?:the )?$/i
const NO_HOUSE =
  /\b(?:ward|bed|bay|room|clinic|level|floor|theatre|block|gate|platform|bus|route|junction|building|unit|age|aged|about|over|nearly|almost)s? $/i
// "10 minutes down the road", "2 Paracetamol".
const MEASURE =
  /^\d+[^ ]* (?:min|mins|minutes?|hours?|hrs?|days?|weeks?|months?|years?|miles?|metres?|times?|people|patients?|nurses?|doctors?|staff|beds?|mg|ml|am|pm|of|in|on|to|at|and|or|more|other|different|tablets?|paracetamol|january|february|march|april|may|june|july|august|september|october|november|december)\b/i
const NOT_HOME =
  /^ (?:Surgery|Hospital|Clinic|Practice|Medical|Health|Pharmacy|Dental|School|Centre|Ward|Unit|Station|Infirmary|Community|Family|Treatment|Walk)\b/
const POSTCODE_NEAR = /^[^.!?]{0,40}?\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b/i

function numbered(text: string, found: string, at: number): TextSpan | null {
  const context = before(text, at, 40)
  const end = at + found.length
  if (NO_HOUSE.test(context) || MEASURE.test(found) || NOT_HOME.test(text.slice(end, end + 16))) return null
  const cue = CUE.test(context)
  const near = POSTCODE_NEAR.test(text.slice(end, end + 60))
  const names = found.replace(/^(?:\p{L}+ ?\d+\p{L}?,? )?[^ ]+ /iu, '').match(/\p{L}[\p{L}'-]*/gu) ?? []
  const capitals = names.length > 1 && names.every((name) => /^\p{Lu}/u.test(name) || SMALL.has(name))
  if (!capitals && !cue && !near) return null
  return withTown(text, at, end, cue || near ? 'high' : 'medium')
}

const SMALL: ReadonlySet<string> = new Set(['of', 'the', 'upon', 'on', 'le', 'by', 'and'])

function lived(text: string, found: string, at: number): TextSpan | null {
  const end = at + found.length
  if (!LIVED.test(before(text, at, 24)) || NOT_HOME.test(text.slice(end, end + 16))) return null
  return withTown(text, at, end, 'low')
}

// Towns follow in capitals, behind commas, or one right behind the street.
const TOWN = /^(?:,? (?:\p{Lu}[\p{L}'-]{2,20}(?![\p{L}\d])(?: (?=\p{Lu}\p{Ll}))?){1,2}){0,3}/u
const NO_TOWN = /^,? (?:I|The|My|We|He|She|It|They|And|But|Please|When|After|Our|His|Her|This|You|Thank)\b/

function withTown(text: string, from: number, end: number, confidence: Confidence): TextSpan {
  const ahead = text.slice(end, end + 90)
  const [town = ''] = NO_TOWN.test(ahead) ? [] : (TOWN.exec(ahead) ?? [])
  const street = text.slice(from, end)
  // A full stop ends the sentence unless a town follows.
  const cut = town === '' && street.endsWith('.') ? 1 : 0
  return { from, to: end - cut + town.trimEnd().length, confidence }
}
