import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { render } from './documents.ts'
import type { ProviderList, Random } from './world.ts'

/** Providers on this machine, at some addresses of its own; a request may meet a fault. */
export type Providers = {
  /** `host:port` of each. */
  hosts: string[]
  addressOf: (list: ProviderList) => string
  /** How many of a hundred requests meet a fault from now on. */
  fail: (percent: number) => void
  requests: () => number
  close: () => Promise<void>
}

const HOSTS = 16

export async function startProviders(world: readonly ProviderList[], random: Random): Promise<Providers> {
  const lists = new Map(world.map((list) => [list.name, list]))
  let percent = 0
  let requests = 0
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    requests++
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
    const list = lists.get(url.pathname.split('/')[1] ?? '')
    if (list === undefined) response.writeHead(410).end()
    else if (random() * 100 < percent) meetFault(list, url, response, random)
    else send(response, list, url)
  }
  const servers = await Promise.all(
    Array.from({ length: HOSTS }, (_, n) => listen(answer, `127.0.1.${n + 1}`)),
  )
  const hosts = servers.map((server) => {
    const { address, port } = server.address() as AddressInfo
    return `${address}:${port}`
  })
  return {
    hosts,
    addressOf: (list) => `http://${hosts[world.indexOf(list) % HOSTS]}/${list.name}${pathOf(list)}`,
    fail: (ofHundred) => {
      percent = ofHundred
    },
    requests: () => requests,
    async close() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      await Promise.all(servers.map((server) => once(server, 'close')))
    },
  }
}

function pathOf({ format }: ProviderList): string {
  return format === 'opinions' ? '/opinions' : format === 'comments' ? '' : '/feed'
}

async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  host: string,
): Promise<Server> {
  const server = createServer(answer).listen(0, host)
  await once(server, 'listening')
  return server
}

function send(response: ServerResponse, list: ProviderList, url: URL): void {
  const { type, body } = render(list, url)
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body)
}

/** What goes wrong with feeds: errors, silence, ends in the middle, and answers that are none. */
function meetFault(list: ProviderList, url: URL, response: ServerResponse, random: Random): void {
  const { type, body } = render(list, url)
  const half = body.slice(0, Math.floor(body.length * random()))
  const faults = [
    () => response.writeHead(500).end('<html>Error</html>'),
    () => response.writeHead(503, { 'retry-after': '1' }).end(),
    () => response.writeHead(429, { 'retry-after': '1' }).end(),
    () => response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Sorry</body></html>'),
    () => response.destroy(),
    () => setTimeout(() => response.destroy(), 300),
    // Cut off: once as a broken connection, once as a whole answer.
    () =>
      response
        .writeHead(200, { 'content-type': type, 'content-length': body.length })
        .write(half, () => response.destroy()),
    () => response.writeHead(200, { 'content-type': type }).end(half),
    () =>
      response
        .writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' })
        .end(gzipSync(body).subarray(0, 20)),
    () => response.writeHead(302, { location: url.href }).end(),
  ]
  faults[Math.floor(random() * faults.length)]?.()
}
