import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2'
import type { DocumentFailure } from '../domain/items.ts'
import { decodeEntities } from './entities.ts'
import type { XmlAttribute, XmlElement } from './xml-element.ts'
import { endOfProlog } from './xml-prolog.ts'
import {
  attributeName,
  declarations,
  elementName,
  escapeAttribute,
  innerScope,
  outermostScope,
  type XmlScope,
} from './xml-scope.ts'

export type XmlLimits = {
  /** Elements inside each other; more fails the document. */
  depth: number
  attributes: number
  /** Namespaces in force at one element. */
  namespaces: number
  /** Characters of text in one field; more is cut. */
  text: number
  /** Elements in one entry; more give up their markup, not their text. */
  elements: number
  /** Entries in one document; the rest is left. Infinity lifts it. */
  entries: number
}

export const xmlLimits: XmlLimits = {
  depth: 64,
  attributes: 64,
  namespaces: 32,
  text: 256 * 1024,
  elements: 10_000,
  entries: 5_000,
}

export type XmlEntry = {
  element: XmlElement
  /** The entry's source with namespaces, xml:base and xml:lang in force on its root: can be read alone. */
  raw: string
  /** Counted from 1. */
  number: number
  warnings: string[]
}

export type XmlOptions = {
  isEntry: (namespace: string, name: string) => boolean
  onEntry: (entry: XmlEntry) => void
  /** The address of the document. */
  base: string | null
  /** The language that the head of the document gives for all entries, outside of xml:lang. */
  headLanguage?: (root: XmlElement) => string | null
  limits?: Partial<XmlLimits> | undefined
}

export type XmlReading = {
  /** The document without its entries. */
  root: XmlElement
  /** Whether the root element was closed and no limit stopped the reading. */
  complete: boolean
  warnings: string[]
}

/**
 * Reads an XML document entry by entry (XML 1.0, Namespaces in XML 1.0, XML Base), forgiving unclosed tags,
 * bare ampersands and a missing end; no DTD is read and no declared entity expanded.
 */
export function readXml(text: string, options: XmlOptions): XmlReading | DocumentFailure {
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
  const reader = new XmlReader(lines.slice(endOfProlog(lines)), options)
  return reader.read()
}

type Frame = { qname: string; element: XmlElement; scope: XmlScope }

type InForce = { scope: XmlScope; base: string | null; language: string | null; text: string }

type OpenEntry = { depth: number; startTag: string; from: number; elements: number; warnings: string[] }

const noAttributes: XmlAttribute[] = []
// XHTML that was pasted in as HTML leaves these open.
const voidElements = new Set(['br', 'hr', 'img', 'wbr'])
const closedByItself = new Set(['p', 'li'])

class XmlReader implements TokenizerCallbacks {
  private readonly text: string
  private readonly options: XmlOptions
  private readonly limits: XmlLimits
  private readonly tokenizer: Tokenizer
  private readonly stack: Frame[] = []
  private readonly warnings = new Set<string>()
  private root: XmlElement | null = null
  private rootEnded = false
  private stopped = false
  private failure: DocumentFailure | null = null
  private entry: OpenEntry | null = null
  private entries = 0
  private headElements = 0
  private headLanguages = 0
  private headLanguage: { at: number; language: string | null } = { at: -1, language: null }
  private fieldLength = 0
  private lastInForce: InForce | null = null

  private qname = ''
  private tagStart = 0
  private attribute = ''
  private value = ''
  private attributes: [string, string][] = []
  private declared: [string, string][] | null = null

  constructor(text: string, options: XmlOptions) {
    this.text = text
    this.options = options
    this.limits = { ...xmlLimits, ...options.limits }
    this.tokenizer = new Tokenizer({ xmlMode: true, decodeEntities: false }, this)
  }

  read(): XmlReading | DocumentFailure {
    this.tokenizer.write(this.text)
    this.tokenizer.end()
    if (this.failure) return this.failure
    if (this.root === null) return { failure: 'not-a-feed', detail: 'there is no element in it' }
    if (!this.rootEnded && !this.stopped) {
      this.warnings.add(this.entry ? 'the document is cut off in an entry' : 'the document has no end')
    }
    return { root: this.root, complete: this.rootEnded && !this.stopped, warnings: [...this.warnings] }
  }

  onopentagname(start: number, end: number): void {
    this.qname = this.text.slice(start, end)
    this.tagStart = start - 1
    if (this.attributes.length > 0) this.attributes = []
    this.declared = null
  }

  onattribname(start: number, end: number): void {
    this.attribute = this.text.slice(start, end)
    this.value = ''
  }

