import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from 'node:net'
import { createFetcher, type Fetcher, type FetcherOptions } from '../../net/fetch.ts'

export type Teardown = { teardown: (stop: () => Promise<unknown>) => unknown }

export type LocalServer = { url: string; authority: string; port: number }

/** An HTTP server on one of the machine's own addresses; the test stops it. */
export async function serve(t: Teardown, handler: RequestListener, host = nextHost()): Promise<LocalServer> {
  const server = createServer(handler)
  return listen(t, server, host, () => server.closeAllConnections())
}

/** A TCP server that says what the test wants, HTTP or not. */
export async function serveRaw(t: Teardown, talk: (socket: Socket) => void, host = nextHost()) {
  const sockets = new Set<Socket>()
  const server = createRawServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  })
  return listen(t, server, host, () => {
    for (const socket of sockets) socket.destroy()
  })
}

/** A fetcher that may call the given servers, without waiting between requests. */
export function fetcherFor(
  t: Teardown,
  servers: readonly { authority: string }[],
  options: Partial<FetcherOptions> = {},
): Fetcher {
  const fetcher = createFetcher({
    allowPrivate: servers.map(({ authority }) => authority),
    userAgent: 'CareConnectTest/1.0 (+https://care-connect.example/)',
    ...options,
    politeness: { gapMs: 0, ...options.politeness },
  })
  t.teardown(() => fetcher.close())
  return fetcher
}

let lastHost = 1

function nextHost(): string {
  lastHost = (lastHost % 250) + 1
  return `127.0.0.${lastHost}`
}

async function listen(t: Teardown, server: Server, host: string, dropConnections: () => void) {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  t.teardown(
    () =>
      new Promise((resolve) => {
        server.close(resolve)
        dropConnections()
      }),
  )
  const { port } = server.address() as AddressInfo
  const authority = `${host}:${port}`
  return { url: `http://${authority}`, authority, port }
}
