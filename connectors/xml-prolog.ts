/**
 * Where the root element starts: after XML declaration, comments and the whole DTD with its internal subset
 * (XML 1.0, section 2.8), so that nothing declared there is ever read.
 */
export function endOfProlog(text: string): number {
  let at = text.indexOf('<')
  while (at !== -1) {
    let end: number
    if (text.startsWith('<?', at)) end = after(text, '?>', at)
    else if (text.startsWith('<!--', at)) end = after(text, '-->', at)
    else if (text.startsWith('<!', at)) end = endOfDoctype(text, at)
    else return at
    at = text.indexOf('<', end)
  }
  return text.length
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at === -1 ? text.length : at + mark.length
}

// Quotes, comments and instructions may hold brackets and angle brackets that end nothing.
function endOfDoctype(text: string, start: number): number {
  let inSubset = false
  let at = start + 2
  while (at < text.length) {
    const char = text[at]
    if (char === '"' || char === "'") at = after(text, char, at + 1)
    else if (text.startsWith('<!--', at)) at = after(text, '-->', at)
    else if (text.startsWith('<?', at)) at = after(text, '?>', at)
    else if (char === '>' && !inSubset) return at + 1
    else {
      if (char === '[') inSubset = true
      if (char === ']') inSubset = false
      at++
    }
  }
  return text.length
}
