/** An address with the query that it was asked under, as the contract writes it: numbers of a list in one, texts one by one. */
export function addressWith(address: string, query: Readonly<Record<string, unknown>>): string {
  const text = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (!Array.isArray(value)) {
      if (value !== undefined) text.append(name, String(value))
    } else if (typeof value[0] === 'number') text.append(name, value.join(','))
    else for (const one of value) text.append(name, String(one))
  }
  return text.size === 0 ? address : `${address}?${text}`
}
