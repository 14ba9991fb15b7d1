import t from 'tap'
import { connectorFor, connectorNames } from '../../connectors/connector.ts'
import { feed } from '../../connectors/feed.ts'
import {
  bytesOf,
  deletedIn,
  itemsOf,
  problemsOf,
  read,
  readAny,
  readText,
  repliesOf,
  replyAt,
  rss,
  storiesOf,
  storyAt,
} from './documents.ts'

function ids(file: string, settings: unknown = {}): string[] {
  return itemsOf(read(`oddities/${file}`, { settings })).map(({ externalId }) => externalId)
}

t.test('connectors are found by name, and only those', async (t) => {
  t.same(connectorNames(), ['feed', 'nhs-choices', 'nhs-comments', 'care-opinion'])
  for (const name of connectorNames()) t.equal(connectorFor(name)?.name, name)
  t.equal(connectorFor('constructor'), null)
})

t.test('only the provider of NHS Choices keeps a rule about age', async (t) => {
  t.same(
    connectorNames().map((name) => connectorFor(name)?.maxAgeDays),
    [null, 730, null, null],
  )
})

t.test('a feed is asked for as it is, whenever it was last read', async (t) => {
  t.equal(feed.firstRequest('https://a.example/f?x=1', {}, new Date(0)), 'https://a.example/f?x=1')
})

t.test('a prefix that was never declared means what feeds mean by it', async (t) => {
  t.match(storyAt(read('oddities/undeclared-prefix.rss.xml')), {
    title: 'Good ward',
    authorName: 'Jo',
    text: 'All was well.',
  })
})

t.test('an item that was not closed ends where the next one starts', async (t) => {
  t.match(storiesOf(read('oddities/unclosed-items.rss.xml')), [{ title: 'First' }, { title: 'Second' }])
})

t.test('a title that was not closed takes in what follows and loses none of it', async (t) => {
  t.match(storiesOf(read('oddities/unclosed-title.rss.xml')), [{ externalId: 'o1', title: 'Firsto2Second' }])
})

t.test('paragraphs that were not closed do not pile up', async (t) => {
  const { text } = storyAt(read('oddities/unclosed-paragraphs.rss.xml'))
  t.equal(text.split('\n\n').length, 70)
})

t.test('an item inside a DTD is no item, and a name is what HTML means by it', async (t) => {
  t.match(storiesOf(read('oddities/dtd-with-item.rss.xml')), [{ externalId: 'd1', title: 'Café &fake;' }])
})

t.test('words of a web server before the document do no harm', async (t) => {
  t.same(ids('text-before-prolog.rss.xml'), ['l1'])
})

t.test('a guid shared by items is told apart by its link', async (t) => {
  const reading = read('rss2/no-guid-bad-dates.rss.xml')
  t.same(
    itemsOf(reading)
      .map(({ externalId }) => externalId)
      .slice(4),
    ['dup https://feedback.example/d1', 'dup https://feedback.example/d2'],
  )
  t.match(reading.warnings, ['2 items share one id: told apart by their link'])
})

t.test('a guid and a link shared by items are told apart by what they say', async (t) => {
  const [first = '', second = ''] = ids('guids-and-links-shared.rss.xml')
  t.not(first, second)
  t.match(first, /^feedback https:\/\/trust.example\/feedback sha256:/)
})

t.test('the same item twice in a document is one thing', async (t) => {
  t.same(ids('repeated-item.rss.xml'), ['r1', 'r1'])
})

t.test('entries of Atom with one id are revisions of one thing', async (t) => {
  t.same(ids('revisions.atom.xml'), ['urn:1', 'urn:1'])
})

t.test('a source can say that its links are its ids', async (t) => {
  t.equal(
    ids('../rss2/georss-stories.rss.xml', { idFrom: 'link' })[0],
    'https://feedback.example/501?utm_source=rss&x=1',
  )
})

t.test('an id made from title and text is the same each time, and no other item’s', async (t) => {
  const words = (text: string) =>
    itemsOf(readText(rss(`<item><description>${text}</description></item>`)))[0]?.externalId
  t.equal(words('Kind.'), words('Kind.'))
  t.not(words('Kind.'), words('Slow.'))
})

