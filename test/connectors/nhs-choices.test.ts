import t from 'tap'
import { nhsChoices } from '../../connectors/nhs-choices.ts'
import {
  bytesOf,
  deletedIn,
  problemsOf,
  read,
  readAny,
  repliesOf,
  replyAt,
  storiesOf,
  storyAt,
} from './documents.ts'

const page1 = 'nhs-choices/comments-page1.atom.xml'
const oddities = 'oddities/nhs-oddities.atom.xml'

function odd() {
  return read(oddities, { connector: 'nhs-choices' })
}

t.test('a poll asks for what changed since a day, not zero-padded, with the key', async (t) => {
  const address = 'http://feedback.example/organisations/hospitals?apikey=K'
  const since = new Date('2024-03-01T23:30:00Z')
  t.equal(
    nhsChoices.firstRequest(address, {}, since),
    'http://feedback.example/organisations/hospitals/commentssince/2024/3/1.atom?apikey=K',
  )
})

t.test('a first import asks for all there is', async (t) => {
  t.equal(
    nhsChoices.firstRequest('http://feedback.example/organisations/gppractices/', {}, null),
    'http://feedback.example/organisations/gppractices/comments.atom',
  )
})

t.test('a reply belongs to what it says it answers, whatever its own id looks like', async (t) => {
  const replies = repliesOf(read(page1))
  t.match(replies, [
    { externalId: '0:900104R', inReplyTo: '0:900104' },
    { externalId: '0:780027R', inReplyTo: '0:487070' },
  ])
})

t.test('a reply to a comment of another posting organisation names that one', async (t) => {
  t.match(replyAt(odd(), 0), { externalId: '0:503R', inReplyTo: '15:498', text: 'Thank you.' })
})

t.test('a deletion names what was deleted', async (t) => {
  t.same(deletedIn(read(page1)), ['0:900050'])
})

t.test('the parts of a comment stand under a line that says which', async (t) => {
  t.equal(
    storiesOf(read(page1)).find(({ externalId }) => externalId === '0:900104')?.text,
    [
      'What I liked\nI was seen on time.',
      "What could be improved\nI felt rushed; nobody could find my notes & I wasn't told why.",
      'Anything else\nParking cost £6.40.',
    ].join('\n\n'),
  )
})

t.test('what stands beside the parts is not lost', async (t) => {
  t.equal(storyAt(odd(), 1).text, 'What I liked\nKind.\n\nAlso quick.')
})

t.test('a comment may be nothing but a rating', async (t) => {
  const story = storiesOf(read(page1)).find(({ externalId }) => externalId === '0:900103')
  t.match(story, { title: 'Rating without comment', text: '', visitMonth: null })
  t.equal(story?.ratings.length, 1)
})

t.test('a title that was escaped twice is unescaped twice', async (t) => {
  t.equal(storyAt(read('nhs-choices/comments-page2.atom.xml')).title, 'Long wait in A&E')
})

t.test(
  'a scale has its ends, Friends and Family is best at five, an overall rating is no score',
  async (t) => {
    const stories = storiesOf(read(page1))
    t.same(
      stories.flatMap(({ ratings }) => ratings.map(({ value, scale }) => [value, scale])),
      [
        [5, { min: 1, max: 5, best: 'max' }],
        [3, { min: 1, max: 5, best: 'max' }],
        [5, { min: 1, max: 5, best: 'max' }],
        [2, null],
        [3, { min: 1, max: 5, best: 'max' }],
      ],
    )
  },
)

t.test('a scale that the answers show to be reversed is best at one', async (t) => {
  const { ratings } = storyAt(read('oddities/nhs-reversed-ratings.atom.xml'))
  t.same(
    ratings.map(({ answer, value, scale }) => [answer, value, scale?.best]),
    [
      ['Extremely  likely', 1, 'min'],
      ['Unlikely', 4, 'min'],
      ['Neither likely nor unlikely', 3, 'max'],
      ['I would not recommend it', 2, undefined],
    ],
  )
})

