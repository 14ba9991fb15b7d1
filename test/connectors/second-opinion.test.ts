import t from 'tap'
import { decodeDocument } from '../../connectors/decode.ts'
import { readWithRssParser } from '../../connectors/rss-parser-thread.ts'
import { compareReadings } from '../../connectors/second-opinion.ts'
import { bytesOf, documentsIn, readAny, readText, rss, savedFolders } from './documents.ts'
import { knownDifferences } from './known-differences.ts'

// rss-parser reads a time without a zone in the machine's own.
process.env.TZ = 'UTC'

const documents = documentsIn(...savedFolders, 'attack').filter(isRss)

function isRss(file: string): boolean {
  return !file.endsWith('.gz') && /<(?:rss|rdf:RDF)[\s>]/.test(textOf(file))
}

function textOf(file: string): string {
  return decodeDocument(bytesOf(file), null).text
}

async function differencesIn(file: string): Promise<string[]> {
  const ours = readAny(file, bytesOf(file))
  if ('failure' in ours) return ['we cannot read the document']
  // No other document takes rss-parser more than a moment.
  const milliseconds = file === 'attack/redos-strip-html.xml' ? 2_000 : 30_000
  const opinion = await readWithRssParser(textOf(file), { milliseconds, megabytes: 256 })
  return 'items' in opinion ? compareReadings(ours, opinion.items) : [opinion.noOpinion]
}

for (const file of documents) {
  const known = knownDifferences.filter((difference) => difference.file === file)
  const causes = known.map(({ cause }) => cause).join('; ')
  const name =
    known.length === 0 ? `two readers agree on ${file}` : `two readers differ on ${file}: ${causes}`
  t.test(name, async (t) => {
    t.same(
      await differencesIn(file),
      known.flatMap(({ differences }) => differences),
    )
  })
}

t.test('every known difference is one in a saved document', async (t) => {
  const files = knownDifferences.map(({ file }) => file)
  t.same(
    files.filter((file) => !documents.includes(file)),
    [],
  )
})

t.test('a parser that takes too long is ended and has no opinion', async (t) => {
  const text = rss(`<item><description>${'&lt;p'.repeat(60_000)}</description></item>`)
  t.same(await readWithRssParser(text, { milliseconds: 300, megabytes: 256 }), {
    noOpinion: 'no answer in 300 ms',
  })
})

t.test('a parser that needs too much memory is ended and has no opinion', async (t) => {
  const text = rss('<item><guid>1</guid><title>a</title></item>'.repeat(60_000))
  t.match(await readWithRssParser(text, { milliseconds: 30_000, megabytes: 16 }), { noOpinion: /memory/ })
})

t.test('every kind of difference is told without anybody’s words', async (t) => {
  const ours = readText(
    rss(
      '<item><guid>a</guid><title>Secret words</title><pubDate>Tue, 05 Mar 2024 14:03:00 GMT</pubDate></item>',
    ),
  )
  const other = { id: 'b', title: 'x', link: 'https://a.example/', published: '2024-03-05T14:03:01.000Z' }
  t.same(compareReadings(ours, [other]), [
    'item 1: the ids differ',
    'item 1: the titles differ',
    'item 1: the links differ',
    'item 1: the dates differ',
  ])
  t.same(compareReadings(ours, []), ['we read 1 items, the other parser 0', 'item 1: only we read it'])
})
