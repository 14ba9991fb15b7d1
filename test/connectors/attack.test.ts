import t from 'tap'
import { htmlToText } from '../../connectors/html-text.ts'
import { bytesOf, itemsOf, readAny, readText, rss, storyAt } from './documents.ts'

// Generous: quadratic work on these documents takes many times as long on any machine.
const bound = 2_000

function attack(file: string) {
  const started = performance.now()
  const reading = readAny(file, bytesOf(`attack/${file}`))
  return { reading, took: performance.now() - started }
}

function titleIn(file: string): string | null {
  const { reading } = attack(file)
  if ('failure' in reading) throw new Error(reading.detail)
  return storyAt(reading).title
}

t.test('entities that a DTD declares are never expanded', async (t) => {
  t.equal(titleIn('billion-laughs.xml'), '&a9;')
  t.ok((titleIn('quadratic-blowup.xml') ?? '').length < 100_000)
  t.ok(attack('quadratic-blowup.xml').took < bound)
})

t.test('external entities are neither read nor asked for', async (t) => {
  t.equal(titleIn('xxe-file.xml'), '&x;')
  t.equal(titleIn('xxe-http.xml'), '&x;')
  t.equal(titleIn('xxe-parameter-dtd.xml'), 'x')
})

t.test('a document that is too deep fails, without a stack overflow', async (t) => {
  const { reading, took } = attack('deep-100k.xml')
  t.match(reading, { failure: 'too-deep' })
  t.ok(took < bound)
})

t.test('JSON that is too deep fails, without a stack overflow', async (t) => {
  const text = `{"version":"https://jsonfeed.org/version/1","items":${'['.repeat(200_000)}`
  t.match(readAny('deep.json', Buffer.from(text)), { failure: 'too-deep' })
})

t.test('names from a feed never reach the prototype of objects', async (t) => {
  for (const file of ['proto-pollution.xml', 'proto-pollution.json']) {
    const { reading } = attack(file)
    t.equal('failure' in reading, false)
    t.equal(Reflect.get({}, 'polluted'), undefined)
  }
})

t.test('text that looks like the start of endless tags is read in linear time', async (t) => {
  t.ok(attack('redos-strip-html.xml').took < bound)
  const shapes = ['<b>', '<p', '&', '&amp', '<!--', '<a href="', '</p>', '<form>', '< ', '<svg><', ' \n']
  for (const shape of shapes) {
    const started = performance.now()
    htmlToText(shape.repeat(Math.ceil(256_000 / shape.length)))
    t.ok(performance.now() - started < bound, shape)
  }
})

t.test('many ampersands before one far semicolon are decoded in linear time', async (t) => {
  const started = performance.now()
  readText(rss(`<item><guid>a</guid><title>${'&'.repeat(400_000)};</title></item>`))
  t.ok(performance.now() - started < bound)
})

t.test('a flood of attributes is cut with a warning', async (t) => {
  const { reading, took } = attack('attr-flood.xml')
  if ('failure' in reading) throw new Error(reading.detail)
  t.match(itemsOf(reading)[0]?.warnings, ['more than 64 attributes on one element'])
  t.ok(took < bound)
})

t.test('nothing that runs, loads or sends is left of a hostile item', async (t) => {
  const { reading } = attack('xss.xml')
  if ('failure' in reading) throw new Error(reading.detail)
  const story = storyAt(reading)
  t.equal(story.text.replace(/\s+/g, ' '), 'ok ld')
  t.equal(story.title, null)
  t.equal(story.link, null)
})

t.test('CDATA without an end does not hang and invents nothing', async (t) => {
  const { reading, took } = attack('unclosed-cdata.xml')
  t.match(reading, { entries: [], complete: false })
  t.ok(took < bound)
})

t.test('an entry of nothing but elements keeps its text within the limit of elements', async (t) => {
  const reading = readText(
    rss(`<item><guid>a</guid><x>${'<y>1</y>'.repeat(20_000)}</x><title>t</title></item>`),
  )
  t.match(storyAt(reading).warnings, ['more than 10000 elements in one entry'])
})
