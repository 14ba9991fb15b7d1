import fc from 'fast-check'
import t from 'tap'
import { cutFindings } from '../../connectors/contract.ts'
import { documentsIn, readAny, savedFolders, subjectOf } from './documents.ts'

const documents = documentsIn(...savedFolders)

for (const file of documents) {
  t.test(`${file} cut at any byte never throws, invents items or hides that some are missing`, async () => {
    const subject = subjectOf(file)
    const whole = readAny(file, subject.document.bytes, { url: subject.document.url })
    fc.assert(
      fc.property(
        fc.nat(subject.document.bytes.length),
        (length) => cutFindings(subject, whole, length).length === 0,
      ),
      { numRuns: 150 },
    )
  })
}

t.test('any bytes at all are a reading or a failure, never an exception', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readAny('feed', bytes)
      readAny('nhs-choices/x', bytes)
      readAny('nhs-comments/x', bytes)
      readAny('care-opinion/x', bytes)
      return true
    }),
  )
})

t.test('any order of tags and texts is a reading or a failure, never an exception', async () => {
  const piece = fc.constantFrom(
    '<rss>',
    '<channel>',
    '<item>',
    '</item>',
    '<guid>g',
    '</guid>',
    '<p>',
    '<br>',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<!DOCTYPE x [',
    ']>',
    '&amp;',
    '&',
    ';',
    '<a b=',
    '"',
    "'",
    '>',
    '/>',
    '</',
    ' xmlns="urn:x"',
    '</rss>',
    'text',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      readAny('feed', Buffer.from(pieces.join('')))
      return true
    }),
  )
})
