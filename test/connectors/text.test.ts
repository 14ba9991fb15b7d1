import t from 'tap'
import { decodeEntities } from '../../connectors/entities.ts'
import { htmlToText } from '../../connectors/html-text.ts'
import { baseOfDocument, httpLink } from '../../connectors/links.ts'
import { oneLine, plainText, titleText } from '../../connectors/text.ts'

t.test('paragraphs are set apart by an empty line, breaks and list items by a line', async (t) => {
  t.equal(htmlToText('<p>One</p><p>Two<br>three</p>'), 'One\n\nTwo\nthree')
  t.equal(
    htmlToText('<p>Good:</p><ul><li>staff</li><li>food</li></ul>After'),
    'Good:\n\nstaff\nfood\n\nAfter',
  )
})

t.test('inline markup keeps the order of the text', async (t) => {
  t.equal(htmlToText('Hello <b>bold</b> world, <a href="x">more</a>.'), 'Hello bold world, more.')
})

t.test('whitespace of HTML is layout, of plain text is the writer’s', async (t) => {
  t.equal(htmlToText('<p>One\n  two</p>'), 'One two')
  t.equal(htmlToText('One\n\n\n\nTwo  three'), 'One\n\nTwo three')
  t.equal(plainText('  a \t b \r\n\r\n\r\n c\u0007 '), 'a b\n\nc')
  t.equal(oneLine(' a\n b '), 'a b')
})

t.test('what runs, loads or asks is dropped with what it holds', async (t) => {
  for (const html of [
    '<script>x</script>',
    '<style>x</style>',
    '<iframe>x</iframe>',
    '<form>x <input> <form>y</form> z</form>',
    '<svg><script>1</script><text>x</text></svg>',
    '<script/>',
    '<object><p>x</p></object>',
    '<!-- x -->',
    '<textarea>x</textarea>',
  ]) {
    t.equal(htmlToText(`before ${html}after`), 'before after', html)
  }
})

t.test('entities of HTML are decoded, with and without a semicolon', async (t) => {
  t.equal(htmlToText('Tea &amp; toast &mdash; &pound;2 &eacute &#8217;'), 'Tea & toast — £2 é ’')
})

t.test('a smaller-than sign in plain words loses nothing', async (t) => {
  t.equal(htmlToText('waited < 5 minutes'), 'waited < 5 minutes')
  t.equal(htmlToText('less <than five'), 'less <than five')
  t.equal(htmlToText('cut in a tag <img src='), 'cut in a tag')
})

t.test('a title loses tags that HTML knows and keeps what only looks like one', async (t) => {
  t.equal(titleText('No answer <again>'), 'No answer <again>')
  t.equal(titleText('<b>Very</b> good<br/>'), 'Very good')
})

t.test('references of XML and HTML are decoded once, anything else stays as written', async (t) => {
  t.equal(decodeEntities('&amp;amp; &lt;&gt;&quot;&apos;'), '&amp; <>"\'')
  t.equal(decodeEntities('&eacute;&nbsp;&NotEqualTilde;'), 'é\u00a0≂̸')
  t.equal(decodeEntities('&#65;&#x42;&#x1F600;'), 'AB😀')
  t.equal(
    decodeEntities('AT&T & x&y; &unknown; &notit; &; &#; &#xZZ;'),
    'AT&T & x&y; &unknown; &notit; &; &#; &#xZZ;',
  )
})

t.test('a reference to what cannot be stored becomes the replacement character', async (t) => {
  t.equal(decodeEntities('&#0;&#xD800;&#x110000;'), '\ufffd\ufffd\ufffd')
})

t.test('a link is an http address or nothing', async (t) => {
  t.equal(httpLink(' https://a.example/x ', null), 'https://a.example/x')
  t.equal(httpLink('b', 'https://a.example/x/y'), 'https://a.example/x/b')
  t.equal(httpLink('https://user:pass@a.example/', null), 'https://a.example/')
  for (const address of [
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://a.example/',
    'mailto:a@b.example',
    '',
    'b',
  ]) {
    t.equal(httpLink(address, null), null, address)
  }
})

t.test('the base of a document has neither its query nor credentials', async (t) => {
  t.equal(baseOfDocument('https://u:p@a.example/f?apikey=K#x'), 'https://a.example/f')
  t.equal(baseOfDocument('no address'), null)
})
