/** A URL for logs and error texts: origin, path and the names of query parameters, never a value or credentials. */
export function redactUrl(url: string | URL): string {
  const parsed = URL.parse(String(url))
  if (!parsed) return '(not a URL)'
  const origin = parsed.origin === 'null' ? parsed.protocol : parsed.origin
  const names = parsed.search.slice(1).split('&').filter(Boolean).map(parameterName)
  return (
    origin + (parsed.origin === 'null' ? '' : parsed.pathname) + (names.length ? `?${names.join('&')}` : '')
  )
}

// A parameter without `=` may be a key itself.
function parameterName(parameter: string): string {
  const end = parameter.indexOf('=')
  return end > 0 ? parameter.slice(0, end) : '…'
}
