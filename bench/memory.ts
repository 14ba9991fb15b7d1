import {
  cityBox,
  cityTile,
  cursorAt,
  many,
  nationalBox,
  requestsOf,
  type Sample,
  TERMS,
  type Term,
} from './asks.ts'
import { type Chance, chanceFrom, oneOf } from './chance.ts'
import { memoryOf } from './processes.ts'
import type { Reading } from './reading.ts'
import { plainRow, type Row } from './target-rows.ts'

const MOST_MEGABYTES = 300
const SLICES = 12

/** What a process of the API holds under everything at once, from its start: it must come to rest. */
export async function memoryRows(bench: Reading, sample: Sample): Promise<Row[]> {
  const server = await bench.server('ours')
  const chance = chanceFrom(2)
  const requests = requestsOf(
    many(20_000, () => oneOf(chance, ASKS)(chance, sample)),
    bench.headers,
  )
  const begin = memoryOf(server.pid).now
  const held: number[] = []
  for (let slice = 0; slice < SLICES; slice++) {
    await bench.load.run({
      port: server.port,
      requests,
      from: Math.floor((requests.length * slice) / SLICES),
      connections: 16,
      milliseconds: bench.pace.milliseconds * 2,
    })
    held.push(memoryOf(server.pid).now)
  }
  const { most } = memoryOf(server.pid)
  const half = held[SLICES / 2 - 1] as number
  const end = held.at(-1) as number
  return [
    plainRow(
      'memory of the API process, at most',
      megabytes(most),
      `< ${MOST_MEGABYTES} MB`,
      most < MOST_MEGABYTES * 1e6,
    ),
    plainRow('at the start, half way, at the end', [begin, half, end].map(megabytes).join(', ')),
    plainRow(
      'growth over the second half',
      `${(((end - half) / half) * 100).toFixed(0)} %`,
      'flat',
      end < half * 1.1,
    ),
  ]
}

const ASKS: ReadonlyArray<(chance: Chance, sample: Sample) => string> = [
  (chance, sample) => `/v1/cases?limit=100&after=${cursorAt(oneOf(chance, sample).id)}`,
  (chance, sample) => `/v1/cases/${oneOf(chance, sample).reference}`,
  (chance, sample) =>
    `/v1/cases?limit=20&q=${encodeURIComponent(TERMS[oneOf(chance, Object.keys(TERMS) as Term[])](chance, sample))}`,
  (chance) => `/v1/geo-feed?bbox=${cityBox(chance)}`,
  (chance) => `/v1/geo-feed?bbox=${nationalBox(chance)}`,
  (chance) => `/v1/clusters?zoom=8&bbox=${nationalBox(chance)}`,
  (chance) => cityTile(chance, 10),
  (chance) => cityTile(chance, 13),
]

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}