  onattribdata(start: number, end: number): void {
    this.value += this.text.slice(start, end)
  }

  onattribend(): void {
    const name = this.attribute
    const value = decodeEntities(this.cut(this.value, this.limits.text))
    if (name === 'xmlns' || name.startsWith('xmlns:')) {
      this.declared ??= []
      if (this.declared.length < this.limits.namespaces) this.declared.push([name.slice(6), value])
      else this.warn(`more than ${this.limits.namespaces} namespaces on one element`)
    } else if (this.attributes.length < this.limits.attributes) this.attributes.push([name, value])
    else this.warn(`more than ${this.limits.attributes} attributes on one element`)
  }

  onopentagend(end: number): void {
    this.open(end + 1)
  }

  onselfclosingtag(end: number): void {
    const depth = this.open(end + 1)
    if (depth !== null) this.closeDownTo(depth, end + 1)
  }

  onclosetag(start: number, end: number): void {
    const qname = this.text.slice(start, end)
    for (let depth = this.stack.length - 1; depth >= 0; depth--) {
      if (this.stack[depth]?.qname !== qname) continue
      this.closeDownTo(depth, this.text.lastIndexOf('<', start))
      return
    }
  }

  ontext(start: number, end: number): void {
    const frame = this.stack.at(-1)
    if (frame === undefined) return
    if (this.betweenFields() && isBlank(this.text, start, end)) return
    this.append(frame.element, decodeEntities(this.text.slice(start, end)))
  }

  oncdata(start: number, end: number, endOffset: number): void {
    const frame = this.stack.at(-1)
    if (frame !== undefined) this.append(frame.element, this.text.slice(start, end - endOffset))
  }

  onattribentity(): void {}
  oncomment(): void {}
  ondeclaration(): void {}
  onend(): void {}
  onprocessinginstruction(): void {}
  ontextentity(): void {}

  /** Puts the element whose start tag ends at `contentStart` on the stack, and says at which depth. */
  private open(contentStart: number): number | null {
    if (this.stopped) return null
    const outer = this.stack.at(-1)?.scope ?? outermostScope()
    const scope = this.declared ? innerScope(outer, this.declared, this.limits.namespaces) : outer
    const { namespace, name } = elementName(scope, this.qname)
    this.closeWhatThisImplies(name)
    const depth = this.stack.length
    if (depth >= this.limits.depth) {
      this.fail({ failure: 'too-deep', detail: `more than ${this.limits.depth} elements inside each other` })
      return null
    }
    const parent = this.stack[depth - 1]?.element ?? null
    const attributes = this.attributes.length === 0 ? noAttributes : this.namedAttributes(scope)
    const element: XmlElement = {
      namespace,
      name,
      attributes,
      children: [],
      base: this.baseOf(parent),
      language: this.plainAttribute('xml:lang') ?? parent?.language ?? null,
    }
    const startsEntry = this.entry === null && this.options.isEntry(namespace, name)
    if (startsEntry && !this.startEntry(element, scope, contentStart)) return null
    this.root ??= element
    const recorded = startsEntry || parent === null || this.record(parent, element)
    this.stack.push({ qname: this.qname, element: recorded ? element : parent, scope })
    if (this.atField()) this.fieldLength = 0
    if (this.entry && voidElements.has(name)) this.closeDownTo(depth, contentStart)
    return depth
  }

  private closeWhatThisImplies(name: string): void {
    const top = this.stack.length - 1
    const open = this.stack[top]
    if (this.entry === null || open === undefined || open.qname !== this.qname) return
    const entryInEntry = top === this.entry.depth
    if (entryInEntry || closedByItself.has(name)) this.closeDownTo(top, this.tagStart)
  }

  /** Whether the new element has a place of its own in the tree; if not, its text goes to its parent. */
  private record(parent: XmlElement, element: XmlElement): boolean {
    const count = this.entry ? ++this.entry.elements : ++this.headElements
    const most = this.limits.elements
    if (count <= most) parent.children.push(element)
    if (count <= most && this.entry === null && element.name === 'language') this.headLanguages++
    if (count === most + 1) this.warn(`more than ${most} elements in one entry`)
    return count <= most
  }

  private startEntry(element: XmlElement, scope: XmlScope, contentStart: number): boolean {
    if (this.entries >= this.limits.entries) {
      this.warn(`more than ${this.limits.entries} entries: the rest is left`)
      this.stopped = true
      this.tokenizer.pause()
      return false
    }
    this.entries++
    element.language ??= this.languageOfHead()
    this.entry = {
      depth: this.stack.length,
      startTag: this.startTag(element, scope),
      from: contentStart,
      elements: 0,
      warnings: [],
    }
    return true
  }

