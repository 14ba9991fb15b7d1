// Follows the change log in one way, in a process of its own: node bench/log-reader.ts <way>
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { clock } from './setting.ts'

export type Way = 'bare' | 'stream' | 'pages' | 'webhook'
/** The changes of cases that were heard of since the report before, in order, and when. */
export type ReadReport = { heard: Array<[reference: string, at: number]> }
type Line = { id: string; type: string; case: string }

const { BENCH_URL = '', BENCH_PORT = '' } = process.env
const PAGES_PAUSE_MS = 5
let heard: ReadReport['heard'] = []

const take = (line: Line): void => {
  if (line.type === 'case.changed') heard.push([line.case, clock()])
}

const ways: Record<Way, () => Promise<object>> = {
  async bare() {
    const client = new pg.Client({ connectionString: BENCH_URL })
    await client.connect()
    client.on('notification', ({ payload = '' }) => take(JSON.parse(payload)))
    await client.query('listen bench_bare')
    return {}
  },
  async stream() {
    let rest = ''
    await new Promise<void>((resolve) => {
      get(`http://127.0.0.1:${BENCH_PORT}/v1/events/stream`, (answer) => {
        answer.setEncoding('utf8').on('data', (part: string) => {
          const blocks = (rest + part).split('\n\n')
          rest = blocks.pop() ?? ''
          for (const block of blocks) {
            const data = block.indexOf('data: ')
            if (data >= 0) take(JSON.parse(block.slice(data + 6)))
          }
          resolve()
        })
      })
    })
    return {}
  },
  async pages() {
    const agent = new Agent({ keepAlive: true })
    const page = (after: string) =>
      new Promise<{ items: Line[]; next: string; more: boolean }>((resolve, reject) => {
        get(`http://127.0.0.1:${BENCH_PORT}/v1/events?limit=1000&after=${after}`, { agent }, (answer) => {
          let text = ''
          answer.setEncoding('utf8').on('data', (part: string) => {
            text += part
          })
          answer.on('end', () => resolve(JSON.parse(text)))
        }).on('error', reject)
      })
    let { next } = await page('end')
    const follow = async (): Promise<void> => {
      for (;;) {
        const read = await page(next)
        for (const line of read.items) take(line)
        next = read.next
        if (!read.more) await sleep(PAGES_PAUSE_MS)
      }
    }
    follow().catch((error) => {
      console.error(error)
      process.exit(1)
    })
    return {}
  },
  async webhook() {
    const server = createServer((request, answer) => {
      let text = ''
      request.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      request.on('end', () => {
        const { event } = JSON.parse(text).data
        if (event !== null) take(event)
        answer.writeHead(204).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { port: (server.address() as AddressInfo).port }
  },
}

process.on('disconnect', () => process.exit())
process.on('message', () => {
  process.send?.({ heard } satisfies ReadReport)
  heard = []
})
process.send?.(await ways[process.argv[2] as Way]())
