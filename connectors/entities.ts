import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2'
import { storable } from './decode.ts'

/**
 * Decodes character references, the five of XML and, as feeds use them undeclared, those of HTML by name;
 * anything else, a bare ampersand or a name that only a DTD declares, stays as it is written.
 */
export function decodeEntities(text: string): string {
  let at = text.indexOf('&')
  if (at === -1) return text
  let decoded = ''
  let copied = 0
  // Searched for again only when passed: many ampersands before one semicolon stay linear.
  let end = -1
  while (at !== -1) {
    if (end < at) end = text.indexOf(';', at)
    if (end === -1) break
    const found = end - at <= longest ? decodeOne(text.slice(at + 1, end)) : null
    if (found !== null) {
      decoded += text.slice(copied, at) + found
      copied = end + 1
      at = text.indexOf('&', copied)
    } else at = text.indexOf('&', at + 1)
  }
  return copied === 0 ? text : decoded + text.slice(copied)
}

/** Text of HTML with its references decoded as browsers do, those without a semicolon too. */
export function decodeHtml(text: string): string {
  if (!text.includes('&')) return text
  let decoded = ''
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      ...ignoreAll,
      ontext: (start, end) => {
        decoded += text.slice(start, end)
      },
      ontextentity: (codepoint) => {
        decoded += String.fromCodePoint(codepoint)
      },
    },
  )
  tokenizer.write(text)
  tokenizer.end()
  return decoded
}

/** Of the names that HTML has. */
const longest = 34

const named = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

function decodeOne(name: string): string | null {
  const known = named.get(name)
  if (known !== undefined) return known
  if (/^#(\d{1,9}|[xX][0-9a-fA-F]{1,8})$/.test(name)) return htmlReference(name)
  const found = /^[A-Za-z][A-Za-z0-9]+$/.test(name) ? htmlReference(name) : null
  if (found !== null) named.set(name, found)
  return found
}

/** The tokenizer has the table of HTML; a reference counts only if it is used up to its semicolon. */
function htmlReference(name: string): string | null {
  let decoded = ''
  let exact = true
  const callbacks: TokenizerCallbacks = {
    ...ignoreAll,
    ontext: () => {
      exact = false
    },
    ontextentity: (codepoint) => {
      decoded += String.fromCodePoint(codepoint)
    },
  }
  const tokenizer = new Tokenizer({ decodeEntities: true }, callbacks)
  tokenizer.write(`&${name};`)
  tokenizer.end()
  return exact && decoded !== '' ? storable(decoded) || '\ufffd' : null
}

const ignore = () => {}

/** Callbacks that hear nothing: the base for those that listen to a few. */
export const ignoreAll: TokenizerCallbacks = {
  onattribdata: ignore,
  onattribentity: ignore,
  onattribend: ignore,
  onattribname: ignore,
  oncdata: ignore,
  onclosetag: ignore,
  oncomment: ignore,
  ondeclaration: ignore,
  onend: ignore,
  onopentagend: ignore,
  onopentagname: ignore,
  onprocessinginstruction: ignore,
  onselfclosingtag: ignore,
  ontext: ignore,
  ontextentity: ignore,
}
