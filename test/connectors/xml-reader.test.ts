import t from 'tap'
import { textOf, type XmlElement } from '../../connectors/xml-element.ts'
import { readXml, type XmlEntry, type XmlLimits } from '../../connectors/xml-reader.ts'

function entriesOf(text: string, limits: Partial<XmlLimits> = {}) {
  const entries: XmlEntry[] = []
  const reading = readXml(text, {
    isEntry: (_namespace, name) => name === 'e',
    onEntry: (entry) => entries.push(entry),
    base: null,
    limits,
  })
  return { entries, reading }
}

function only(text: string, limits: Partial<XmlLimits> = {}): XmlEntry {
  const [entry] = entriesOf(text, limits).entries
  if (!entry) throw new Error('no entry')
  return entry
}

function names(element: XmlElement): string[] {
  return element.children.flatMap((child) =>
    typeof child === 'string' ? [] : [`{${child.namespace}}${child.name}`],
  )
}

t.test('each element is in the namespace that is in force there', async (t) => {
  const { element } = only(
    '<d xmlns="urn:d" xmlns:p="urn:p"><e><a/><p:a/><a xmlns="urn:x"/><a xmlns=""/><a/></e></d>',
  )
  t.same(names(element), ['{urn:d}a', '{urn:p}a', '{urn:x}a', '{}a', '{urn:d}a'])
})

t.test('text, CDATA and elements keep their order', async (t) => {
  const { element } = only('<d><e><f>Hello <b>bold</b> w<![CDATA[<or>]]>ld<!-- no -->, more.</f></e></d>')
  t.equal(textOf(element), 'Hello bold w<or>ld, more.')
})

t.test('an entry read alone from its raw text is the same, and so is its raw text', async (t) => {
  const text = `<d xmlns="urn:d" xmlns:p="urn:&quot;p&quot;" xml:base="http://a.example/" xml:lang="en">
    <e p:x="1 &lt; 2 &amp; &quot;" xml:base="b/" xmlns:q="urn:q"><p:f>one<br>two</p:f><q:g>&unknown; & <b>x</e>
    <e/><e a="1">open</d>`
  const { entries } = entriesOf(text)
  t.equal(entries.length, 3)
  for (const entry of entries) {
    const again = only(entry.raw)
    t.same(again.element, entry.element)
    t.equal(again.raw, entry.raw)
  }
})

t.test('end tags that nothing opened are passed over', async (t) => {
  t.equal(textOf(only('<d><e>a</x></br>b</e></d>').element), 'ab')
})

t.test('a document without an end says so and keeps what is whole', async (t) => {
  const { entries, reading } = entriesOf('<d><e>1</e><e>2')
  t.equal(entries.length, 1)
  t.match(reading, { complete: false, warnings: ['the document is cut off in an entry'] })
})

t.test('what follows the end of the root is not read', async (t) => {
  const { entries, reading } = entriesOf('<d><e>1</e></d><d><e>2</e></d>')
  t.equal(entries.length, 1)
  t.match(reading, { complete: true })
})

t.test('the limit of depth fails the document', async (t) => {
  t.match(entriesOf('<d><e><f><g/></f></e></d>', { depth: 3 }).reading, { failure: 'too-deep' })
  t.match(entriesOf('<d><e><f><g/></f></e></d>', { depth: 4 }).reading, { complete: true })
})

t.test('a field that is too long is cut between characters, with a warning, the next is whole', async (t) => {
  const entry = only('<d><e><f>ab<i>cd</i>ef</f><g>12345</g><h>abc😀</h></e></d>', { text: 4 })
  t.equal(textOf(entry.element), 'abcd1234abc')
  t.same(entry.warnings, ['f: cut at 4 characters', 'g: cut at 4 characters', 'h: cut at 4 characters'])
})

t.test('at the limit of entries the reading stops, and lifting it reads all', async (t) => {
  const text = `<d>${'<e>x</e>'.repeat(5_001)}</d>`
  const { entries, reading } = entriesOf(text)
  t.equal(entries.length, 5_000)
  t.match(reading, { complete: false, warnings: ['more than 5000 entries: the rest is left'] })
  t.equal(entriesOf(text, { entries: Number.POSITIVE_INFINITY }).entries.length, 5_001)
})

t.test('too many namespaces on one element are left out, with a warning', async (t) => {
  const many = Array.from({ length: 40 }, (_, index) => ` xmlns:p${index}="urn:${index}"`).join('')
  const entry = only(`<d><e><f${many}><p3:x/><p39:x/></f></e></d>`)
  t.match(entry.warnings, ['more than 32 namespaces on one element'])
})

t.test('more elements than an entry may have become text', async (t) => {
  const entry = only('<d><e><f><g>1</g><g>2</g><g>3</g></f></e></d>', { elements: 2 })
  t.equal(textOf(entry.element), '123')
  t.match(entry.warnings, ['more than 2 elements in one entry'])
})

t.test('elements beyond the limit still close as they would within it', async (t) => {
  const entry = only(`<d><e><f>${'<p>x'.repeat(100)}</f></e></d>`, { elements: 2 })
  t.equal(textOf(entry.element), 'x'.repeat(100))
})

t.test('names and namespaces beyond what is remembered are still told apart', async (t) => {
  const many = Array.from({ length: 3_000 }, (_, index) => `<n${index}/><x xmlns="urn:${index}"/>`)
  const { element } = only(`<d xmlns="urn:d"><e>${many.join('')}</e></d>`)
  t.same(names(element).slice(-2), ['{urn:d}n2999', '{urn:2999}x'])
})

t.test('line ends of every kind are one', async (t) => {
  t.equal(textOf(only('<d><e>a\r\nb\rc</e></d>').element), 'a\nb\nc')
})

t.test('no element at all is no feed', async (t) => {
  for (const text of ['', '  ', 'only text', '<!DOCTYPE x [', '<?xml version="1.0"?>']) {
    t.match(entriesOf(text).reading, { failure: 'not-a-feed' })
  }
})
