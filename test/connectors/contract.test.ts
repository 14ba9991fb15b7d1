import { spawnSync } from 'node:child_process'
import t from 'tap'
import { type Connector, connectorFor, connectorNames } from '../../connectors/connector.ts'
import { connectorFindings, documentFindings } from '../../connectors/contract.ts'
import { itemFindings } from '../../connectors/contract-items.ts'
import { feed } from '../../connectors/feed.ts'
import type { Item, Story } from '../../domain/items.ts'
import { documentsIn, feeds, rss, savedFolders, subjectOf } from './documents.ts'

for (const name of connectorNames()) {
  t.test(`the connector ${name} keeps its contract`, async (t) => {
    t.same(connectorFindings(connectorFor(name) as Connector, {}), [])
  })
}

for (const file of documentsIn(...savedFolders)) {
  t.test(`${file} is read as the contract says`, async (t) => {
    t.same(documentFindings(subjectOf(file), 50), [])
  })
}

const two = Buffer.from(
  rss('<item><guid>a</guid><title>A</title></item><item><guid>b</guid><title>B</title></item>'),
)

/** What the contract finds when a connector that is right is given one fault. */
function faulty(fault: Partial<Connector>): string[] {
  const connector = { ...feed, ...fault }
  return [...connectorFindings(connector, {}), ...documentFindings({ ...subjectOf('feed', two), connector })]
}

/** The reading of the true connector, changed. */
function changed(change: (item: Story, raw: string) => Item): Partial<Connector> {
  return {
    read: (document, settings, options) => {
      const read = feed.read(document, settings, options)
      if ('failure' in read) return read
      const entries = read.entries.map((entry) =>
        'item' in entry ? { ...entry, item: change(entry.item as Story, entry.raw) } : entry,
      )
      return { ...read, entries }
    },
  }
}

t.test('a connector without a fault has no findings', async (t) => {
  t.same(faulty({}), [])
})

t.test('a connector that throws is found', async (t) => {
  const throwing = () => {
    throw new RangeError('a text of somebody')
  }
  t.ok(faulty({ read: throwing }).includes('read throws RangeError'))
  t.ok(faulty({ readAgain: throwing }).includes('entry 1: readAgain throws RangeError'))
  t.ok(faulty({ firstRequest: throwing }).includes('firstRequest throws RangeError'))
  t.notMatch(faulty({ read: throwing, readAgain: throwing }), 'somebody')
})

t.test('a connector that reads the same bytes differently is found', async (t) => {
  let count = 0
  const fault = changed((item) => ({ ...item, title: `${item.title} ${count++}` }))
  t.ok(faulty(fault).includes('two readings differ'))
})

t.test('a connector that reads an entry differently alone is found', async (t) => {
  const fault = changed((item) => ({ ...item, title: `${item.title}!` }))
  t.ok(faulty(fault).includes('entry 1: readAgain gives another entry'))
})

t.test('a connector that makes items of half a document is found', async (t) => {
  const fault: Partial<Connector> = {
    read: (document, settings, options) => {
      const read = feed.read(document, settings, options)
      return 'failure' in read || read.complete ? read : { ...read, complete: true }
    },
  }
  const findings = faulty(fault).join('\n')
  t.match(findings, /^cut at byte \d+: called complete with entries missing$/m)
})

t.test('a connector that takes an error page for an empty feed with items is found', async (t) => {
  const { read } = feed
  const fault: Partial<Connector> = {
    read: (document, settings, options) =>
      read(
        { ...document, status: 200, bytes: document.bytes.length < 200 ? two : document.bytes },
        settings,
        options,
      ),
  }
  t.ok(faulty(fault).includes('an empty body with status 200: has entries'))
})

t.test('a connector that does not keep the limit of entries is found', async (t) => {
  const fault: Partial<Connector> = { read: (document, settings) => feed.read(document, settings) }
  t.ok(faulty(fault).includes('a limit of 1 entry is not kept'))
})

t.test('a connector that says what it cannot know is found', async (t) => {
  const listing = (complete: boolean): Partial<Connector> => ({
    read: (document, settings, options) => {
      const read = feed.read(document, settings, options)
      return 'failure' in read ? read : { ...read, complete, listsAll: true }
    },
  })
  t.ok(faulty(listing(false)).includes('listsAll: of a document that is not complete'))
  t.same(faulty({ maxAgeDays: 0 }), ['maxAgeDays: neither null nor a whole number above zero'])
})

t.test('a connector that gives two things one id is found', async (t) => {
  const fault = changed((item) => ({ ...item, externalId: 'same', link: `https://a.example/${item.title}` }))
  t.ok(faulty(fault).includes('2 items share one id and are not the same'))
})

