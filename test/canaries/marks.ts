/** What of invented people has come to light in some text: `quillby0042`, `nameling0042`, or the end of a number. */
export function marksIn(text: string): Set<string> {
  const found = new Set<string>()
  for (const [mark] of text.matchAll(/quillby-?\d{4}|nameling-?\d{4}/gi)) found.add(mark.toLowerCase())
  for (const [, number] of text.matchAll(/(?:\b0|44)[ -]?7700[ -]?(900[ -]?\d{3})\b/g))
    found.add(`number ${number}`)
  return found
}

/** The same, also of what stands there as hexadecimal (bytea) or base64. */
export function marksAnywhere(text: string): Set<string> {
  const found = marksIn(text)
  for (const [, hex = ''] of text.matchAll(/\\x([0-9a-f]{16,})/g))
    for (const mark of marksIn(Buffer.from(hex, 'hex').toString('latin1'))) found.add(mark)
  for (const [chunk] of text.matchAll(/[A-Za-z0-9+/_-]{24,}={0,2}/g))
    for (const mark of marksIn(Buffer.from(chunk, 'base64').toString('latin1'))) found.add(mark)
  return found
}
