import iconv from 'iconv-lite'
import t from 'tap'
import { decodeDocument, storable } from '../../connectors/decode.ts'

const document = '<rss><title>Café “quoted” £5</title></rss>'

function decoded(bytes: Uint8Array, contentType: string | null = null) {
  const { text, encoding } = decodeDocument(bytes, contentType)
  return { text, encoding }
}

t.test('a byte order mark beats what HTTP says', async (t) => {
  const bytes = iconv.encode(document, 'utf-8', { addBOM: true })
  t.same(decoded(bytes, 'text/xml; charset=iso-8859-1'), { text: document, encoding: 'utf-8' })
})

t.test('UTF-16 is known by its bytes without a byte order mark, both ways round', async (t) => {
  for (const encoding of ['utf-16le', 'utf-16be']) {
    t.same(decoded(iconv.encode(document, encoding, { addBOM: false })), { text: document, encoding })
  }
})

t.test('UTF-16 with a byte order mark is read both ways round', async (t) => {
  for (const encoding of ['utf-16le', 'utf-16be']) {
    t.same(decoded(iconv.encode(document, encoding, { addBOM: true })), { text: document, encoding })
  }
})

t.test('the charset of HTTP beats the XML declaration', async (t) => {
  const text = '<?xml version="1.0" encoding="utf-8"?><rss>żółć</rss>'
  const bytes = iconv.encode(text, 'iso-8859-2')
  t.same(decoded(bytes, 'application/xml; charset="ISO-8859-2"'), { text, encoding: 'iso-8859-2' })
})

t.test('a declaration of UTF-16 that can be read byte by byte is wrong', async (t) => {
  const text = `<?xml version="1.0" encoding="utf-16"?>${document}`
  t.same(decoded(Buffer.from(text)), { text, encoding: 'utf-8' })
})

t.test('declared UTF-8 that is not falls back to the declaration, then to windows-1252', async (t) => {
  const text = `<?xml version="1.0" encoding="windows-1252"?>${document}`
  const bytes = iconv.encode(text, 'windows-1252')
  t.same(decoded(bytes, 'text/xml; charset=utf-8'), { text, encoding: 'windows-1252' })
  t.match(decodeDocument(bytes, 'text/xml; charset=utf-8').warnings, ['declared as utf-8, but is not'])
})

t.test('ISO-8859-1 is read as windows-1252, as every browser does', async (t) => {
  const bytes = iconv.encode(document, 'windows-1252')
  t.same(decoded(bytes, 'text/xml; charset=iso-8859-1'), { text: document, encoding: 'windows-1252' })
})

t.test('a charset that is none, or is another kind of coding, is passed over', async (t) => {
  for (const charset of ['klingon', 'base64', 'hex', 'utf-7']) {
    t.same(decoded(Buffer.from(document), `text/xml; charset=${charset}`), {
      text: document,
      encoding: 'utf-8',
    })
  }
})

t.test('a character cut in the middle at the end does not make UTF-8 something else', async (t) => {
  const bytes = Buffer.from('<rss><title>Café – naïve 😀')
  for (let cut = 1; cut < 4; cut++) t.equal(decoded(bytes.subarray(0, bytes.length - cut)).encoding, 'utf-8')
})

t.test('what PostgreSQL cannot hold is removed', async (t) => {
  t.equal(storable('a\0b'), 'ab')
  t.equal(storable('a\ud83d b \ude00'), 'a b ')
  t.equal(storable('😀'), '😀')
  t.equal(decoded(Buffer.from('<a>x\0y</a>')).text, '<a>xy</a>')
})