const story: Story = {
  type: 'story',
  externalId: 'a',
  authorName: null,
  publishedAt: '2024-06-01T10:00:00Z',
  updatedAt: null,
  link: 'https://a.example/1',
  warnings: [],
  title: 'A title',
  text: 'Words.\n\nMore words.',
  organisations: [{ scheme: 'ods', code: 'XXX01' }],
  service: null,
  visitMonth: '2024-05',
  tags: ['kind'],
  ratings: [{ question: 'Overall', answer: null, value: 5, scale: { min: 1, max: 5, best: 'max' } }],
  position: null,
  language: 'cy',
}

t.test('an item that keeps the rules has no findings', async (t) => {
  t.same(itemFindings(story), [])
})

const faults: [object, string][] = [
  [{ externalId: ' ' }, 'externalId: empty'],
  [{ externalId: 'x'.repeat(401) }, 'externalId: longer than 400 characters'],
  [{ publishedAt: '2024-06-01T10:00:00+01:00' }, 'publishedAt: not RFC 3339 in UTC'],
  [{ publishedAt: '2024-02-30T10:00:00Z' }, 'publishedAt: not RFC 3339 in UTC'],
  [{ updatedAt: '1 June 2024' }, 'updatedAt: not RFC 3339 in UTC'],
  [{ link: 'javascript:alert(1)' }, 'link: no http address of its own, or with a password'],
  [{ link: 'https://me:secret@a.example/' }, 'link: no http address of its own, or with a password'],
  [{ text: 'A <b>word</b>' }, 'text: markup'],
  [{ text: 'A  word ' }, 'text: needless whitespace or control characters'],
  [{ title: 'Two\nlines' }, 'title: not plain text on one line'],
  [{ title: 'half \ud83d' }, 'U+0000 or half a character: it cannot be kept'],
  [{ authorName: 'x'.repeat(201) }, 'authorName: longer than 200 characters'],
  [{ visitMonth: '2024-5' }, 'visitMonth: not YYYY-MM'],
  [{ tags: ['a', 'a'] }, 'tags: one stands there twice'],
  [{ tags: [''] }, 'tags/0: empty'],
  [{ language: 'Welsh, I think' }, 'language: no BCP 47 tag'],
  [{ position: { latitude: 91, longitude: 0 } }, 'position: not on Earth'],
  [{ organisations: [{ scheme: 'name', code: 'A' }] }, 'organisations/0: neither ods nor source'],
  [{ ratings: [{ question: '', answer: null, value: 1, scale: null }] }, 'ratings/0: no question'],
  [{ extra: 1 }, 'extra: not known'],
  [{ type: 'comment' }, 'type: neither story, reply nor deletion'],
]

for (const [fault, finding] of faults) {
  t.test(`an item is found that has ${JSON.stringify(fault).slice(0, 60)}`, async (t) => {
    t.ok(itemFindings({ ...story, ...fault } as Item).includes(finding))
  })
}

t.test('a reply that answers itself is found', async (t) => {
  const { title, service, visitMonth, tags, ratings, position, language, ...core } = story
  const reply: Item = { ...core, type: 'reply', inReplyTo: 'a' }
  t.same(itemFindings(reply), ['inReplyTo: it answers itself'])
})

function check(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['connectors/check.ts', ...args], {
    cwd: new URL('../../', import.meta.url),
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

t.test('the command says one line a document, and ends well without findings', async (t) => {
  const file = new URL('care-opinion/opinions.json', feeds).pathname
  const page = new URL('care-opinion/error-200.html', feeds).pathname
  t.same(check('care-opinion', file, page), {
    status: 0,
    stdout: [
      `${file}: 2 stories, 0 replies, 0 deletions, 0 problems`,
      `${page}: not-a-feed, an HTML page`,
      'No findings.\n',
    ].join('\n'),
    stderr: '',
  })
})

t.test("the command reads a supplier's own connector and says what it finds", async (t) => {
  const module = new URL('supplier-connector.ts', import.meta.url).pathname
  const file = new URL('nhs-comments/comments.json', feeds).pathname
  const { status, stdout } = check(module, file, '--settings', '{}')
  t.equal(status, 1)
  t.match(stdout, '  supplier: settings: null is not refused')
  t.match(stdout, '  entry 1: publishedAt: not RFC 3339 in UTC')
  t.match(stdout, '  entry 1: text: needless whitespace or control characters')
  t.match(stdout, /\d+ findings\.\n$/)
})

t.test('the command helps whoever gives it nothing that it can check', async (t) => {
  t.match(check(), { status: 2, stderr: /npm run connector:check/ })
  t.match(check('no-such-connector', 'x'), { status: 2, stderr: /No connector and no file/ })
  t.match(check('connectors/text.ts', 'x'), { status: 2, stderr: /exports no connector/ })
  t.match(check('feed', 'no-such-file'), { status: 2, stderr: /ENOENT/ })
})
