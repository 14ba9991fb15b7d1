import { storable } from './decode.ts'

/** Text without needless whitespace: single blanks, no blanks around a line, at most one empty line. */
export function plainText(text: string): string {
  if (!unclean.test(text)) return text
  return (
    storable(text)
      .replace(/\r\n?/g, '\n')
      .replace(/[^\P{Cc}\n\t]|[\u200b\ufeff]/gu, '')
      // One no-break space is the writer's; a run of them is layout.
      .replace(/[^\S\n]{2,}|[^\S\n \u00a0]/g, ' ')
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