  private startTag(element: XmlElement, scope: XmlScope): string {
    let tag = `<${this.qname}${this.inForce(scope, element.base, element.language)}`
    for (const [name, value] of this.attributes) {
      if (name !== 'xml:base' && name !== 'xml:lang') tag += ` ${name}="${escapeAttribute(value)}"`
    }
    return `${tag}>`
  }

  /** Nearly all entries of a document stand in the same scope, so the last answer is kept. */
  private inForce(scope: XmlScope, base: string | null, language: string | null): string {
    const last = this.lastInForce
    if (last && last.scope === scope && last.base === base && last.language === language) return last.text
    let text = declarations(scope)
    if (base) text += ` xml:base="${escapeAttribute(base)}"`
    if (language) text += ` xml:lang="${escapeAttribute(language)}"`
    this.lastInForce = { scope, base, language, text }
    return text
  }

  private closeDownTo(depth: number, contentEnd: number): void {
    const { entry } = this
    const closed = entry && depth <= entry.depth ? this.stack.slice(entry.depth) : []
    this.stack.length = depth
    if (entry && closed.length > 0) this.endEntry(entry, closed, contentEnd)
    if (depth === 0) {
      this.rootEnded = true
      this.tokenizer.pause()
    }
  }

  private endEntry(entry: OpenEntry, closed: Frame[], contentEnd: number): void {
    const [root] = closed
    if (root === undefined) return
    this.entry = null
    let raw = entry.startTag
    if (contentEnd > entry.from) raw += this.text.slice(entry.from, contentEnd)
    // What the source left open is closed here, so that nothing else closes when it is read alone.
    for (const { qname } of closed.reverse()) raw += `</${qname}>`
    this.options.onEntry({
      element: root.element,
      raw,
      number: this.entries,
      warnings: entry.warnings,
    })
  }

  private append(element: XmlElement, text: string): void {
    const room = this.limits.text - this.fieldLength
    if (text.length > room) {
      const field = this.stack[(this.entry?.depth ?? 0) + 1]?.element.name ?? element.name
      this.warn(`${field}: cut at ${this.limits.text} characters`)
    }
    const kept = this.cut(text, room)
    this.fieldLength += kept.length
    if (kept === '') return
    // Most fields hold one text: a list made for it is a tenth of one that is made to grow.
    if (element.children.length === 0) element.children = [kept]
    else element.children.push(kept)
  }

  private cut(text: string, length: number): string {
    if (text.length <= length) return text
    const end = Math.max(length, 0)
    const last = text.charCodeAt(end - 1)
    return text.slice(0, last >= 0xd800 && last <= 0xdbff ? end - 1 : end)
  }

  /** Whether the innermost element is a field: a child of an entry, of the root or of the channel. */
  private atField(): boolean {
    const depth = this.stack.length - 1
    return this.entry ? depth <= this.entry.depth + 1 : depth <= 2
  }

  private betweenFields(): boolean {
    const depth = this.stack.length - 1
    return this.entry ? depth === this.entry.depth : depth <= 1
  }

  private namedAttributes(scope: XmlScope): XmlAttribute[] {
    const named = this.attributes.filter(([name]) => name !== 'xml:base' && name !== 'xml:lang')
    return named.map(([name, value]) => ({ ...attributeName(scope, name), value }))
  }

  private plainAttribute(qname: string): string | null {
    for (const [name, value] of this.attributes) if (name === qname) return value
    return null
  }

  private baseOf(parent: XmlElement | null): string | null {
    const outer = parent ? parent.base : this.options.base
    const own = this.plainAttribute('xml:base')
    return own === null ? outer : (URL.parse(own, outer ?? undefined)?.href ?? outer)
  }

  private languageOfHead(): string | null {
    // Looked for again only after another element of that name: elements may stand between all entries.
    if (this.headLanguage.at !== this.headLanguages) {
      const language = this.root ? (this.options.headLanguage?.(this.root) ?? null) : null
      this.headLanguage = { at: this.headLanguages, language }
    }
    return this.headLanguage.language
  }

  private warn(warning: string): void {
    const { entry } = this
    if (entry === null) this.warnings.add(warning)
    else if (!entry.warnings.includes(warning)) entry.warnings.push(warning)
  }

  private fail(failure: DocumentFailure): void {
    this.failure = failure
    this.stopped = true
    this.tokenizer.pause()
  }
}

function isBlank(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text.charCodeAt(at) > 32) return false
  return true
}
