// npm run bench:tiles [-- <cases>] [--quick]: vector tiles beside counting and fetching the same. Ratios are of one run.
import { drawTile } from '../domain/tiles.ts'
import { cityTile, many, requestsOf, tilePath } from './asks.ts'
import { chanceFrom } from './chance.ts'
import { type Contender, compare, compareHere } from './compare.ts'
import { type Reading, reading } from './reading.ts'
import { printTable } from './setting.ts'
import { HEAD, latencyRow, type Row, rateRow } from './target-rows.ts'
import { rowsOfTile } from './tile-rows.ts'

const HOW_MANY = 2_000
// Selects all; but what only a tile without a filter has is left out, so that both do the same.
const ALL_KINDS = '?kind=concern&kind=question&kind=feedback'
const chance = chanceFrom(4)

await reading(async (bench) => {
  const rows = [
    ...(await clusterTiles(bench, 4, 100)),
    ...(await clusterTiles(bench, 10, 12)),
    ...(await encoding(bench)),
    ...(await cached(bench)),
  ]
  printTable(HEAD, rows)
})

async function clusterTiles(bench: Reading, zoom: number, least: number): Promise<Row[]> {
  const server = await bench.server('uncached')
  const tiles = many(HOW_MANY, () => cityTile(chance, zoom))
  const live = tiles.map((path) => path.replace('/v1/tiles', '/cells').replace('.mvt', ''))
  const contenders: Contender[] = [
    {
      name: 'clusters',
      server,
      requests: requestsOf(
        tiles.map((path) => path + ALL_KINDS),
        bench.headers,
      ),
    },
    { name: 'whole tile', server, requests: requestsOf(tiles, bench.headers) },
    { name: 'live grouping', server: await bench.server('bare'), requests: requestsOf(live) },
  ]
  const rounds = await compare(bench, contenders)
  return [
    rateRow(`cluster tile at zoom ${zoom}`, rounds, ['clusters', 'live grouping'], { least }),
    rateRow(`the same with organisations and cases`, rounds, ['whole tile', 'live grouping']),
  ]
}

/** In this process, so that nothing but the encoding stands between the two. */
async function encoding(bench: Reading): Promise<Row[]> {
  const rows: Row[] = []
  for (const zoom of [6, 10, 12, 14]) {
    const tiles = many(HOW_MANY, () => addressOf(cityTile(chance, zoom)))
    const tileAt = (piece: number) => tiles[piece % tiles.length] as (typeof tiles)[number]
    const rounds = await compareHere(bench, [
      {
        name: 'tile',
        work: (piece) => drawTile(bench.db, tileAt(piece), { kind: ['concern', 'question', 'feedback'] }),
      },
      { name: 'array_agg', work: (piece) => rowsOfTile(bench.db, tileAt(piece)) },
    ])
    rows.push(latencyRow(`a tile at zoom ${zoom}`, rounds, ['tile', 'array_agg'], { share: 0.5, most: 2 }))
  }
  return rows
}

async function cached(bench: Reading): Promise<Row[]> {
  const path = tilePath(8, -0.12, 51.5)
  const rounds = await compare(bench, [
    { name: 'ours', server: await bench.server('ours'), requests: requestsOf([path], bench.headers) },
    { name: 'hello world', server: await bench.server('hello'), requests: requestsOf(['/hello']) },
  ])
  return [rateRow('cached tile', rounds, ['ours', 'hello world'], { least: 0.7 })]
}

function addressOf(path: string): { z: number; x: number; y: number } {
  const [z = 0, x = 0, y = 0] = (path.match(/\d+/g) ?? []).slice(1).map(Number)
  return { z, x, y }
}