t.test('an id that is too long ends in its hash', async (t) => {
  const idOf = (guid: string) =>
    itemsOf(readText(rss(`<item><guid>${guid}</guid></item>`)))[0]?.externalId ?? ''
  t.ok(idOf('x'.repeat(1_000)).length <= 400)
  t.not(idOf(`${'x'.repeat(999)}1`), idOf(`${'x'.repeat(999)}2`))
})

t.test('a link longer than a case can hold is none, with a warning, and names are cut', async (t) => {
  const link = `https://a.example/${'x'.repeat(2_000)}`
  const creators = '<dc:creator>Kim of the seventh ward</dc:creator>'.repeat(100)
  const story = storyAt(
    readText(rss(`<item><guid isPermaLink="false">a</guid><link>${link}</link>${creators}</item>`)),
  )
  t.match(story, { link: null, warnings: ['link: not an http address'] })
  t.equal(story.authorName?.length, 200)
})

t.test('the language of the channel is found behind items too, for those that follow', async (t) => {
  const item = (guid: string) => `<item><guid isPermaLink="false">${guid}</guid></item>`
  const reading = readText(rss(`${item('a')}<language>cy</language>${item('b')}<ttl>1</ttl>${item('c')}`))
  t.same(
    storiesOf(reading).map(({ language }) => language),
    [null, 'cy', 'cy'],
  )
})

t.test('an item with nothing in it is set aside and stops nothing', async (t) => {
  const reading = read('oddities/empty-item.rss.xml')
  t.same(problemsOf(reading), ['entry 1: no id, link, title or text'])
  t.match(storiesOf(reading), [{ externalId: 'e2' }])
})

t.test('an answer that does not say to what never passes for a story', async (t) => {
  const reading = read('oddities/reply-to-nothing.atom.xml')
  t.match(reading.entries, [
    { problem: 'in-reply-to names no entry', externalId: 'urn:1' },
    { item: { type: 'story' } },
  ])
})

t.test('an answer is a reply to the entry it names', async (t) => {
  t.match(replyAt(read('atom/full.atom.xml'), 1), {
    inReplyTo: 'tag:stories.example,2024:1',
    authorName: 'Sample Trust',
  })
})

t.test('a tombstone is a deletion with its time', async (t) => {
  const reading = read('atom/tombstones-archive.atom.xml')
  t.same(deletedIn(reading), ['urn:e:9'])
  t.match(itemsOf(reading)[0], { updatedAt: '2024-04-04T12:00:00Z' })
})

t.test('elements are known by namespace, not by prefix', async (t) => {
  t.match(storyAt(read('oddities/redeclared-default.atom.xml')), {
    title: 'Outer',
    text: 'Seen at once, thanks.',
  })
})

t.test('addresses and languages are those in force at the element', async (t) => {
  t.match(storiesOf(read('oddities/base-and-language.atom.xml')), [
    { link: 'https://base.example/one/two/three/page.html', language: 'cy' },
    { link: 'https://base.example/root.html', language: 'en' },
  ])
})

t.test('a relative link is relative to the document, and its channel gives the language', async (t) => {
  t.match(
    storyAt(read('oddities/relative-link.rss.xml', { url: 'https://trust.example/rss/all?apikey=K' })),
    {
      link: 'https://trust.example/rss/stories/1',
      language: 'cy',
    },
  )
})

t.test('an e-mail address and "Anonymous" are no names', async (t) => {
  t.same(
    storiesOf(read('oddities/email-author.rss.xml')).map(({ authorName }) => authorName),
    [null, null],
  )
})

t.test('RSS 0.91 is read', async (t) => {
  t.match(storyAt(read('oddities/rss091.rss.xml')), {
    title: 'Helpful porter',
    externalId: 'https://old.example/1',
  })
})

