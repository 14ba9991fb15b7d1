import { Tokenizer } from 'htmlparser2'
import { storable } from './decode.ts'
import { ignoreAll } from './entities.ts'
import type { XmlElement } from './xml-element.ts'

/** Plain text from HTML: paragraphs by an empty line, list items and breaks by a line; in linear time. */
export function htmlToText(html: string): string {
  if (!html.includes('<')) return html.includes('&') ? markupToText(html, 'keep') : plainText(html)
  return markupToText(html, 'collapse')
}

/** Plain text from XHTML that was read as elements, in document order. */
export function elementToText(element: XmlElement, newlines: 'keep' | 'collapse' = 'collapse'): string {
  const writer = new TextWriter(newlines)
  writeChildren(element, writer)
  return writer.end()
}

/** Text without needless whitespace: single blanks, no blanks around a line, at most one empty line. */
export function plainText(text: string): string {
  if (!unclean.test(text)) return text
  return (
    storable(text)
      .replace(/\r\n?/g, '\n')
      .replace(/[\u200b\ufeff]/g, '')
      .replace(/[^\P{Cc}\n\t]/gu, '')
      // One no-break space is the writer's; a run of them is layout.
      .replace(/[^\S\n]+/g, (run) => (run === '\u00a0' ? run : ' '))
      .replace(/[ \u00a0]?\n[ \u00a0]?/g, '\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim()
  )
}

/** The same on one line: for titles, names and tags. */
export function oneLine(text: string): string {
  return plainText(text).replace(/\n+/g, ' ')
}

/** A title as a feed may write it: tags that HTML knows are dropped, "<again>" stays. */
export function titleText(title: string): string {
  return oneLine(title.includes('<') ? title.replace(knownTag, '') : title)
}

/** Text without the tags that HTML knows, each break and end of a block as a line; "<sigh>" and "a < b" stay. */
export function withoutTags(text: string): string {
  if (!text.includes('<')) return text
  return text
    .replace(/<br\s*\/?>/gi, '\n')
    .replace(/<\/(?:p|div|h[1-6]|pre|ul|ol|table)>/gi, '\n\n')
    .replace(knownTag, '')
}

/** Whether a text holds a tag that HTML knows. */
export function hasTags(text: string): boolean {
  return text.includes('<') && text.search(knownTag) !== -1
}

const unclean = /^\s|\s$|[^\P{Cc}\n]|[^\S\n ]| {2}| \n|\n |\n{3}|[\u200b\ufeff]|\p{Surrogate}/u

const knownTag =
  /<\/?(?:a|abbr|b|big|br|center|cite|code|del|div|em|font|h[1-6]|hr|i|iframe|img|ins|li|mark|ol|p|pre|q|s|script|small|span|strike|strong|style|sub|sup|svg|table|td|tr|tt|u|ul|wbr)(?:\s[^<>]*)?\/?>/gi

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
    this.pieces.push(this.newlines === 'keep' ? text : text.replace(/[ \t\n\f\r]+/g, ' '))
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
function markupToText(html: string, newlines: 'keep' | 'collapse'): string {
  const writer = new TextWriter(newlines)
  let read = 0
  let name = ''
  const tokenizer = new Tokenizer(
    { decodeEntities: html.includes('&'), recognizeSelfClosing: true },
    {
      ...ignoreAll,
      ontext: (start, end) => {
        writer.text(html.slice(start, end))
        read = end
      },
      ontextentity: (codepoint, end) => {
        writer.text(String.fromCodePoint(codepoint))
        read = end
      },
      onopentagname: (start, end) => {
        name = html.slice(start, end).toLowerCase()
      },
      onopentagend: (end) => {
        writer.open(name)
        read = end + 1
      },
      onselfclosingtag: (end) => {
        writer.open(name)
        writer.close(name)
        read = end + 1
      },
      onclosetag: (start, end) => {
        writer.close(html.slice(start, end).toLowerCase())
        read = html.indexOf('>', end) + 1 || html.length
      },
      oncdata: (start, end, endOffset) => {
        writer.text(html.slice(start, end - endOffset))
        read = end + 1
      },
      oncomment: (_start, end) => {
        read = end + 1
      },
    },
  )
  tokenizer.write(html)
  tokenizer.end()
  if (read < html.length) writer.text(unfinishedTag(html.slice(read)))
  return writer.end()
}

/** "less <than five" is text; "<img src=" is what is left of a tag. */
function unfinishedTag(rest: string): string {
  return /^<\/?(?:[a-z]|br|div|em|h[1-6]|iframe|img|li|script|span|strong|style|ul|ol|table)(?:[\s/]|$)/i.test(
    rest,
  )
    ? ''
    : rest
}
