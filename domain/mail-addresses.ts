import { before, type Confidence, spansOf, type TextSpan } from './text-spans.ts'

/** The e-mail addresses in a text with plain signs, also those spelled out: "name at example dot org". */
export function mailAddresses(text: string): TextSpan[] {
  return spansOf(text, AT, (found, at) => addressAround(text, found, at))
}

const AT = /@|[([{] ?(?:at|@) ?[)\]}]|(?<= )at(?= )/gi
const LOCAL = /[\p{L}\p{N}_](?:[\p{L}\p{N}._%+'-]{0,62}[\p{L}\p{N}_+-])? ?$/u
const DOMAIN = /^ ?(?:[\p{L}\p{N}][\p{L}\p{N}-]{0,62}\.){1,6}\p{L}{2,24}/u
const SPELLED_LOCAL = /[\p{L}\p{N}_][\p{L}\p{N}._%+'-]{0,62}(?: dot [\p{L}\p{N}_-]{1,30}){0,3} ?$/iu
const SPELLED_DOMAIN =
  /^ ?[\p{L}\p{N}][\p{L}\p{N}-]{0,62}(?: ?(?:\.| dot |[([{] ?dot ?[)\]}]) ?[\p{L}\p{N}][\p{L}\p{N}-]{0,30}){1,4}/iu

// "at" is a word besides: then the domain is spelled too, or one that people have mail at.
const SPELLED_DOT = / dot |[([{] ?dot ?[)\]}]/i
const PROVIDER =
  /^ ?(?:gmail|googlemail|hotmail|outlook|live|msn|yahoo|ymail|icloud|me|aol|btinternet|sky|talktalk|virginmedia|nhs|protonmail)\.(?:com|co\.uk|net|me)\b/i
const NO_LOCAL =
  /^(?:look|looked|looking|is|was|are|were|be|been|am|me|us|him|her|it|them|seen|here|there|and|or|not|stay|based|online|website|page|more|info)$/i

function addressAround(text: string, found: string, at: number): TextSpan | null {
  const end = at + found.length
  const ahead = text.slice(end, end + 260)
  const [local] = (found === '@' ? LOCAL : SPELLED_LOCAL).exec(before(text, at, 130)) ?? []
  const [domain] = (found === '@' ? DOMAIN : SPELLED_DOMAIN).exec(ahead) ?? []
  const confidence = confidenceOf(found, local, domain)
  if (local === undefined || domain === undefined || confidence === null) return null
  return { from: at - local.length, to: end + domain.length, confidence }
}

function confidenceOf(
  found: string,
  local: string | undefined,
  domain: string | undefined,
): Confidence | null {
  if (local === undefined || domain === undefined) return null
  if (found === '@') return local.endsWith(' ') || domain.startsWith(' ') ? 'medium' : 'high'
  if (found.length > 2) return 'high'
  if (NO_LOCAL.test(local.trim())) return null
  return SPELLED_DOT.test(domain) || PROVIDER.test(domain) ? 'medium' : null
}
