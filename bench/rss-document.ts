/** An invented RSS 2.0 document of so many stories about `organisations`, each of some 300 characters. */
export function rssDocument(
  items: number,
  organisations: readonly string[],
  salt = '',
  { first = FIRST, name = 'story' }: { first?: number; name?: string } = {},
): Buffer {
  const pieces = [
    '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>',
    `<title>Invented stories</title><link>https://stories.example/</link><generator>bench ${salt}</generator>`,
  ]
  for (let number = 0; number < items; number++) pieces.push(rssItem(number, organisations, { first, name }))
  pieces.push('</channel></rss>')
  return Buffer.from(pieces.join('\n'))
}

/** The same document with other words in every so many-th story. */
export function withChanges(document: Buffer, every: number): Buffer {
  let number = 0
  const text = document
    .toString('utf8')
    .replaceAll('The ward was quiet', (found) => (number++ % every === 0 ? 'The ward was busy' : found))
  return Buffer.from(text)
}

const FIRST = Date.UTC(2025, 0, 1)
const MINUTE = 60_000

function rssItem(
  number: number,
  organisations: readonly string[],
  { first, name }: { first: number; name: string },
): string {
  const code = organisations[number % organisations.length]
  const date = new Date(first + number * 7 * MINUTE).toUTCString()
  return `<item><guid isPermaLink="false">${name}-${number}</guid><title>Story ${number} (invented)</title>
<link>https://stories.example/${number}</link><pubDate>${date}</pubDate><dc:creator>Writer ${number % 977}</dc:creator>
<category domain="urn:ods">${code}</category><category>waiting</category>
<description>&lt;p&gt;The ward was quiet &amp;amp; the people were kind to us on visit ${number}.&lt;/p&gt;&lt;p&gt;We waited ${number % 90} minutes in a corridor, and nobody could say why; then a nurse came, explained what they were doing, and it went well. (Invented example, made for a benchmark.)&lt;/p&gt;</description></item>`
}
