// npm run bench:geo [-- <cases>] [--quick]: what a map asks for, of the whole stack over HTTP, beside what one would write
// by hand. Ratios are of one run.
import { cityBox, many, nationalBox, requestsOf } from './asks.ts'
import { chanceFrom } from './chance.ts'
import { alone, type Contender, compare, expectSame } from './compare.ts'
import { type Reading, reading } from './reading.ts'
import { printTable } from './setting.ts'
import { HEAD, latencyRow, type Row, rateRow } from './target-rows.ts'

const HOW_MANY = 4_000
const OPEN = '&status=open&status=in_progress'
const chance = chanceFrom(3)

await reading(async (bench) => {
  const rows = [
    ...(await cityPages(bench)),
    ...(await areas(bench)),
    ...(await sizes(bench)),
    ...(await clusters(bench)),
  ]
  printTable(HEAD, rows)
})

async function cityPages(bench: Reading): Promise<Row[]> {
  const boxes = many(HOW_MANY, () => cityBox(chance))
  const theirs = requestsOf(boxes.map((box) => `/geo?limit=100&bbox=${box}`))
  const contenders: Contender[] = [
    { name: 'ours', server: await bench.server('uncached'), requests: ours(bench, boxes) },
    { name: 'bare', server: await bench.server('bare'), requests: theirs },
    { name: 'prisma', server: await bench.server('prisma'), requests: theirs },
  ]
  await expectSame(contenders)
  const rounds = await compare(bench, contenders)
  return [
    rateRow('city box, newest 100', rounds, ['ours', 'bare'], { least: 1.3 }),
    rateRow('city box, newest 100', rounds, ['ours', 'prisma'], { least: 2.5 }),
  ]
}

/** The whole country beside a city, and what else a map is asked for. */
async function areas(bench: Reading): Promise<Row[]> {
  const server = await bench.server('uncached')
  const city = () => cityBox(chance)
  const country = () => nationalBox(chance)
  const page = (name: string, box: () => string, more = '') => ({
    name,
    server,
    requests: ours(bench, many(HOW_MANY, box), more),
  })
  const rounds = await compare(alone(bench), [
    page('city', city),
    page('country', country),
    page('open in a city', city, OPEN),
    page('open in the country', country, OPEN),
    page('lost property in a city', city, '&category=lostproperty'),
    page('lost property in the country', country, '&category=lostproperty'),
  ])
  return [
    latencyRow('national page, 99th percentile', rounds, ['country', 'city'], { share: 0.99, most: 1.1 }),
    ...[
      'open in a city',
      'open in the country',
      'lost property in a city',
      'lost property in the country',
    ].map((name) => latencyRow(`${name}, 99th percentile`, rounds, [name, 'city'], { share: 0.99 })),
  ]
}

/** The same city on ten times the cases. */
async function sizes(bench: Reading): Promise<Row[]> {
  const requests = ours(
    bench,
    many(HOW_MANY, () => cityBox(chance)),
  )
  const rounds = await compare(alone(bench), [
    { name: 'of all', server: await bench.server('uncached'), requests },
    { name: 'of a tenth', server: await bench.server('uncached', 'small'), requests },
  ])
  return [
    latencyRow(`city box among ten times the cases`, rounds, ['of all', 'of a tenth'], {
      share: 0.5,
      most: 1.5,
    }),
  ]
}

async function clusters(bench: Reading): Promise<Row[]> {
  const server = await bench.server('uncached')
  const clustersOf = (zoom: number, box: () => string) => ({
    name: `zoom ${zoom}`,
    server,
    requests: requestsOf(
      many(HOW_MANY, () => `/v1/clusters?zoom=${zoom}&bbox=${box()}`),
      bench.headers,
    ),
  })
  const rounds = await compare(alone(bench), [
    {
      name: 'city page',
      server,
      requests: ours(
        bench,
        many(HOW_MANY, () => cityBox(chance)),
      ),
    },
    clustersOf(5, () => nationalBox(chance)),
    clustersOf(11, () => cityBox(chance)),
  ])
  return [
    latencyRow('clusters of the country at zoom 5', rounds, ['zoom 5', 'city page'], { share: 0.5 }),
    latencyRow('clusters of a city at zoom 11', rounds, ['zoom 11', 'city page'], { share: 0.5 }),
  ]
}

function ours(bench: Reading, boxes: readonly string[], more = '') {
  return requestsOf(
    boxes.map((box) => `/v1/geo-feed?limit=100&bbox=${box}${more}`),
    bench.headers,
  )
}
