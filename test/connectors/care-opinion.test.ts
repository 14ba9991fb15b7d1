import t from 'tap'
import { careOpinion } from '../../connectors/care-opinion.ts'
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
  storiesOf,
  storyAt,
} from './documents.ts'

const opinions = 'care-opinion/opinions.json'

function odd(name: string, settings: unknown = {}) {
  return read(`oddities/care-opinion-${name}`, { settings })
}

function ids(reading: ReturnType<typeof read>): string[] {
  return itemsOf(reading).map(({ externalId }) => externalId)
}

t.test('a story has its words, its time of publication, its page and its service', async (t) => {
  t.match(storyAt(read(opinions)), {
    externalId: '1200001',
    title: "Grandad's hip operation",
    text: 'The surgeon explained everything.\n\nWard 7 was spotless.',
    publishedAt: '2024-05-03T11:00:00Z',
    updatedAt: null,
    authorName: null,
    link: 'https://www.opinions.example/opinions/1200001',
    organisations: [
      { scheme: 'source', code: 'XXX01' },
      { scheme: 'ods', code: 'XXX01' },
    ],
    warnings: [],
  })
})

t.test('what looks like a tag and is none stays in the words', async (t) => {
  t.equal(storyAt(read(opinions), 1).text, 'Three years & still waiting <sigh>')
})

t.test('a first import asks from the beginning, page by page, with what the address holds', async (t) => {
  t.equal(
    careOpinion.firstRequest('https://www.opinions.example/api/v2/opinions?tag=diabetes', {}, null),
    'https://www.opinions.example/api/v2/opinions?tag=diabetes&skip=0&take=100',
  )
})

t.test('a poll asks for what was published since a day', async (t) => {
  t.equal(
    careOpinion.firstRequest(
      'https://www.opinions.example/api/v2/opinions?Take=50&skip=20',
      {},
      new Date('2024-03-01T23:30:00Z'),
    ),
    'https://www.opinions.example/api/v2/opinions?Take=50&skip=0&publishedafter=2024-03-01',
  )
})

t.test(
  'more than the provider gives in one page is not asked for: its answer would look short',
  async (t) => {
    const address = careOpinion.firstRequest(
      'https://www.opinions.example/api/v2/opinions?take=500',
      {},
      null,
    )
    t.match(address, /take=100/)
  },
)

t.test('a full page has a next one, a short one has none', async (t) => {
  const page = (query: string) =>
    read(opinions, { url: `https://www.opinions.example/api/v2/opinions?${query}` }).next
  t.equal(
    page('skip=4&take=2&publishedafter=2024-03-01'),
    'https://www.opinions.example/api/v2/opinions?skip=6&take=2&publishedafter=2024-03-01',
  )
  t.equal(page('take=2'), 'https://www.opinions.example/api/v2/opinions?take=2&skip=2')
  t.equal(page('skip=0&take=3'), null)
  t.equal(page('skip=0'), null)
})

t.test('responses do not count for a full page', async (t) => {
  const url = 'https://www.opinions.example/api/v2/opinions?skip=0&take=3'
  t.equal(read('oddities/care-opinion-responses.json', { url }).next, null)
})

t.test('an empty page is the end, and no failure', async (t) => {
  const asked = { connector: 'care-opinion', url: 'https://www.opinions.example/?skip=100&take=100' }
  t.match(readText('[]', asked), { entries: [], next: null, complete: true })
})

t.test('responses are replies of their own, with ids apart from those of stories', async (t) => {
  const reading = odd('responses.json')
  t.match(repliesOf(reading), [
    {
      externalId: 'response:1300001',
      inReplyTo: '1300001',
      text: 'Thank you for your story.',
      authorName: 'Sample Trust',
      publishedAt: '2024-06-02T08:30:00Z',
    },
    { externalId: 'response:1300003', inReplyTo: '1300001' },
  ])
  t.same(problemsOf(reading), ['entry 1, response 3: no id', 'entry 1, response 4: not an object'])
  t.equal(storiesOf(reading).length, 2)
})