t.test('Atom 0.3 is read', async (t) => {
  const reading = read('oddities/atom03.atom.xml')
  t.equal(reading.title, 'Old & good')
  t.match(storyAt(reading), {
    link: 'https://old.example/03',
    text: 'On time.',
    publishedAt: '2004-05-01T08:00:00Z',
    updatedAt: '2004-05-02T09:00:00Z',
  })
})

t.test('RSS 0.92 is read: without guid, title and date an id is made, and the link is one', async (t) => {
  const reading = read('oddities/rss092.rss.xml')
  const [first, second] = storiesOf(reading)
  t.match(first, {
    externalId: /^sha256:/,
    title: null,
    text: 'The ward clerk found my lost letter.',
    publishedAt: null,
  })
  t.match(second, { externalId: 'https://old.example/92/2', title: 'Good soup', tags: ['Food'] })
})

t.test('RSS 0.90 is read', async (t) => {
  const reading = read('oddities/rss090.rdf')
  t.equal(reading.title, 'Oldest')
  t.match(storiesOf(reading), [
    { externalId: 'https://old.example/90/1', title: 'Lift works again' },
    { externalId: 'https://old.example/90/2', title: 'Signs are wrong' },
  ])
})

t.test('the modes of Atom 0.3 are read: as elements, escaped, and as base64', async (t) => {
  t.match(
    storiesOf(read('oddities/atom03-modes.atom.xml')).map(({ title, text }) => [title, text]),
    [
      ['Ward nine', 'Seen at once.\n\nThen home.'],
      ['A & E', 'Kind.\n\nQuick.'],
      ['Ward £5', 'Cafe was open.'],
      ['A picture', 'Of the garden.'],
    ],
  )
})

t.test('an author of JSON Feed 1.0 stands alone, beside an empty list too', async (t) => {
  t.same(
    storiesOf(read('oddities/json-feed-10.json')).map(({ authorName }) => authorName),
    ['Kim', 'Lee', null],
  )
})

t.test('the syndication module says how often to ask', async (t) => {
  t.equal(read('oddities/syndication-module.rdf').ttlMinutes, 720)
})

t.test('an organisation comes from a category or an element before that of the whole source', async (t) => {
  const settings = {
    organisation: { scheme: 'ods', code: 'ZZZ99' },
    organisationCategory: { domain: 'urn:ods', scheme: 'ods' },
    organisationElement: { namespace: 'urn:trust', name: 'site', scheme: 'source' },
  }
  const all = { scheme: 'ods', code: 'ZZZ99' }
  const [first, second] = storiesOf(read('oddities/organisation-category.rss.xml', { settings }))
  t.same(first?.organisations, [{ scheme: 'ods', code: 'XXX01' }, all])
  t.same(first?.tags, ['Parking'])
  t.same(second?.organisations, [{ scheme: 'source', code: '70001' }, all])
})

t.test('an extension of JSON Feed can hold the organisation', async (t) => {
  const settings = { organisationElement: { namespace: '_feedback', name: 'service', scheme: 'ods' } }
  t.same(storyAt(read('jsonfeed/v11.json', { settings })).organisations, [{ scheme: 'ods', code: 'XXX01' }])
})

t.test('a position that is none on earth is left out with a warning', async (t) => {
  const [first, second] = storiesOf(read('oddities/bad-position.rss.xml'))
  t.match(first, { position: null, warnings: ['position: not a latitude and longitude'] })
  t.same(second?.position, { latitude: 52.5, longitude: -1.9 })
})

t.test('a position is read in each of the three encodings, and its order is never guessed', async (t) => {
  const edinburgh = { latitude: 55.9533, longitude: -3.1883 }
  const manchester = { latitude: 53.4808, longitude: -2.2426 }
  const stories = storiesOf(read('oddities/positions.rss.xml'))
  t.same(Object.fromEntries(stories.map(({ externalId, position }) => [externalId, position])), {
    simple: { latitude: 51.5014, longitude: -0.1419 },
    gml: manchester,
    gml32: manchester,
    w3c: edinburgh,
    'w3c-point': edinburgh,
    swapped: { latitude: -2.2426, longitude: 53.4808 },
    nowhere: null,
    half: null,
  })
})

