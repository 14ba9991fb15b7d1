import { decodeEntities } from './entities.ts'
import { plainText, withoutTags } from './text.ts'

/**
 * Plain text from Markdown, in linear time. What patients type wins over the letter of CommonMark: "f***ing",
 * "5 * 3", snake_case, "don`t" and "<sigh>" stay as they are.
 */
export function markdownToText(markdown: string): string {
  const text = plainText(withoutTags(markdown).replace(bareLink, '$1'))
  if (!marks.test(text)) return text
  const blocks = text.split('\n\n').map((block) => {
    const lines = block.split('\n').map(lineOf)
    return withoutEmphasis(
      lines
        .filter((line) => line !== null)
        .join('\n')
        .replace(link, '$1'),
    )
  })
  return plainText(decodeEntities(blocks.join('\n\n')))
}

const marks = /[*_#>~=[\]\\&+-]/

const bareLink = /<(https?:\/\/[^\s<>]+)>/g

// No part of it can match where another begins, so a failed try costs no more than its own length.
const link = /(?<!\\)!?\[([^[\]]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+"[^"]*")?\)/g

/** A line without what makes it a heading, a quotation or a list item; null when it is only a ruler. */
function lineOf(line: string): string | null {
  if (/^ ?(?:=+|-{2,}|(?:[*_-] ?){3,}|~{3,}|`{3,})$/.test(line)) return null
  return line
    .replace(/^ ?(?:> ?)+/, '')
    .replace(/^#{1,6} (.*?)(?: #+)?$/, '$1')
    .replace(/^[*+] /, '- ')
}

type Piece = { text: string; mark: string; count: number }

/** Takes out pairs of emphasis marks around words, and the backslash before an escaped mark. */
function withoutEmphasis(text: string): string {
  const pieces: Piece[] = []
  const open: Record<string, Piece[]> = { '*': [], _: [], '~': [] }
  for (const found of text.match(/\\[!-/:-@[-`{-~]|\*+|_+|~+|[^\\*_~]+|\\/g) ?? []) {
    const mark = found[0] ?? ''
    const openers = open[mark]
    if (openers === undefined) {
      const text = mark === '\\' && found.length > 1 ? found.slice(1) : found
      pieces.push({ text, mark: '', count: 0 })
    } else pieces.push({ text: '', mark, count: found.length })
  }
  for (const [index, piece] of pieces.entries()) {
    const openers = open[piece.mark]
    if (openers) pair(piece, openers, lastOf(pieces[index - 1]), firstOf(pieces[index + 1]))
  }
  return pieces.map(({ text, mark, count }) => (mark === '' ? text : mark.repeat(count))).join('')
}

function pair(piece: Piece, openers: Piece[], before: string, after: string): void {
  const closes = /\S/.test(before) && !/[\p{L}\p{N}]/u.test(after)
  while (closes && piece.count > 0) {
    const opener = openers.at(-1)
    if (opener === undefined) break
    const taken = Math.min(opener.count, piece.count)
    opener.count -= taken
    piece.count -= taken
    if (opener.count === 0) openers.pop()
  }
  const opens = /\S/.test(after) && !/[\p{L}\p{N}]/u.test(before)
  const isMark = piece.mark !== '~' || piece.count === 2
  if (piece.count > 0 && opens && isMark) openers.push(piece)
}

function lastOf(piece: Piece | undefined): string {
  return piece === undefined ? '' : piece.mark || ([...piece.text.slice(-2)].at(-1) ?? '')
}

function firstOf(piece: Piece | undefined): string {
  return piece === undefined ? '' : piece.mark || ([...piece.text.slice(0, 2)].at(0) ?? '')
}