t.test('an fh:complete says nothing of all there is', async (t) => {
  t.equal(read('oddities/complete.atom.xml', { connector: 'nhs-choices' }).listsAll, false)
})

t.test('questions and answers stay verbatim, and a value that is no number is none', async (t) => {
  t.same(storyAt(odd(), 1).ratings, [
    { question: 'Was The Clinic  staff polite', answer: 'always', value: 4, scale: null },
    { question: 'Phone access', answer: null, value: null, scale: { min: 1, max: 5, best: 'max' } },
  ])
})

t.test('the month of a visit is read when there is one', async (t) => {
  t.equal(storyAt(odd(), 1).visitMonth, '2023-12')
  const stories = storiesOf(read(page1))
  t.same(
    stories.map(({ visitMonth }) => visitMonth),
    ['2024-07', null, null],
  )
})

t.test('the service is its type and its name', async (t) => {
  t.same(storyAt(odd(), 1).service, { code: 'SRV0064', name: 'Physiotherapy' })
})

t.test(
  'the organisation is the provider’s own id first, with or without a query, then the ODS code',
  async (t) => {
    t.same(storyAt(odd(), 1).organisations, [
      { scheme: 'source', code: 'gppractices/41265' },
      { scheme: 'ods', code: 'Y00001' },
    ])
    t.same(storyAt(read(page1), 1).organisations, [
      { scheme: 'source', code: 'hospitals/70001' },
      { scheme: 'ods', code: 'XXX01' },
    ])
  },
)

t.test('the same id from two posting organisations is two items', async (t) => {
  const ids = storiesOf(odd()).map(({ externalId }) => externalId)
  t.same(ids, ['0:504', '15:504'])
})

t.test('bad entries are set aside with a reason and stop nothing', async (t) => {
  t.same(problemsOf(odd()), [
    'entry 1: no id',
    'entry 2: an unknown comment type',
    'entry 3: a reply that does not say to what',
  ])
})

t.test('a date that is none is null with a warning', async (t) => {
  const reply = replyAt(odd(), 0)
  t.equal(reply.publishedAt, null)
  t.match(reply.warnings, ['published: not a date'])
})

t.test('the key is in no item and no raw text, and stays in the next page', async (t) => {
  for (const [file, key] of [
    [oddities, 'SECRET'],
    [page1, 'apikey'],
  ] as const) {
    const reading = read(file, { connector: 'nhs-choices' })
    t.notMatch(JSON.stringify(reading.entries), key)
    t.match(reading.next, /\.atom\?apikey=/)
  }
})

t.test('404 means that there is nothing', async (t) => {
  const reading = readAny(oddities, bytesOf('oddities/error-page.html'), {
    connector: 'nhs-choices',
    status: 404,
  })
  t.match(reading, { entries: [], complete: true, next: null })
})

t.test('an HTML page with status 200 is a failure, and so is any other status', async (t) => {
  const page = bytesOf('oddities/error-page.html')
  t.match(readAny('x', page, { connector: 'nhs-choices' }), { failure: 'not-a-feed', detail: 'an HTML page' })
  t.match(readAny('x', page, { connector: 'nhs-choices', status: 403 }), { failure: 'not-a-feed' })
})

t.test('a feed of another format is no comments feed', async (t) => {
  const bytes = bytesOf('rss2/georss-stories.rss.xml')
  t.match(readAny('x', bytes, { connector: 'nhs-choices' }), { failure: 'not-a-feed' })
})

t.test('a next page that is this page is none', async (t) => {
  const url = 'http://feedback.example/organisations/gppractices/comments.atom?apikey=SECRET&page=2'
  const reading = read(oddities, { connector: 'nhs-choices', url })
  t.equal(reading.next, null)
  t.match(reading.warnings, ['the next page is this page'])
})

t.test('settings of any name are refused: there are none', async (t) => {
  t.same(nhsChoices.settingsProblems({}), [])
  t.same(nhsChoices.settingsProblems({ key: 'x' }), ['key: not known'])
  t.same(nhsChoices.settingsProblems(null), ['settings: not an object'])
})
