import { lookup as systemLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { buildConnector } from 'undici'

/** All addresses of a name, as `dns.promises.lookup` with `all` gives them. */
export type Lookup = (hostname: string) => Promise<ResolvedAddress[]>
export type ResolvedAddress = { address: string; family: number }

export type GuardOptions = {
  /** Exact `host:port` pairs that may be private, as a URL writes them: `127.0.0.1:4010`, `[::1]:4010`. */
  allowPrivate: readonly string[]
  lookup?: Lookup
  /** For the name lookup, and again for connecting, in milliseconds. */
  connectMs: number
}

/** The address is not one that this service may talk to. */
export class ForbiddenAddressError extends Error {
  override name = 'ForbiddenAddressError'
}

/** The name has no address, or nobody could say in time. */
export class LookupError extends Error {
  override name = 'LookupError'
}

/** Says whether a textual IP address is globally reachable unicast (IANA special-purpose registries, RFC 6890). */
export function isPublicAddress(ip: string): boolean {
  if (isIP(ip) === 0 || ip.includes('%')) return false
  const address = ipaddr.process(ip)
  if (address.range() !== 'unicast') return false
  // Outside 2000::/3 nothing is assigned (RFC 4291 2.4); `::a.b.c.d` would otherwise count as unicast.
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST)
}

/** Says why a URL may not be called (scheme, credentials in it, a literal private address), or null. */
export function urlProblem(url: URL, allowPrivate: readonly string[]): string | null {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'only http and https are called'
  if (url.username || url.password) return 'credentials belong in a header, not in the address'
  if (isAllowed(url.protocol, url.hostname, url.port, allowPrivate)) return null
  const host = withoutBrackets(url.hostname)
  return isIP(host) !== 0 && !isPublicAddress(host) ? 'the address is not public' : null
}

/** An undici connector that checks the literal host and every address it resolves to, and connects to those only. */
export function guardedConnector(guard: GuardOptions): buildConnector.connector {
  const lookup = guard.lookup ?? lookupAll
  return (options, callback) => {
    checkedAddresses(options, guard, lookup).then(
      (addresses) => connectTo(addresses, guard.connectMs)(options, callback),
      (error: Error) => callback(error, null),
    )
  }
}

const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]

async function checkedAddresses(
  { protocol, hostname, port }: buildConnector.Options,
  { allowPrivate, connectMs }: GuardOptions,
  lookup: Lookup,
): Promise<ResolvedAddress[]> {
  const host = withoutBrackets(hostname)
  const family = isIP(host)
  const addresses = family ? [{ address: host, family }] : await lookupInTime(host, lookup, connectMs)
  if (isAllowed(protocol, hostname, port, allowPrivate)) return addresses
  // One private address among public ones is an attack or a mistake; neither is worth a connection.
  if (addresses.every(({ address }) => isPublicAddress(address))) return addresses
  throw new ForbiddenAddressError('the address is not public')
}

/** The answer to the lookup is the checked one, so a second resolution cannot give another; Host and SNI stay the name. */
function connectTo(addresses: ResolvedAddress[], timeout: number): buildConnector.connector {
  const [first] = addresses
  return buildConnector({
    timeout,
    allowH2: false,
    autoSelectFamily: true,
    lookup: (_hostname, options, done) =>
      options.all ? done(null, addresses) : done(null, first?.address ?? '', first?.family),
  })
}

async function lookupInTime(hostname: string, lookup: Lookup, ms: number): Promise<ResolvedAddress[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LookupError('the name was not resolved in time')), ms)
  })
  try {
    const addresses = await Promise.race([lookup(hostname), late])
    if (addresses.length === 0) throw new LookupError('the name has no address')
    return addresses
  } catch (cause) {
    throw cause instanceof LookupError ? cause : new LookupError('the name has no address', { cause })
  } finally {
    clearTimeout(timer)
  }
}

function isAllowed(protocol: string, hostname: string, port: string, allowPrivate: readonly string[]) {
  const host = isIP(hostname) === 6 ? `[${hostname}]` : hostname
  return allowPrivate.includes(`${host}:${port || (protocol === 'https:' ? 443 : 80)}`)
}

function withoutBrackets(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function lookupAll(hostname: string): Promise<ResolvedAddress[]> {
  return systemLookup(hostname, { all: true })
}
