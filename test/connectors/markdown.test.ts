import fc from 'fast-check'
import t from 'tap'
import { markdownToText } from '../../connectors/markdown.ts'

const examples: [string, string, string][] = [
  ['emphasis', '*a* **b** ***c*** _d_ __e__ ~~f~~ **_g_**', 'a b c d e f g'],
  ['emphasis with more words', 'so **very very** kind', 'so very very kind'],
  ['headings', '# One\n\n## Two ##\n\nThree\n=====', 'One\n\nTwo\n\nThree'],
  ['lists', '* a\n+ b\n- c\n1. d', '- a\n- b\n- c\n1. d'],
  ['quotations', '> > said\n> again', 'said\nagain'],
  ['rulers', 'a\n\n* * *\n\nb', 'a\n\nb'],
  [
    'links',
    '[the **page**](https://a.example/x "title") and <https://b.example/>',
    'the page and https://b.example/',
  ],
  ['images', '![a ward](x.png)', 'a ward'],
  ['escapes', '\\*not\\* \\[this\\](x)', '*not* [this](x)'],
  ['entities', 'A&amp;E &lt;b&gt; R&D', 'A&E <b> R&D'],
  ['tags that HTML knows', '<p>a<br>b</p>c', 'a\nb\n\nc'],
  ['breaks', 'a  \nb\r\nc', 'a\nb\nc'],
  ['stars within a word', 'f***ing s***', 'f***ing s***'],
  ['stars between numbers', '5*3 and 5 * 3*', '5*3 and 5 * 3*'],
  ['a star alone', 'great* food', 'great* food'],
  ['underscores in a word', 'a_b_c', 'a_b_c'],
  ['about', '~5 hours, ~10 beds~', '~5 hours, ~10 beds~'],
  ['a backtick for an apostrophe', 'don`t and won`t', 'don`t and won`t'],
  ['brackets that are no link', 'he [sic] (really) said', 'he [sic] (really) said'],
  ['an invented tag', 'waited <sigh> < 5 hours', 'waited <sigh> < 5 hours'],
  ['a hash that is no heading', 'bed #4', 'bed #4'],
  ['no emphasis over paragraphs', '*a\n\nb*', '*a\n\nb*'],
]

for (const [name, markdown, text] of examples) {
  t.test(`Markdown: ${name}`, async (t) => {
    t.equal(markdownToText(markdown), text)
  })
}

t.test('any text is converted without an exception, into plain text', async () => {
  const piece = fc.constantFrom(
    '*',
    '**',
    '_',
    '~~',
    '[',
    '](',
    ')',
    '(',
    '\\',
    '<',
    '>',
    '# ',
    '\n',
    ' ',
    'a',
    '&amp;',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = markdownToText(pieces.join(''))
      return text === text.trim() && !/\n{3}/.test(text)
    }),
    { numRuns: 1_000 },
  )
})

t.test('no shape of text takes more than linear time', async (t) => {
  const shapes = [
    '*',
    '* ',
    '*a',
    '*a ',
    '[',
    '[a](',
    '[](a[]()',
    '![',
    '](',
    '> ',
    '# #',
    '~~a',
    '\\',
    '\\*',
    '<',
    '<b',
    '- -',
    '_a_ ',
    '[x](a "',
    '\n\n*',
  ]
  for (const shape of shapes) {
    const started = performance.now()
    markdownToText(shape.repeat(Math.ceil(256_000 / shape.length)))
    t.ok(performance.now() - started < 2_000, shape)
  }
})