t.test('a list of responses says itself what they answer', async (t) => {
  t.match(replyAt(odd('response-list.json')), { externalId: 'response:1370001', inReplyTo: '1200002' })
})

t.test('a restricted, withheld or removed story is a deletion, and its responses go with it', async (t) => {
  const reading = odd('restricted.json')
  t.same(deletedIn(reading), ['1310001', '1310002', '1310003', 'response:2'])
  t.match(itemsOf(reading)[0], { type: 'deletion', updatedAt: '2024-06-05T10:00:00Z' })
  t.same(
    storiesOf(reading).map(({ externalId }) => externalId),
    ['1310004', '1310006'],
  )
  t.same(
    repliesOf(reading).map(({ externalId }) => externalId),
    ['response:3'],
  )
})

t.test('a status that nobody knows is not taken for consent', async (t) => {
  t.same(problemsOf(odd('restricted.json')), ['entry 5: an unknown status'])
})

t.test('Markdown becomes plain text and loses nobody a word', async (t) => {
  t.equal(
    storyAt(odd('markdown.json')).text,
    [
      'The day',
      'I was really well looked after, see the leaflet.',
      '- quick\n- kind',
      'Come back any time',
      'It was not the f***ing wait, only 5 * 3 hours <sigh> *promise* at\u00a0A&E.\nsnake_case, don`t, a ward',
    ].join('\n\n'),
  )
})

t.test('tags are names, whichever way they are written, each once', async (t) => {
  t.same(storyAt(odd('services.json')).tags, ['staff attitude', 'parking'])
})

t.test("the provider's own id of a service comes before the ODS code, and no name is a key", async (t) => {
  t.same(storyAt(odd('services.json')).organisations, [
    { scheme: 'source', code: 'XXX01' },
    { scheme: 'ods', code: 'XXX01' },
    { scheme: 'source', code: 'XXX01_100' },
    { scheme: 'ods', code: 'XXX0A' },
    { scheme: 'source', code: 'XXX02 sub' },
  ])
})

t.test('a health service of the type service is the service', async (t) => {
  t.same(storyAt(odd('services.json')).service, { code: 'XXX02 sub', name: 'Physiotherapy' })
})

t.test('scores stay verbatim, and are no stars: the source says no ends', async (t) => {
  t.same(storyAt(odd('services.json')).ratings, [
    { question: 'How was it?', answer: 'Very good', value: 2, scale: null },
    { question: 'Anything else?', answer: null, value: null, scale: null },
  ])
})

t.test('a story without a service is about the organisation of the settings, if there is one', async (t) => {
  const organisation = { scheme: 'ods', code: 'XXX09' }
  t.same(storyAt(odd('services.json', { organisation }), 1).organisations, [organisation])
  t.same(storyAt(odd('services.json'), 1).organisations, [])
})

t.test('links under their newer names are the same links', async (t) => {
  t.match(storyAt(odd('links-renamed.json')), {
    link: 'https://www.opinions.example/opinions/1340001',
    organisations: [
      { scheme: 'source', code: 'XXX03' },
      { scheme: 'ods', code: 'XXX03' },
    ],
  })
})

t.test('an error among stories is set aside and stops none of them', async (t) => {
  const reading = odd('error-among-stories.json')
  t.same(problemsOf(reading), [
    'entry 1: not an object',
    'entry 2: it says nothing',
    'entry 3: not an object',
  ])
  t.same(ids(reading), ['1350002'])
})

t.test('a role is no name, and neither is an e-mail address', async (t) => {
  t.same(
    storiesOf(odd('authors.json')).map(({ authorName }) => authorName),
    [null, 'Sample Name', 'Someone', null, null],
  )
})

