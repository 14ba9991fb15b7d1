// npm run bench:read [-- <cases>] [--quick]: lists, single cases, search, counts and what is known already, of the whole
// stack over HTTP, beside what one would write by hand. Ratios are of one run.
import { cursorAt, many, requestsOf, type Sample, sampleOf, TERMS, type Term } from './asks.ts'
import { chanceFrom, oneOf } from './chance.ts'
import { alone, type Contender, compare, expectSame, headerOf, type Server } from './compare.ts'
import type { LoadRequest } from './load.ts'
import { memoryRows } from './memory.ts'
import { type Reading, reading } from './reading.ts'
import { printTable } from './setting.ts'
import { HEAD, latencyRow, type Row, rateRow } from './target-rows.ts'

const HOW_MANY = 4_000
const chance = chanceFrom(1)

await reading(async (bench) => {
  const sample = await sampleOf(bench.db)
  const servers = {
    ours: await bench.server('ours'),
    uncached: await bench.server('uncached'),
    bare: await bench.server('bare'),
    prisma: await bench.server('prisma'),
    hello: await bench.server('hello'),
  }
  const all: Setting = { bench, sample, servers }
  const rows: Row[] = [
    ...(await lists(all)),
    ...(await singles(all)),
    ...(await pages(all)),
    ...(await searches(all)),
    ...(await counts(all)),
    ...(await known(all)),
    ...(await memoryRows(bench, sample)),
  ]
  printTable(HEAD, rows)
})

type Setting = {
  bench: Reading
  sample: Sample
  servers: Record<'ours' | 'uncached' | 'bare' | 'prisma' | 'hello', Server>
}

async function lists({ bench, sample, servers }: Setting): Promise<Row[]> {
  const cases = many(HOW_MANY, () => oneOf(chance, sample))
  const ours = cases.map(({ id }) => `/v1/cases?limit=100&after=${cursorAt(id)}`)
  const theirs = cases.map(({ id }) => `/cases?limit=100&after=${id}`)
  const contenders: Contender[] = [
    { name: 'ours', server: servers.uncached, requests: requestsOf(ours, bench.headers) },
    { name: 'bare', server: servers.bare, requests: requestsOf(theirs) },
    { name: 'prisma', server: servers.prisma, requests: requestsOf(theirs) },
  ]
  await expectSame(contenders)
  const rounds = await compare(bench, contenders)
  return [
    rateRow('list of 100 cases', rounds, ['ours', 'bare'], { least: 1.3 }),
    rateRow('list of 100 cases', rounds, ['ours', 'prisma']),
  ]
}

async function singles({ bench, sample, servers }: Setting): Promise<Row[]> {
  const cases = many(HOW_MANY, () => oneOf(chance, sample))
  const theirs = requestsOf(cases.map(({ reference }) => `/cases/${reference}`))
  const contenders: Contender[] = [
    {
      name: 'ours',
      server: servers.ours,
      requests: requestsOf(
        cases.map(({ reference }) => `/v1/cases/${reference}`),
        bench.headers,
      ),
    },
    { name: 'bare', server: servers.bare, requests: theirs },
    { name: 'prisma', server: servers.prisma, requests: theirs },
  ]
  await expectSame(contenders)
  const rounds = await compare(bench, contenders)
  return [
    rateRow('one case', rounds, ['ours', 'bare'], { least: 1 }),
    rateRow('one case', rounds, ['ours', 'prisma']),
  ]
}

async function pages({ bench, sample, servers }: Setting): Promise<Row[]> {
  const byAge = [...sample].sort((a, b) => a.id - b.id)
  const ask = (cases: Sample): LoadRequest[] =>
    requestsOf(
      cases.map(({ id }) => `/v1/cases?limit=100&after=${cursorAt(id)}`),
      bench.headers,
    )
  const tenth = Math.floor(byAge.length / 10)
  const rounds = await compare(alone(bench), [
    { name: 'deep page', server: servers.uncached, requests: ask(byAge.slice(tenth, 2 * tenth)) },
    { name: 'page near the first', server: servers.uncached, requests: ask(byAge.slice(-tenth)) },
  ])
  return [latencyRow('a page four years deep', rounds, ['deep page', 'page near the first'], { share: 0.5 })]
}