t.test('Media RSS stands in where an item has no title and no words, from its groups too', async (t) => {
  const words = (file: string) => storiesOf(read(`oddities/${file}`)).map(({ title, text }) => [title, text])
  t.same(words('media.rss.xml'), [
    ['A film of the new ward', 'Bright & quiet.'],
    ['Said in the group', 'What is said in it.'],
    ['Its own title', 'Its own words.'],
  ])
  t.same(words('media-without-slash.atom.xml'), [['Waiting room', 'Two hours <sigh>']])
})

t.test('answers and tombstones are read in RSS too', async (t) => {
  const reading = read('oddities/threading.rss.xml')
  t.match(repliesOf(reading), [
    { externalId: 'a1', inReplyTo: 's1', text: 'We are sorry.' },
    { externalId: 'a2', inReplyTo: 'https://feedback.example/s2' },
  ])
  t.same(deletedIn(reading), ['s0'])
  t.same(problemsOf(reading), ['entry 5: a deletion of nothing'])
})

t.test('a complete feed lists everything there is, with its next pages', async (t) => {
  const next = 'https://feedback.example/all?page=2'
  t.match(read('oddities/complete.atom.xml'), { listsAll: true, next })
  t.match(read('oddities/complete.rss.xml'), {
    listsAll: true,
    next,
    previousArchive: 'https://feedback.example/2023',
  })
  t.equal(read('atom/full.atom.xml').listsAll, false)
})

t.test('an archive is complete in itself and says nothing of the feed', async (t) => {
  t.equal(read('oddities/complete-archive.atom.xml').listsAll, false)
})

t.test('a complete feed of which a part was left does not list everything', async (t) => {
  const limits = { limits: { entries: 0 } }
  t.match(read('oddities/complete.atom.xml', { limits }), { listsAll: false, complete: false })
})

t.test('a next page that is this page is none', async (t) => {
  t.match(read('oddities/next-is-itself.atom.xml'), { next: null, warnings: ['the next page is this page'] })
})

t.test('JSON loses what cannot be stored, and entries that are no objects are set aside', async (t) => {
  const reading = read('oddities/control-characters.json')
  t.equal(reading.title, 'Odd characters')
  t.match(storyAt(reading), {
    externalId: 'c1',
    title: 'Bell and half',
    text: 'Zero in it',
    authorName: 'Kim',
  })
  t.same(problemsOf(reading), ['entry 2: no id, link, title or text'])
  t.equal(itemsOf(reading)[1]?.externalId, 'c1 https://feedback.example/2')
})

t.test('a page, another XML, broken JSON and a bad status are failures that say what they are', async (t) => {
  const of = (text: string, status = 200) => readAny('x', Buffer.from(text), { status })
  t.match(readAny('x', bytesOf('oddities/error-page.html')), {
    failure: 'not-a-feed',
    detail: 'an HTML page',
  })
  t.match(of('<inventory><item>1</item></inventory>'), { failure: 'not-a-feed' })
  t.match(of('{"items": ['), { failure: 'malformed' })
  t.match(of('{"items": []}'), { failure: 'not-a-feed' })
  t.match(of(rss(''), 500), { failure: 'not-a-feed', detail: 'status 500' })
  t.match(of(''), { failure: 'not-a-feed' })
})

t.test('a feed without items is an empty reading, not a failure', async (t) => {
  t.match(readText(rss('')), { entries: [], complete: true })
})

t.test('settings are checked field by field', async (t) => {
  t.same(feed.settingsProblems({}), [])
  t.same(feed.settingsProblems({ organisation: { scheme: 'ods', code: 'XXX01' }, idFrom: 'link' }), [])
  t.same(feed.settingsProblems([]), ['settings: not an object'])
  t.match(
    feed.settingsProblems({ colour: 1, organisation: { code: 'X' }, organisationCategory: {}, idFrom: 'x' }),
    [/^colour: not known/, /^organisation: needs/, /^organisationCategory: needs/, /^idFrom: /],
  )
  t.throws(() => read('rss2/malformed.rss.xml', { settings: { colour: 1 } }))
})