t.test('dates are UTC whatever their offset, and what is none is null with a warning', async (t) => {
  const stories = storiesOf(odd('dates.json'))
  t.same(
    stories.map(({ publishedAt }) => publishedAt),
    ['2024-05-02T01:30:00Z', null, '2024-05-01T09:12:00.500Z', null],
  )
  t.same(
    stories.map(({ warnings }) => warnings[0]),
    [
      'published: none that can be read, the submission is used',
      'published: not a possible date',
      'published: no time zone, taken as UTC',
      'published: not a date',
    ],
  )
})

t.test('an id too long to be exact is none: two stories would share it', async (t) => {
  const reading = odd('ids.json')
  t.same(ids(reading), ['1390002'])
  t.same(problemsOf(reading), ['entry 1: no id', 'entry 3: no id', 'entry 4: no id'])
})

t.test('fields that nobody knows are kept in the raw text, and no key is', async (t) => {
  const [entry] = odd('key.json').entries
  const raw = JSON.parse(entry?.raw ?? '')
  t.match(raw, { submissionRoute: 'kiosk', somethingNew: { deep: [1, 'two'] } })
  t.notMatch(entry?.raw, 'SECRET')
  t.equal(storyAt(odd('key.json')).link, 'https://www.opinions.example/opinions/1400001')
})

t.test('a story that comes twice is two states of one', async (t) => {
  t.same(ids(odd('repeated.json')), ['1410001', '1410001'])
})

t.test('a list under a name, and one story alone, are read as well', async (t) => {
  t.same(ids(odd('wrapped.json')), ['1420001'])
  t.same(ids(odd('one-alone.json')), ['1430001'])
})

t.test('an error page or text with status 200 is a failure, and so is any other status', async (t) => {
  for (const file of ['care-opinion/error-200.html', 'oddities/care-opinion-sorry.txt'])
    t.match(readAny(file, bytesOf(file)), { failure: 'not-a-feed' })
  t.match(readAny(opinions, bytesOf(opinions), { status: 404 }), { failure: 'not-a-feed' })
  t.match(readAny(opinions, Buffer.from('{"message":"no"}')), { failure: 'not-a-feed' })
})

t.test('a document cut off or empty is malformed, not short', async (t) => {
  const bytes = bytesOf(opinions)
  t.match(readAny(opinions, bytes.subarray(0, bytes.length - 1)), { failure: 'malformed' })
  t.match(readAny(opinions, Buffer.from('')), { failure: 'malformed' })
})

t.test('a document deeper than the bound fails, without a stack overflow', async (t) => {
  t.match(readAny(opinions, Buffer.from('['.repeat(200_000))), { failure: 'too-deep' })
})

t.test('a body beyond the bound is cut with a warning', async (t) => {
  const body = 'word '.repeat(60_000)
  const story = storyAt(readText(JSON.stringify([{ id: 1, body }]), { connector: 'care-opinion' }))
  t.ok(story.text.length <= 256 * 1024)
  t.match(story.warnings, ['body: cut at 262144 characters'])
})

t.test('a story beyond the bound is set aside, and stops none of the others', async (t) => {
  const stories = [
    { id: 1, title: 'a', tags: Array(300_000).fill('tag') },
    { id: 2, title: 'b' },
  ]
  const reading = readText(JSON.stringify(stories), { connector: 'care-opinion' })
  t.same(problemsOf(reading), ['entry 1: more than 1048576 characters'])
  t.same(ids(reading), ['2'])
})

t.test('settings may name the organisation and nothing else', async (t) => {
  t.same(careOpinion.settingsProblems({}), [])
  t.same(careOpinion.settingsProblems({ organisation: { scheme: 'ods', code: 'X' } }), [])
  t.same(careOpinion.settingsProblems({ idFrom: 'link' }), ['idFrom: not known'])
  t.same(careOpinion.settingsProblems({ key: 'x' }), ['key: not known'])
  t.same(careOpinion.settingsProblems(null), ['settings: not an object'])
})
