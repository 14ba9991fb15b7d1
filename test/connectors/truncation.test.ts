import fc from 'fast-check'
import t from 'tap'
import { bytesOf, documentsIn, itemsOf, readAny } from './documents.ts'

const documents = documentsIn('atom', 'encoding', 'jsonfeed', 'nhs-choices', 'oddities', 'rss1', 'rss2')

/** What an item is apart from how its id was told apart, which needs the others. */
function essence(file: string, bytes: Uint8Array): string[] {
  const reading = readAny(file, bytes)
  if ('failure' in reading) return []
  return itemsOf(reading).map((item) =>
    JSON.stringify({ ...item, externalId: item.externalId.split(' ')[0] }),
  )
}

for (const file of documents) {
  t.test(`${file} cut at any byte never throws and never invents items`, async () => {
    const bytes = bytesOf(file)
    const whole = essence(file, bytes)
    fc.assert(
      fc.property(fc.nat(bytes.length), (length) => {
        const cut = essence(file, bytes.subarray(0, length))
        return cut.length <= whole.length && cut.every((item, index) => item === whole[index])
      }),
      { numRuns: 150 },
    )
  })

  t.test(`${file} cut short is never called complete with items missing`, async () => {
    const bytes = bytesOf(file)
    const whole = readAny(file, bytes)
    const all = 'failure' in whole ? 0 : whole.entries.length
    fc.assert(
      fc.property(fc.nat(bytes.length), (length) => {
        const cut = readAny(file, bytes.subarray(0, length))
        return 'failure' in cut || !cut.complete || cut.entries.length === all
      }),
      { numRuns: 150 },
    )
  })
}

t.test('any bytes at all are a reading or a failure, never an exception', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readAny('feed', bytes)
      readAny('nhs-choices/x', bytes)
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
