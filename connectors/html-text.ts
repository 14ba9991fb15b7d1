import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2'
import { decodeHtml } from './entities.ts'
import { plainText } from './text.ts'
import type { XmlElement } from './xml-element.ts'

/** Plain text from HTML: paragraphs by an empty line, list items and breaks by a line; in linear time. */
export function htmlToText(html: string): string {
  return html.includes('<') ? new HtmlReader(html).read() : plainText(decodeHtml(html))
}

/** Plain text from XHTML that was read as elements, in document order. */
export function elementToText(element: XmlElement, newlines: 'keep' | 'collapse' = 'collapse'): string {
  const writer = new TextWriter(newlines)
  writeChildren(element, writer)
  return writer.end()
}

const paragraphs = new Set(
  'address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer h1 h2 h3 h4 h5 h6 header hr main nav ol p pre section summary table ul'.split(
    ' ',
  ),
)
const lines = new Set(['br', 'li', 'tr'])
const dropped = new Set(
  'applet audio button canvas embed form frame frameset head iframe input map math noembed noframes noscript object script select style svg template textarea title video'.split(
    ' ',
  ),
)
const empty = new Set(['embed', 'frame', 'input'])

class TextWriter {
  private readonly newlines: 'keep' | 'collapse'
  private readonly pieces: string[] = []
  private droppedName = ''
  private droppedDepth = 0

  constructor(newlines: 'keep' | 'collapse') {
    this.newlines = newlines
  }

  text(text: string): void {
    if (this.droppedDepth > 0) return
    this.pieces.push(this.newlines === 'keep' ? text : text.replace(/[\n\f\r]/g, ' '))
  }

  open(name: string): void {
    if (this.droppedDepth > 0) {
      if (name === this.droppedName) this.droppedDepth++
    } else if (dropped.has(name)) {
      if (empty.has(name)) return
      this.droppedName = name
      this.droppedDepth = 1
    } else if (lines.has(name)) this.pieces.push('\n')
    else this.break(name)
  }

  close(name: string): void {
    if (this.droppedDepth === 0) this.break(name)
    else if (name === this.droppedName) this.droppedDepth--
  }

  end(): string {
    return plainText(this.pieces.join(''))
  }

  private break(name: string): void {
    if (paragraphs.has(name)) this.pieces.push('\n\n')
    else if (name === 'td' || name === 'th') this.pieces.push(' ')
  }
}

function writeChildren(element: XmlElement, writer: TextWriter): void {
  for (const child of element.children) {
    if (typeof child === 'string') writer.text(child)
    else {
      const name = child.name.toLowerCase()
      writer.open(name)
      writeChildren(child, writer)
      writer.close(name)
    }
  }
}

// The tokenizer alone, without a tree: an HTML parser's stack is quadratic on deep nesting.
class HtmlReader implements TokenizerCallbacks {
  private readonly html: string
  private readonly writer = new TextWriter('collapse')
  private name = ''
  /** How far the document has been understood. */
  private understood = 0

  constructor(html: string) {
    this.html = html
  }

  read(): string {
    // References are decoded text by text: where it looks for them the tokenizer goes one character at a time.
    const tokenizer = new Tokenizer({ decodeEntities: false, recognizeSelfClosing: true }, this)
    tokenizer.write(this.html)
    tokenizer.end()
    if (this.understood < this.html.length) {
      this.writer.text(unfinishedTag(this.html.slice(this.understood)))
    }
    return this.writer.end()
  }

  ontext(start: number, end: number): void {
    this.writer.text(decodeHtml(this.html.slice(start, end)))
    this.understood = end
  }

  onopentagname(start: number, end: number): void {
    this.name = this.html.slice(start, end).toLowerCase()
  }

  onopentagend(end: number): void {
    this.writer.open(this.name)
    this.understood = end + 1
  }

  onselfclosingtag(end: number): void {
    this.writer.open(this.name)
    this.writer.close(this.name)
    this.understood = end + 1
  }

  onclosetag(start: number, end: number): void {
    this.writer.close(this.html.slice(start, end).toLowerCase())
    this.understood = this.html.indexOf('>', end) + 1 || this.html.length
  }

  oncdata(start: number, end: number, endOffset: number): void {
    this.writer.text(this.html.slice(start, end - endOffset))
    this.understood = end + 1
  }

  oncomment(_start: number, end: number): void {
    this.understood = end + 1
  }

  onattribdata(): void {}
  onattribend(): void {}
  onattribentity(): void {}
  onattribname(): void {}
  ondeclaration(): void {}
  onend(): void {}
  onprocessinginstruction(): void {}
  ontextentity(): void {}
}

/** "less <than five" is text; "<img src=" is what is left of a tag. */
function unfinishedTag(rest: string): string {
  return /^<\/?(?:[a-z]|br|div|em|h[1-6]|iframe|img|li|script|span|strong|style|ul|ol|table)(?:[\s/]|$)/i.test(
    rest,
  )
    ? ''
    : rest
}
