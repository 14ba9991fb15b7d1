/**
 * Serves the form's page, and another page that embeds it, as any web server would: five files and a `config.json`.
 *
 *   npx node --env-file=.data/demo-keys examples/form/server.ts
 *
 * The key is publishable and works from registered origins only; the demonstration's works from http://localhost:8080.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export type FormServer = { url: string; close: () => Promise<void> }

/** What the form's page needs, the service's address and a publishable key; and what its host needs, the form's address. */
export type PageConfig = { url: string; key: string } | { form: string }

const TYPES: Readonly<Record<string, string>> = {
  'form.html': 'text/html; charset=utf-8',
  'embed.html': 'text/html; charset=utf-8',
  'form.css': 'text/css; charset=utf-8',
  'form.js': 'text/javascript; charset=utf-8',
  'fields.js': 'text/javascript; charset=utf-8',
}

/** Listens on 127.0.0.1, on any free port if none is named. */
export async function serveForm(config: () => PageConfig, port = 0): Promise<FormServer> {
  const server = createServer(async ({ url = '/' }, response) => {
    const name = url.slice(1).split('?')[0] ?? ''
    const type = TYPES[name]
    if (name === 'config.json') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(config()))
    } else if (type === undefined) response.writeHead(404).end()
    else response.setHeader('content-type', type).end(await readFile(join(import.meta.dirname, name)))
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
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', FORM_KEY: key = '' } = process.env
  await serveForm(() => ({ url, key }), 8080)
  await serveForm(() => ({ form: 'http://localhost:8080/form.html' }), 8081)
  const example = '?kind=concern&organisation=RJ101'
  console.log(`The form     http://localhost:8080/form.html${example}`)
  console.log(`In a page    http://localhost:8081/embed.html${example}`)
  console.log('Also: kind=question or feedback; organisation=XGP001 or XLA01. Ctrl-C ends it.')
}
