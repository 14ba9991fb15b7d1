import { before, type Confidence, spansOf, type TextSpan } from './text-spans.ts'

/** The whole postcodes of the United Kingdom in a text with plain signs, and numbers of the forces' post. */
export function postcodes(text: string): TextSpan[] {
  return [
    ...spansOf(text, POSTCODE, (found, at) => confidenceOf(found, before(text, at, 48))),
    ...spansOf(text, FORCES, () => 'high'),
  ]
}

// The areas that there are, the islands, and ZZ99, with which the NHS says that there is none.
const AREAS =
  'AB|AL|B|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|E|EC|EH|EN|EX|FK|FY|G|GL|GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|L|LA|LD|LE|LL|LN|LS|LU|M|ME|MK|ML|N|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|S|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|W|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE|ZZ'
// BS 7666; see geocoding.ts.
const POSTCODE = new RegExp(
  String.raw`(?<![\w£.-])(?:(?:${AREAS})[0-9][0-9A-Z]?|GIR)[ -]{0,3}[0-9][ABD-HJLNP-UW-Z]{2}(?![\w-])`,
  'gi',
)
const FORCES = /\bBFPO ?\d{1,4}\b/gi

// "Ward E3 2nd floor", "B12 5ug", "S1 2hr".
const NO_INWARD = /(?:1st|2nd|3rd|\dth|\d(?:ug|hr|wk|st|lb|yd|ft|pt|yr))$/
const NO_CUE = /\b(?:vitamin|vit|ward|bay|room|floor|block|level|theatre)\.? $/i
const CUE = /\bpost ?code\b[^.!?\n]{0,20}$/i

function confidenceOf(found: string, context: string): Confidence | null {
  if (CUE.test(context)) return 'high'
  if (NO_INWARD.test(found) || NO_CUE.test(context)) return null
  const shouted = found === found.toUpperCase()
  if (shouted || / /.test(found)) return 'high'
  return 'medium'
}
