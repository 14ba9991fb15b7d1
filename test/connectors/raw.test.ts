import t from 'tap'
import { bytesOf, connectorOf, documentsIn, readAny, withoutPlace } from './documents.ts'

const documents = documentsIn(
  'atom',
  'attack',
  'encoding',
  'jsonfeed',
  'nhs-choices',
  'oddities',
  'rss1',
  'rss2',
)

for (const file of documents.filter((name) => !name.endsWith('.gz'))) {
  t.test(`each entry of ${file} can be read alone from its raw text`, async (t) => {
    const connector = connectorOf(file)
    const reading = readAny(file, bytesOf(file), { url: 'https://feedback.example/a/feed?apikey=KEY' })
    if ('failure' in reading) return
    for (const entry of reading.entries) {
      t.same(withoutPlace(connector.readAgain(entry.raw, {})), withoutPlace(entry))
    }
  })
}

t.test('raw text that is no entry is a problem, not an exception', async (t) => {
  for (const raw of ['', 'x', '<a/>', '{', '{}', '<rss/>']) {
    for (const file of ['feed', 'nhs-choices'])
      t.match(connectorOf(file).readAgain(raw, {}), { raw, problem: String })
  }
})