async function searches({ bench, sample, servers }: Setting): Promise<Row[]> {
  const names = Object.keys(TERMS) as Term[]
  const list = requestsOf(
    many(HOW_MANY, () => `/v1/cases?limit=20&after=${cursorAt(oneOf(chance, sample).id)}`),
    bench.headers,
  )
  const searchFor = (terms: readonly Term[]): LoadRequest[] =>
    requestsOf(
      many(HOW_MANY, () => {
        const words = TERMS[oneOf(chance, terms)](chance, sample)
        return `/v1/cases?limit=20&q=${encodeURIComponent(words)}`
      }),
      bench.headers,
    )
  const contenders: Contender[] = [
    { name: 'list of 20', server: servers.uncached, requests: list },
    { name: 'any', server: servers.uncached, requests: searchFor(names) },
    ...names.map((term) => ({ name: term, server: servers.uncached, requests: searchFor([term]) })),
  ]
  const rounds = await compare(alone(bench), contenders)
  return [
    latencyRow('search, any terms, 99th percentile', rounds, ['any', 'list of 20'], { share: 0.99, most: 5 }),
    ...names.map((term) =>
      latencyRow(`search, ${term}, 99th percentile`, rounds, [term, 'list of 20'], { share: 0.99 }),
    ),
  ]
}

async function counts({ bench, sample, servers }: Setting): Promise<Row[]> {
  const asks: Record<string, string> = {
    all: '/v1/case-counts?by=status',
    region: '/v1/case-counts?region=London&status=open&status=in_progress',
    words: '/v1/case-counts?q=',
  }
  const contenders = Object.entries(asks).map(([name, path]) => ({
    name,
    server: servers.uncached,
    requests: requestsOf(
      many(200, () =>
        path.endsWith('=') ? path + TERMS['two words'](chance, sample).replaceAll(' ', '+') : path,
      ),
      bench.headers,
    ),
  }))
  const list = requestsOf(
    many(HOW_MANY, () => `/v1/cases?limit=20&after=${cursorAt(oneOf(chance, sample).id)}`),
    bench.headers,
  )
  const rounds = await compare(alone(bench), [
    { name: 'list of 20', server: servers.uncached, requests: list },
    ...contenders,
  ])
  return [
    latencyRow('all cases by status, counted', rounds, ['all', 'list of 20'], { share: 0.5 }),
    latencyRow('open cases of a region, counted', rounds, ['region', 'list of 20'], { share: 0.5 }),
    latencyRow('cases with two words, counted', rounds, ['words', 'list of 20'], { share: 0.5 }),
  ]
}

/** What was answered before: by its ETag, and from the bodies that are kept. */
async function known({ bench, servers }: Setting): Promise<Row[]> {
  const path = '/v1/cases?limit=100'
  const hello = { name: 'hello world', server: servers.hello, requests: requestsOf(['/hello']) }
  const etag = await headerOf(servers.ours, requestsOf([path], bench.headers)[0] as LoadRequest, 'etag')
  const unchanged = {
    name: 'ours',
    server: servers.ours,
    requests: requestsOf([path], { ...bench.headers, 'if-none-match': etag }),
    status: 304,
  }
  const body = { name: 'ours', server: servers.ours, requests: requestsOf([path], bench.headers) }
  const pair: readonly [string, string] = ['ours', 'hello world']
  return [
    rateRow('304', await compare(bench, [unchanged, hello]), pair, { least: 0.7 }),
    rateRow('cached list of 100 cases', await compare(bench, [body, hello]), pair, { least: 0.4 }),
  ]
}
