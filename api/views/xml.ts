export type Attributes = Readonly<Record<string, string>>

/** An element with text in it. */
export function element(name: string, text: string, attributes: Attributes = {}): string {
  return `<${name}${attributesView(attributes)}>${escaped(text)}</${name}>`
}

/** An element with nothing in it. */
export function empty(name: string, attributes: Attributes): string {
  return `<${name}${attributesView(attributes)}/>`
}

/** Text as HTML, with its lines; still to be escaped as XML. */
export function htmlOf(text: string): string {
  return text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? character).replace(/\r\n|\r|\n/g, '<br>')
}

function attributesView(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escaped(value).replace(/[\t\n]/g, characterReference)}"`)
    .join('')
}

/** Text as XML 1.0 has it. What it cannot have is left out: most control characters, halves of characters, and two that are none. */
function escaped(text: string): string {
  return text
    .replace(NOT_IN_XML, '')
    .replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? characterReference(character))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/gu
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function characterReference(character: string): string {
  return `&#${character.codePointAt(0)};`
}
