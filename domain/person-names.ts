import { givenNames } from './given-names.ts'
import { readName } from './name-words.ts'
import { before, spansOf, type TextSpan } from './text-spans.ts'

/**
 * What may be somebody's name in a text with plain signs: words in capitals behind a title, a role, a relation, "called",
 * "my name is" or "thanks to", at its end as a signature, and given names that are hardly anything else. Suggestions for a
 * person who decides, so always with low confidence; titles are not of the span.
 */
export function personNames(text: string): TextSpan[] {
  const names = new Map<number, TextSpan>()
  const named = [...cues.flatMap((cue) => behind(text, cue)), ...alone(text)]
  for (const name of named) names.set(name.from, name)
  for (const name of named) addFurther(text, name, names)
  return [...names.values()]
}

type Cue = {
  cue: RegExp
  /** So many words are a name here also without capitals. */
  small?: number
  /** Only when the line ends behind the name. */
  last?: boolean
}

const ROLE =
  'in charge|nurses?|doctors?|midwife|midwives|consultant|surgeon|receptionists?|physio|physiotherapist|paramedics?|porter|carers?|registrar|pharmacist|dentist|optician|radiographer|therapist|volunteer|assistant|anaesthetist|matron|sister|manager|worker|student|technician|driver|psychiatrist|psychologist|counsellor|visitor|hca|dietitian|phlebotomist|cleaner|cook|secretary|hygienist|lady|gentleman|man|woman|girl|boy|chap|colleagues?'
const RELATION =
  'husband|wife|son|daughter|mother|father|mum|mam|dad|brother|sister|partner|friend|neighbour|baby|nan|gran|grandmother|grandfather|grandad|granddaughter|grandson|aunt|uncle|cousin|niece|nephew|boy|girl|carer'

const cues: readonly Cue[] = [
  { cue: /(?<!\p{L})(?:mr|mrs|ms|prof|drs?)\b\.? /giu, small: 1 },
  {
    cue: /(?<!\p{L})(?:Miss|Mx|Doctor|Professor|Sir|Dame|Nurse|Sister|Matron|Midwife|Rev|Reverend|Consultant|Receptionist|Staff Nurse|HCA)\.? /gu,
  },
  { cue: new RegExp(String.raw`(?<!\p{L})(?:${ROLE})(?:,? (?:called|named))?,? `, 'giu') },
  {
    cue: new RegExp(
      String.raw`(?<!\p{L})(?:my|our|his|her|their) (?:late |little |elderly |youngest |eldest )?(?:${RELATION}),? `,
      'giu',
    ),
  },
  { cue: /(?<!\p{L})(?:my|his|her|whose) (?:full )?name(?:'s| is| was|:) /giu, small: 2 },
  { cue: /(?<!\p{L})(?:patient(?:'s)? name|name of patient|full name|name) ?[:=] ?/giu, small: 2 },
  {
    cue: /(?<!\p{L})(?:called|named|known as|(?:herself|himself|themselves) as|spoke (?:to|with)|seen by|saw|treated by|ask(?:ed)? for) /giu,
  },
  {
    cue: /(?<!\p{L})(?:thanks|thank you|thanking|grateful|praise|credit|shout out|thank)(?: so much| very much)?(?: to| for| go to| goes to)? /giu,
  },
  {
    cue: /(?<!\p{L})(?:regards|sincerely|faithfully|wishes|thanks|thank you|yours|signed|from|love|cheers)(?:[,.!]? ?\n\s{0,4}| ?[,.!] | - | )(?:- ?)?/giu,
    last: true,
  },
]

function behind(text: string, { cue, small = 0, last = false }: Cue): TextSpan[] {
  return spansOf(text, cue, (found, at) => {
    // In a text all in capitals they say nothing.
    if (small === 0 && found === found.toUpperCase()) return null
    const name = readName(text, at + found.length, small)
    if (name === null || (last && !/^ ?[.!]?\s*(?:\n|$)/.test(text.slice(name.to, name.to + 8)))) return null
    return { ...name, confidence: 'low' }
  })
}

const CAPITAL = /(?<![\p{L}'-])\p{Lu}\p{Ll}{1,20}(?![\p{Ll}])/gu
const PLACE_BEFORE =
  /\b(?:St|Saint|Royal|Queen|King|Princess|Prince|Lady|Lord|Great|Mount|Port|Ward|Lake|Point|New|the)\.? $/

function alone(text: string): TextSpan[] {
  return spansOf(text, CAPITAL, (found, at) => {
    if (!givenNames.has(found) || PLACE_BEFORE.test(before(text, at, 12))) return null
    const name = readName(text, at, 0)
    return name && { ...name, confidence: 'low' }
  })
}

const MORE = /(?:, and |, & |, | and | & |\/)/y

// "Anna, Priya and Tom": who is named beside a name. Where a name is known already, the rest is too.
function addFurther(text: string, { to }: TextSpan, names: Map<number, TextSpan>): void {
  for (let at = to; ; ) {
    MORE.lastIndex = at
    const [more] = MORE.exec(text) ?? []
    const name = more === undefined ? null : readName(text, at + more.length, 0)
    if (name === null || names.has(name.from)) return
    names.set(name.from, { ...name, confidence: 'low' })
    at = name.to
  }
}
