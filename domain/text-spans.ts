/** How sure it is that a span is what it was taken for. */
export type Confidence = 'high' | 'medium' | 'low'

/** What stands in a text from `from` up to but not including `to`, in UTF-16 code units. */
export type TextSpan = { from: number; to: number; confidence: Confidence }

/** The text with the same length, in which blanks, dashes, quotes and digits of all kinds are the plain ones. */
export function plainSigns(text: string): string {
  return text
    .replaceAll(/[\u00a0\u1680\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff\t]/g, ' ')
    .replaceAll(/[\u2010-\u2015\u2212]/g, '-')
    .replaceAll(/[\u2018\u2019\u02bc\u0060\u00b4]/g, "'")
    .replaceAll(/[\uff10-\uff19\uff20\uff0b]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
}

/**
 * The spans that a pattern finds and `judge` takes. What it does not take may begin anew one sign later, so that a number
 * is also found behind one that is none. The pattern must be global, and bounded in how far it reaches.
 */
export function spansOf(
  text: string,
  pattern: RegExp,
  judge: (found: string, at: number) => Confidence | TextSpan | null,
): TextSpan[] {
  const spans: TextSpan[] = []
  pattern.lastIndex = 0
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    const [whole] = found
    const judged = judge(whole, found.index)
    if (judged === null) {
      pattern.lastIndex = found.index + 1
      continue
    }
    const span =
      typeof judged === 'string'
        ? { from: found.index, to: found.index + whole.length, confidence: judged }
        : judged
    spans.push(span)
    pattern.lastIndex = Math.max(span.to, found.index + 1)
  }
  return spans
}

/** What stands right before, at most `most` signs of it. */
export function before(text: string, at: number, most: number): string {
  return text.slice(Math.max(0, at - most), at)
}
