/**
 * The address that a source has from now on, or null when it stays: `asked` is what the connector made of its address,
 * and `movedTo` where permanent redirects led from there. Where more than the origin has changed of an address that a
 * connector has made, nobody knows what it would make the new one of: such a redirect is followed each time.
 */
export function movedAddress({
  address,
  asked,
  movedTo,
}: {
  address: string
  asked: string
  movedTo: string | null
}): string | null {
  const [before, from, to] = [address, asked, movedTo ?? ''].map((url) => URL.parse(url))
  if (!before || !from || !to) return null
  // Whoever sits between could have us give up TLS for good.
  if (before.protocol === 'https:' && to.protocol !== 'https:') return null
  for (const url of [before, from, to]) url.hash = ''
  const moved = from.href === before.href ? to : withOrigin(before, from, to)
  if (moved === null || moved.href === before.href) return null
  return moved.href.length > LONGEST_ADDRESS ? null : moved.href
}

const LONGEST_ADDRESS = 2_000

function withOrigin(before: URL, from: URL, to: URL): URL | null {
  if (from.origin !== before.origin) return null
  if (from.pathname !== to.pathname || from.search !== to.search) return null
  return new URL(before.pathname + before.search, to.origin)
}
