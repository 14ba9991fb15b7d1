/**
 * Serves a page with a map of a running service, as any web server would: its files, MapLibre's, and a `config.json`.
 *
 *   npx node examples/map/serve.ts
 *
 * Everything it shows is public, so it needs no key, and may stand at any address.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type MapServer = { url: string; close: () => Promise<void> }

const HERE = import.meta.dirname
const MAPLIBRE = dirname(fileURLToPath(import.meta.resolve('maplibre-gl')))
const HTML = 'text/html; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'

const FILES: Readonly<Record<string, { file: string; type: string }>> = {
  '/': { file: join(HERE, 'index.html'), type: HTML },
  '/map.css': { file: join(HERE, 'map.css'), type: CSS },
  '/map.js': { file: join(HERE, 'map.js'), type: SCRIPT },
  '/maplibre-gl/maplibre-gl.css': {
    file: join(MAPLIBRE, 'maplibre-gl.css'),
    type: CSS,
  },
  '/maplibre-gl/maplibre-gl.mjs': {
    file: join(MAPLIBRE, 'maplibre-gl.mjs'),
    type: SCRIPT,
  },
  '/maplibre-gl/maplibre-gl-worker.mjs': {
    file: join(MAPLIBRE, 'maplibre-gl-worker.mjs'),
    type: SCRIPT,
  },
}

/** Listens on 127.0.0.1, on any free port if none is named; `service` is the address of the API. */
export async function serveMap(service: string, port = 0): Promise<MapServer> {
  const server = createServer(async ({ url = '/' }, response) => {
    const path = url.split('?')[0] ?? '/'
    const found = FILES[path]
    if (path === '/config.json') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ url: service }))
    } else if (found === undefined) response.writeHead(404).end()
    else response.setHeader('content-type', found.type).end(await readFile(found.file))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000' } = process.env
  await serveMap(url, 8082)
  console.log('The map  http://localhost:8082/  Ctrl-C ends it.')
}
