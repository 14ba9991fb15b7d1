import t from 'tap'
import { rawFindings } from '../../connectors/contract.ts'
import { connectorOf, documentsIn, readAny, subjectOf } from './documents.ts'

const documents = documentsIn('attack')

for (const file of documents.filter((name) => !name.endsWith('.gz'))) {
  t.test(`each entry of ${file} can be read alone from its raw text`, async (t) => {
    const subject = subjectOf(file)
    const reading = readAny(file, subject.document.bytes, { url: subject.document.url })
    if ('failure' in reading) return
    t.same(rawFindings(subject, reading), [])
  })
}

t.test('raw text that is no entry is a problem, not an exception', async (t) => {
  for (const raw of ['', 'x', '<a/>', '{', '{}', '<rss/>']) {
    for (const file of ['feed', 'nhs-choices', 'nhs-comments', 'care-opinion'])
      t.match(connectorOf(file).readAgain(raw, {}), { raw, problem: String })
  }
})
