import t from 'tap'
import { parseCacheControl, parseHttpDate, parseRetryAfter } from '../../net/http-headers.ts'
import { redactUrl } from '../../net/redact-url.ts'

const NOW = new Date('2024-11-06T08:49:37Z')

t.test('an HTTP-date is read in its three forms and in no other', async (t) => {
  const dates = {
    'Sun, 06 Nov 1994 08:49:37 GMT': '1994-11-06T08:49:37.000Z',
    'Sunday, 06-Nov-94 08:49:37 GMT': '1994-11-06T08:49:37.000Z',
    'Wednesday, 06-Nov-30 08:49:37 GMT': '2030-11-06T08:49:37.000Z',
    'Sun Nov  6 08:49:37 1994': '1994-11-06T08:49:37.000Z',
    ' Thu, 29 Feb 2024 23:59:60 GMT ': '2024-02-29T23:59:59.000Z',
  }
  for (const [text, expected] of Object.entries(dates))
    t.equal(parseHttpDate(text, NOW)?.toISOString(), expected, text)
  const others = [
    '0',
    '-1',
    '',
    '2024-11-06T08:49:37Z',
    'Sun, 31 Feb 2024 08:00:00 GMT',
    'Sun, 06 Nox 1994 08:49:37 GMT',
  ]
  for (const text of [...others, 'Sun, 06 Nov 1994 08:49:37 BST', 'Sun, 06 Nov 1994 25:00:00 GMT']) {
    t.equal(parseHttpDate(text, NOW), null, text)
  }
})

t.test('Retry-After is a number of seconds or a date', async (t) => {
  const headers: [string | null, number | null][] = [
    ['120', 120],
    [' 0 ', 0],
    ['Wed, 06 Nov 2024 08:50:37 GMT', 60],
    ['Wed, 06 Nov 2024 08:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    ['1.5', null],
    [null, null],
  ]
  for (const [header, seconds] of headers) t.equal(parseRetryAfter(header, NOW), seconds, String(header))
})

t.test('Cache-Control gives its max-age and whether to keep at all', async (t) => {
  t.same(parseCacheControl('public, MAX-AGE="60", no-store'), { maxAge: 60, noCache: false, noStore: true })
  t.same(parseCacheControl('no-cache="set-cookie",s-maxage=9'), {
    maxAge: null,
    noCache: true,
    noStore: false,
  })
  t.same(parseCacheControl('max-age=-1'), { maxAge: null, noCache: false, noStore: false })
  t.equal(parseCacheControl(null), null)
})

t.test('a redacted URL keeps origin, path and parameter names only', async (t) => {
  const urls = {
    'https://user:pass@provider.example:8443/feed.atom?apikey=SECRET&page=2#part':
      'https://provider.example:8443/feed.atom?apikey&page',
    'http://provider.example/a?SECRET&=SECRET': 'http://provider.example/a?…&…',
    'http://provider.example': 'http://provider.example/',
    'data:text/plain,SECRET': 'data:',
    'not a URL?apikey=SECRET': '(not a URL)',
  }
  for (const [url, expected] of Object.entries(urls)) t.equal(redactUrl(url), expected)
})
