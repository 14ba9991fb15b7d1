import t from 'tap'
import { nhsComments } from '../../connectors/nhs-comments.ts'
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

const comments = 'nhs-comments/comments.json'

t.test('a comment has its words, times, page, organisation, department, month and rating', async (t) => {
  t.match(storyAt(read(comments)), {
    externalId: '5100001',
    title: 'Excellent maternity care',
    text: 'I was treated with kindness.\nThe midwife stayed with me all night.',
    authorName: 'Sample Mum',
    publishedAt: '2024-03-02T21:14:07Z',
    updatedAt: '2024-03-04T08:00:00Z',
    link: 'https://www.provider.example/services/hospital/sample/XXX01/ratings-and-reviews#review-5100001',
    organisations: [{ scheme: 'ods', code: 'XXX01' }],
    service: { code: null, name: 'Maternity services' },
    visitMonth: '2024-02',
    ratings: [{ question: 'Overall rating', answer: null, value: 5, scale: null }],
    warnings: [],
  })
})

t.test('a response is a reply of its own', async (t) => {
  t.match(replyAt(read(comments), 1), {
    externalId: 'response:5100002',
    inReplyTo: '5100001',
    text: 'Thank you.',
    authorName: 'Sample NHS Trust',
    publishedAt: '2024-03-04T08:00:00Z',
  })
})

t.test('a removed comment is a deletion under the id that it had, without its publisher', async (t) => {
  t.same(deletedIn(read(comments)), ['5100003'])
})

t.test('a character of two halves is kept whole, and Anonymous is no name', async (t) => {
  t.match(storiesOf(read(comments))[1], {
    text: 'Couldn’t park for 40 minutes \u{1f621} so missed my slot',
    authorName: null,
  })
})

t.test('a removed response goes alone, and a status that nobody knows is set aside', async (t) => {
  const reading = read('oddities/nhs-comments-removed.json')
  t.same(deletedIn(reading), ['5200001', 'response:5200004'])
  t.same(problemsOf(reading), ['entry 2: an unknown status'])
  t.match(repliesOf(reading), [{ externalId: 'response:5200005', inReplyTo: '5200003' }])
})

t.test('a comment may be nothing but its ratings, which stay verbatim', async (t) => {
  const reading = read('oddities/nhs-comments-ratings-only.json')
  t.match(storyAt(reading), { title: null, text: '', visitMonth: null, authorName: null })
  t.same(storyAt(reading).ratings, [
    { question: 'Overall rating', answer: null, value: 1, scale: null },
    { question: 'Was it clean?', answer: 'Always', value: null, scale: null },
  ])
  t.same(problemsOf(reading), ['entry 2: it says nothing'])
})

t.test('a text is no HTML: what looks like a tag stays', async (t) => {
  const story = storiesOf(read('oddities/nhs-comments-ratings-only.json'))[1]
  t.equal(story?.text, 'Waited <sigh> 3 hours\n\nThen fine.')
})

t.test('an error page, another list and a document cut off are failures', async (t) => {
  const bytes = bytesOf(comments)
  t.match(readAny(comments, bytesOf('care-opinion/error-200.html')), { failure: 'not-a-feed' })
  t.match(readAny(comments, bytesOf('care-opinion/opinions.json')), { failure: 'not-a-feed' })
  t.match(readAny(comments, bytes.subarray(0, 900)), { failure: 'malformed' })
  t.match(readAny(comments, bytes, { status: 500 }), { failure: 'not-a-feed' })
})

t.test('it is asked for as it is', async (t) => {
  t.equal(nhsComments.firstRequest('https://a.example/c?x=1', {}, new Date(0)), 'https://a.example/c?x=1')
})
