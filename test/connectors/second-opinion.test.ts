import t from 'tap'
import { decodeDocument } from '../../connectors/decode.ts'
import { readWithRssParser } from '../../connectors/rss-parser-thread.ts'
import { compareReadings, type OtherItem } from '../../connectors/second-opinion.ts'
import { bytesOf, read, readText, rss } from './documents.ts'

// rss-parser reads a time without a zone in the machine's own.
process.env.TZ = 'UTC'

async function opinionOn(file: string): Promise<OtherItem[] | string> {
  const opinion = await readWithRssParser(decodeDocument(bytesOf(file), null).text, {
    milliseconds: 30_000,
    megabytes: 256,
  })
  return 'items' in opinion ? opinion.items : opinion.noOpinion
}

async function differencesIn(file: string): Promise<string[] | string> {
  const opinion = await opinionOn(file)
  return typeof opinion === 'string' ? opinion : compareReadings(read(file), opinion)
}

const plain = [
  'encoding/utf8-bom.xml',
  'encoding/utf16le-bom.xml',
  'encoding/windows-1252-declared.xml',
  'oddities/relative-link.rss.xml',
  'oddities/repeated-item.rss.xml',
  'oddities/organisation-category.rss.xml',
  'oddities/syndication-module.rdf',
  'rss1/feedback.rdf',
]

/** Where the two disagree, and why that is so. */
const known: { file: string; because: string; differences: string[] | string }[] = [
  {
    file: 'rss2/georss-stories.rss.xml',
    because: 'a guid that is a permanent link is also the link',
    differences: ['item 2: the links differ'],
  },
  {
    file: 'rss2/no-guid-bad-dates.rss.xml',
    because: 'ids are made up and told apart, and it does not know BST',
    differences: [
      'item 3: the ids differ',
      'item 4: the dates differ',
      'item 5: the ids differ',
      'item 6: the ids differ',
    ],
  },
  {
    file: 'rss2/malformed.rss.xml',
    because: 'it takes no malformed XML',
    differences: 'it cannot read the document',
  },
  {
    file: 'rss2/truncated.rss.xml',
    because: 'it takes no cut document',
    differences: 'it cannot read the document',
  },
]

for (const file of plain) {
  t.test(`two engines agree on ${file}`, async (t) => {
    const expected = file.includes('relative-link') ? ['item 1: the links differ'] : []
    t.same(await differencesIn(file), expected)
  })
}

for (const { file, because, differences } of known) {
  t.test(`two engines differ on ${file}: ${because}`, async (t) => {
    t.same(await differencesIn(file), differences)
  })
}

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
