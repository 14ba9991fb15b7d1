import { rss } from './documents.ts'
import { fill, type HostileShape, many } from './hostile.ts'

/** XML that costs a careless reader dearly. */
export const hostileXml: HostileShape[] = [
  {
    connectors: ['feed'],
    name: 'attributes without end',
    make: (n) => rss(`<item${many(n, (i) => ` a${i}="1"`)}/>`),
  },
  {
    connectors: ['feed'],
    name: 'one attribute over and over',
    make: (n) => rss(`<item${fill(n, ' a="1"')}/>`),
  },
  { connectors: ['feed'], name: 'a huge attribute', make: (n) => rss(`<item a="${fill(n, '&amp;')}"/>`) },
  { connectors: ['feed'], name: 'an attribute without an end', make: (n) => rss(`<item a="${fill(n, '>')}`) },
  {
    connectors: ['feed'],
    name: 'a huge name',
    make: (n) => rss(`<item><${fill(n, 'n')}>x</${fill(n, 'n')}></item>`),
  },
  {
    connectors: ['feed'],
    name: 'huge names that do not match',
    make: (n) => rss(item(fill(n, `<${fill(1_000, 'n')}></b>`))),
  },
  {
    connectors: ['feed'],
    name: 'namespaces on one element',
    make: (n) => rss(`<item${many(n, (i) => ` xmlns:n${i}="u:${i}"`)}/>`),
  },
  {
    connectors: ['feed'],
    name: 'a namespace on each element',
    make: (n) => rss(item(many(n, (i) => `<x xmlns:n${i}="u:${i}"/>`))),
  },
  {
    connectors: ['feed'],
    name: 'another namespace on each item',
    make: (n) => rss(many(n, (i) => `<item xmlns:n${i}="u:${i}"><guid>${i}</guid></item>`)),
  },
  {
    connectors: ['feed'],
    name: 'another base on each element',
    make: (n) => atom(many(n, (i) => `<entry xml:base="${i}/"><id>${i}</id></entry>`)),
  },
  { connectors: ['feed'], name: 'names of one letter', make: (n) => rss(item(fill(n, '<a/>'))) },
  { connectors: ['feed'], name: 'a new name each time', make: (n) => rss(many(n, (i) => `<x${i}/>`)) },
  { connectors: ['feed'], name: 'open tags', make: (n) => rss(item(fill(n, '<p>'))) },
  {
    connectors: ['feed'],
    name: 'end tags that nothing opened',
    make: (n) => rss(item(`${fill(500, '<q>')}${fill(n, '</b>')}`)),
  },
  { connectors: ['feed'], name: 'open items', make: (n) => rss(fill(n, '<item>')) },
  { connectors: ['feed'], name: 'items of nothing', make: (n) => rss(fill(n, '<item/>')) },
  {
    connectors: ['feed'],
    name: 'items at the depth limit',
    make: (n) => rss(fill(n, `<item>${fill(150, '<a>')}</item>`)),
  },
  { connectors: ['feed'], name: 'a comment without an end', make: (n) => `<!--${fill(n, '<!--')}` },
  {
    connectors: ['feed'],
    name: 'a comment without an end in an item',
    make: (n) => rss(`<item><!--${fill(n, '--')}`),
  },
  { connectors: ['feed'], name: 'comments', make: (n) => `${fill(n, '<!---->')}${rss(item('x'))}` },
  { connectors: ['feed'], name: 'an instruction without an end', make: (n) => `<?x ${fill(n, '<? ')}` },
  { connectors: ['feed'], name: 'instructions', make: (n) => `${fill(n, '<?x?>')}${rss(item('x'))}` },
  {
    connectors: ['feed'],
    name: 'a DOCTYPE without an end',
    make: (n) => `<!DOCTYPE x [${fill(n, '<!ENTITY a "b">')}`,
  },
  { connectors: ['feed'], name: 'a DOCTYPE of brackets', make: (n) => `<!DOCTYPE x ${fill(n, '[')}` },
  { connectors: ['feed'], name: 'a DOCTYPE of open quotes', make: (n) => `<!DOCTYPE x [${fill(n, '"\'')}` },
  { connectors: ['feed'], name: 'DOCTYPEs', make: (n) => fill(n, '<!DOCTYPE x>') },
  {
    connectors: ['feed'],
    name: 'CDATA without an end',
    make: (n) => rss(`<item><title><![CDATA[${fill(n, ']]')}`),
  },
  { connectors: ['feed'], name: 'CDATA', make: (n) => rss(item(fill(n, '<![CDATA[x]]>'))) },
  { connectors: ['feed'], name: 'less-than signs', make: (n) => fill(n, '<') },
  { connectors: ['feed'], name: 'less-than signs in an item', make: (n) => rss(item(fill(n, '<'))) },
  { connectors: ['feed'], name: 'line ends', make: (n) => rss(item(fill(n, '\r'))) },
  { connectors: ['feed'], name: 'ampersands', make: (n) => rss(item(fill(n, '&'))) },
  { connectors: ['feed'], name: 'ampersands and one semicolon', make: (n) => rss(item(`${fill(n, '&')};`)) },
  { connectors: ['feed'], name: 'references to nothing', make: (n) => rss(item(fill(n, '&a;'))) },
  {
    connectors: ['feed'],
    name: 'a new reference each time',
    make: (n) => rss(many(n, (i) => item(`&n${i};`))),
  },
  {
    connectors: ['feed'],
    name: 'numbers of no character',
    make: (n) => rss(item(fill(n, '&#xD800;&#99999999;'))),
  },
  {
    connectors: ['feed'],
    name: 'references by name in an attribute',
    make: (n) => rss(`<item a="${fill(n, '&eacute;')}"/>`),
  },
  {
    connectors: ['feed'],
    name: 'a huge title',
    make: (n) => rss(`<item><guid>a</guid><title>${fill(n, 'word ')}</title></item>`),
  },
  {
    connectors: ['feed'],
    name: 'a title of tags that do not end',
    make: (n) => rss(`<item><guid>a</guid><title>${fill(n, '&lt;p ')}</title></item>`),
  },
  {
    connectors: ['feed'],
    name: 'titles of blanks',
    make: (n) => rss(fill(n, `<item><title>${fill(20_000, ' \n')}</title></item>`)),
  },
  {
    connectors: ['feed'],
    name: 'a huge date',
    make: (n) => rss(`<item><guid>a</guid><pubDate>${fill(n, '1 ')}</pubDate></item>`),
  },
  {
    connectors: ['feed'],
    name: 'huge dates',
    make: (n) => rss(fill(n, `<item><guid>a</guid><pubDate>${fill(60_000, 'Tue, 05 ')}</pubDate></item>`)),
  },
  {
    connectors: ['feed'],
    name: 'a huge link',
    make: (n) => rss(`<item><link>https://a.example/${fill(n, 'a/')}</link></item>`),
  },
  {
    connectors: ['feed'],
    name: 'huge links',
    make: (n) => rss(fill(n, `<item><link>https://a.example/${fill(60_000, '../')}</link></item>`)),
  },
  {
    connectors: ['feed'],
    name: 'a huge guid',
    make: (n) => rss(`<item><guid>${fill(n, 'g')}</guid></item>`),
  },
  {
    connectors: ['feed'],
    name: 'one guid for all',
    make: (n) => rss(many(n, (i) => `<item><guid>g</guid><title>${i}</title></item>`)),
  },
  {
    connectors: ['feed'],
    name: 'huge authors',
    make: (n) => rss(fill(n, `<item><author>${fill(60_000, '(')}</author></item>`)),
  },
  {
    connectors: ['feed'],
    name: 'categories',
    make: (n) => rss(`<item><guid>a</guid>${many(n, (i) => `<category>${i}</category>`)}</item>`),
  },
  {
    connectors: ['feed'],
    name: 'items of categories',
    make: (n) => rss(fill(n, `<item>${many(200_000, (i) => `<category>${i}</category>`)}</item>`)),
  },
  {
    connectors: ['feed'],
    name: 'categories of an entry',
    make: (n) => atom(`<entry><id>a</id>${many(n, (i) => `<category term="${i}"/>`)}</entry>`),
  },
  {
    connectors: ['feed'],
    name: 'groups of media',
    make: (n) => rss(fill(n, `<item>${fill(300, '<media:group>')}${fill(4_000, '<media:text/>')}</item>`)),
  },
  {
    connectors: ['feed'],
    name: 'huge positions',
    make: (n) => rss(fill(n, `<item><georss:point>${fill(60_000, '1 ')}</georss:point></item>`)),
  },
  { connectors: ['feed'], name: 'links of the head', make: (n) => atom(fill(n, '<link rel="x" href="y"/>')) },
  {
    connectors: ['feed'],
    name: 'an element of the head before each item',
    make: (n) => rss(fill(n, '<x/><item><guid>a</guid></item>')),
  },
  { connectors: ['feed'], name: 'words that are markup', make: (n) => rss(described(fill(n, '&lt;b&gt;'))) },
  {
    connectors: ['feed'],
    name: 'words that are half a tag',
    make: (n) => rss(fill(n, described(fill(60_000, '&lt;p a="')))),
  },
  {
    connectors: ['feed'],
    name: 'words that are half a comment',
    make: (n) => rss(fill(n, described(fill(60_000, '&lt;!--')))),
  },
  {
    connectors: ['feed'],
    name: 'words that are half a script',
    make: (n) => rss(fill(n, described(fill(60_000, '&lt;script&gt;')))),
  },
  {
    connectors: ['feed'],
    name: 'words that are references',
    make: (n) => rss(fill(n, described(fill(60_000, '&amp;amp')))),
  },
  {
    name: 'parts of a comment',
    connectors: ['nhs-choices'],
    make: (n) =>
      atom(
        fill(
          n,
          `<entry><id>1</id><postingorganisationid xmlns="http://syndication.nhschoices.nhs.uk/schemas/comments">0</postingorganisationid><category scheme="commentType" term="comment"/><content type="xhtml">${fill(100, '<div>')}${fill(4_000, '<div id="liked">x</div>')}</content></entry>`,
        ),
      ),
  },
]

function atom(entries: string): string {
  return `<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>${entries}</feed>`
}

function item(content: string): string {
  return `<item><guid>a</guid><x>${content}</x></item>`
}

function described(description: string): string {
  return `<item><guid>a</guid><description>${description}</description></item>`
}
