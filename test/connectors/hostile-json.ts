import { fill, type HostileShape, many } from './hostile.ts'

const connectors = ['feed', 'nhs-comments', 'care-opinion']

/** JSON that costs a careless reader dearly. */
export const hostileJson: HostileShape[] = [
  { connectors, name: 'brackets', make: (n) => fill(n, '[') },
  {
    connectors,
    name: 'brackets in a feed',
    make: (n) => `{"version":"https://jsonfeed.org/version/1.1","items":${fill(n, '[')}`,
  },
  {
    connectors,
    name: 'an object of many names',
    make: (n) =>
      `{"version":"https://jsonfeed.org/version/1.1","comments":[],"opinions":[],"items":[],${many(n, (i) => `"k${i}":1,`)}"z":1}`,
  },
  {
    connectors,
    name: 'an item of many names',
    make: (n) => listed(`{"id":1,${many(n, (i) => `"k${i}":1,`)}"z":1}`),
  },
  { connectors, name: 'numbers without an end', make: (n) => listed(`{"id":${fill(n, '9')}}`) },
  { connectors, name: 'items that are numbers', make: (n) => listed(`${fill(n, '1,')}1`) },
  {
    connectors,
    name: 'items of one id',
    make: (n) => listed(`${many(n, (i) => `{"id":"a","title":"${i}","commentId":1},`)}1`),
  },
  {
    connectors,
    name: 'a huge text',
    make: (n) =>
      listed(
        `{"id":"a","commentId":1,"content_html":"${fill(n, '<b>')}","body":"${fill(n, '*_')}","commentText":"${fill(n, ' ')}"}`,
      ),
  },
  {
    connectors,
    name: 'huge fields',
    make: (n) =>
      listed(
        `${fill(n, `{"id":"${fill(9_000, 'a')}","title":"${fill(9_000, '<p ')}","url":"https://a.example/${fill(9_000, '../')}","date_published":"${fill(9_000, '1 ')}","dateOfPublication":"${fill(9_000, '1 ')}"},`)}1`,
      ),
  },
  {
    connectors,
    name: 'a huge title',
    make: (n) => listed(`{"id":"a","commentId":1,"title":"${fill(n, '<p ')}","body":"x"}`),
  },
  {
    name: 'words of Markdown',
    connectors: ['care-opinion'],
    make: (n) => listed(`${fill(n, `{"id":"a","body":"${fill(60_000, '[a](*_~')}"},`)}1`),
  },
  {
    connectors,
    name: 'tags',
    make: (n) => listed(`{"id":"a","commentId":1,"title":"t","tags":[${many(n, (i) => `"${i}",`)}"z"]}`),
  },
  {
    connectors,
    name: 'authors',
    make: (n) => listed(`{"id":"a","commentId":1,"title":"t","authors":[${fill(n, '{"name":"K"},')}{}]}`),
  },
  {
    name: 'services',
    connectors: ['care-opinion'],
    make: (n) => listed(`{"id":"a","title":"t","healthservices":[${many(n, (i) => `{"id":"${i}"},`)}{}]}`),
  },
  {
    connectors,
    name: 'responses',
    make: (n) =>
      listed(
        `{"id":"a","commentId":1,"title":"t","responses":[${fill(n, '{"id":1},')}{}],"response":[${fill(n, '{"responseId":1},')}{}]}`,
      ),
  },
  {
    connectors,
    name: 'a key in each text',
    make: (n) => listed(`{"id":"a","commentId":1,"body":"${fill(n, '?apikey=x&amp;')}"}`),
  },
  { connectors, name: 'escaped quotes', make: (n) => `{"a":"${fill(n, '\\"')}` },
]

function listed(items: string): string {
  return `{"version":"https://jsonfeed.org/version/1.1","items":[${items}],"comments":[${items}],"opinions":[${items}]}`
}
