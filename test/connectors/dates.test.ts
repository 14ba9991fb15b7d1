import t from 'tap'
import { readDate } from '../../connectors/dates.ts'

const readable: [string, string][] = [
  ['2024-03-05T14:03:00Z', '2024-03-05T14:03:00Z'],
  ['2024-03-05t14:03:00z', '2024-03-05T14:03:00Z'],
  ['2024-07-09T09:42:30+01:00', '2024-07-09T08:42:30Z'],
  ['2024-03-05T14:03:00.678Z', '2024-03-05T14:03:00.678Z'],
  ['2024-03-05T14:03:00.1234567-0530', '2024-03-05T19:33:00.123Z'],
  ['2024-03-05 14:03:00 +01', '2024-03-05T13:03:00Z'],
  ['Tue, 05 Mar 2024 14:03:00 GMT', '2024-03-05T14:03:00Z'],
  ['Tue, 5 March 2024 9:03 UT', '2024-03-05T09:03:00Z'],
  ['05 Mar 24 14:03 EST', '2024-03-05T19:03:00Z'],
  ['Wed, 06 Mar 24 10:00 BST', '2024-03-06T09:00:00Z'],
  ['Thu, 01 Sept 2022 10:00:00 GMT+1', '2022-09-01T09:00:00Z'],
  ['Mon, 04 Mar 2024 09:00:00 +0100 (CET)', '2024-03-04T08:00:00Z'],
  ['01 Jan 99 00:00:00 GMT', '1999-01-01T00:00:00Z'],
  ['Thu, 29 Feb 2024 12:00:00 PDT', '2024-02-29T19:00:00Z'],
  ['  2024-03-05T14:03:00Z\n', '2024-03-05T14:03:00Z'],
]

for (const [text, date] of readable) {
  t.test(`"${text.trim()}" is read without a warning`, async (t) => {
    t.same(readDate(text), { date, warning: null })
  })
}

t.test('a time without a zone is taken as UTC, with a warning', async (t) => {
  t.match(readDate('2024-03-05 14:03'), { date: '2024-03-05T14:03:00Z', warning: /no time zone/ })
  t.match(readDate('Tue, 05 Mar 2024 14:03:00'), { date: '2024-03-05T14:03:00Z', warning: /no time zone/ })
  t.match(readDate('2024-03-05T14:03:00'), { date: '2024-03-05T14:03:00Z', warning: /no time zone/ })
})

t.test('a day without a time is midnight, with a warning', async (t) => {
  t.match(readDate('2024-03-05'), { date: '2024-03-05T00:00:00Z', warning: /no time of day/ })
})

t.test('a zone that nobody knows is taken as UTC, with a warning', async (t) => {
  t.match(readDate('05 Mar 2024 14:03:00 XYZ'), { date: '2024-03-05T14:03:00Z', warning: /XYZ not known/ })
})

t.test('what is ambiguous, impossible or no date is null, never a guess', async (t) => {
  const unreadable = [
    '05/03/2024',
    '03/05/2024 10:00',
    '01/04/2024 25:61',
    'Tuesday the fifth',
    'n/a',
    '',
    '2024-02-30T00:00:00Z',
    '2023-02-29',
    '2024-13-01',
    '2024-03-05T24:10:00Z',
    '2024-03-05T10:00:00+99:00',
    '0001-01-01T00:00:00',
    '31 Apr 2024 10:00:00 GMT',
    '05 Foo 2024 10:00:00 GMT',
    '1709647380',
    '2024',
    `${'1'.repeat(200)}`,
  ]
  for (const text of unreadable) {
    const { date, warning } = readDate(text)
    t.equal(date, null, text)
    t.type(warning, 'string')
  }
})
