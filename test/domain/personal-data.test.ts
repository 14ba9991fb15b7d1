import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import {
  findPersonalData,
  type PersonalDataKind,
  type PersonalSpan,
  personalDataIn,
} from '../../domain/personal-data.ts'
import { editProblems } from '../../domain/text-edits.ts'

/*
 * The golden set is in personal-data/: texts, all invented, in which `{kind:words}` marks what is to be found. A span is
 * right when kind and both ends are.
 */

const AT = new Date('2026-11-26T12:00:00Z')
const FOLDER = new URL('./personal-data/', import.meta.url)
const MARK = /\{([a-z_]+):([^}]*)\}/g

type Marked = { text: string; spans: string[] }

/** What may not be missed, and what may be found wrongly, of all. */
const floors: Record<PersonalDataKind, { recall: number; precision: number }> = {
  phone: { recall: 0.98, precision: 0.98 },
  email: { recall: 0.98, precision: 0.98 },
  nhs_number: { recall: 0.98, precision: 0.98 },
  postcode: { recall: 0.98, precision: 0.98 },
  date_of_birth: { recall: 0.95, precision: 0.95 },
  address: { recall: 0.95, precision: 0.95 },
  name: { recall: 0.9, precision: 0.95 },
}

t.test('what is personal in the golden set is found, and nothing else is', async (t) => {
  const files = readdirSync(FOLDER).sort()
  const marked = files.flatMap((file) =>
    textsIn(file).map((one) => ({ ...one, clean: file === 'clean.json' })),
  )
  const clean = marked.filter((one) => one.clean)
  t.ok(marked.length >= 200, `${marked.length} texts`)
  t.ok(clean.length >= 50, `${clean.length} clean ones`)
  t.same(
    clean.filter(({ spans }) => spans.length > 0),
    [],
    'the clean ones have no mark',
  )
  const counts = new Map<string, { right: number; missed: string[]; wrong: string[] }>()
  for (const { text, spans } of marked) {
    const found = findPersonalData(text, AT).map((span) => written(text, span))
    for (const kind of Object.keys(floors)) {
      const count = counts.get(kind) ?? { right: 0, missed: [], wrong: [] }
      const isOfKind = (span: string): boolean => span.startsWith(`${kind} `)
      count.right += spans.filter((span) => isOfKind(span) && found.includes(span)).length
      count.missed.push(...spans.filter((span) => isOfKind(span) && !found.includes(span)))
      count.wrong.push(...found.filter((span) => isOfKind(span) && !spans.includes(span)))
      counts.set(kind, count)
    }
  }
  for (const [kind, floor] of Object.entries(floors)) {
    const { right = 0, missed = [], wrong = [] } = counts.get(kind) ?? {}
    const recall = right / (right + missed.length)
    const precision = right / (right + wrong.length)
    t.comment(
      `${kind}: recall ${recall.toFixed(3)} (${right} of ${right + missed.length}), precision ${precision.toFixed(3)}`,
    )
    t.ok(recall >= floor.recall, `${kind}: recall ${recall}`, { missed })
    t.ok(precision >= floor.precision, `${kind}: precision ${precision}`, { wrong })
  }
})

t.test('how sure a span is goes by how it is written and what stands beside it', async (t) => {
  const told: ReadonlyArray<readonly [text: string, ...spans: string[]]> = [
    ['Ring 07700 900123.', 'phone high 07700 900123'],
    ['Ring 0300 790 0123.', 'phone low 0300 790 0123'],
    ['999 012 3454', 'nhs_number high 999 012 3454'],
    ['seen 9990123454 there', 'nhs_number medium 9990123454'],
    ['NHS 9990123454', 'nhs_number high 9990123454'],
    ['M99 1ZZ', 'postcode high M99 1ZZ'],
    ['at m991zz', 'postcode medium m991zz'],
    ['born 3 May 1961', 'date_of_birth high 3 May 1961'],
    ['born 3 May', 'date_of_birth medium 3 May'],
    ['Invented, 03/05/1961', 'date_of_birth low 03/05/1961'],
    ['seen on 03/05/1961'],
    ['Invented, 03/05/2024'],
    ['Nurse Fakely', 'name low Fakely'],
  ]
  for (const [text, ...wanted] of told)
    t.same(
      findPersonalData(text, AT).map(({ kind, confidence, from, to }) =>
        [kind, confidence, text.slice(from, to)].join(' '),
      ),
      wanted,
      text,
    )
})

t.test('without a valid check digit there is no NHS number, however it is spaced', async (t) => {
  const last = '999012345'
  for (const digit of '0123456789') {
    const found = findPersonalData(`NHS number ${last}${digit}`, AT)
    t.same(
      found.map(({ kind }) => kind),
      digit === '4' ? ['nhs_number'] : [],
      digit,
    )
  }
  t.same(findPersonalData('NHS number 0000000000', AT), [])
  t.same(findPersonalData('NHS number 000 000 0000', AT), [])
})

t.test('of spans that overlap the surest is kept, and each is there once', async (t) => {
  const kindsIn = (text: string): string[] => findPersonalData(text, AT).map(({ kind }) => kind)
  t.same(kindsIn('sarah.jones@example.org'), ['email'])
  t.same(kindsIn('Sarah.Jones@example.org'), ['email'])
  t.same(kindsIn('Dr Sarah Invented'), ['name'])
  t.same(kindsIn('14 Sarah Street, M99 1ZZ'), ['address', 'postcode'])
})

t.test('units are those of an edit, also behind characters of two units and wide signs', async (t) => {
  const text = '😀😀 ０７７００\u00a0９００１２３ \u2013 O\u2019Neill: Dr O\u2019Neill'
  t.same(
    findPersonalData(text, AT).map(({ from, to }) => text.slice(from, to)),
    ['０７７００\u00a0９００１２３', 'O\u2019Neill'],
  )
})

t.test('title and text have their spans each', async (t) => {
  t.same(personalDataIn({ title: 'Dr Fakely', text: 'a@example.org' }, AT), [
    { field: 'title', kind: 'name', from: 3, to: 9, confidence: 'low' },
    { field: 'text', kind: 'email', from: 0, to: 13, confidence: 'high' },
  ])
  t.same(personalDataIn({ title: null, text: '' }, AT), [])
})

t.test(
  'whatever the text, spans lie in it, in order, without overlap, and could be taken out by edits',
  async () => {
    const pieces = fc.constantFrom(
      ...[
        'Dr ',
        'Anna',
        ' and ',
        '07700',
        ' 900',
        '123',
        '@',
        'example',
        '.org',
        ' at ',
        ' dot ',
        'M99',
        ' 1ZZ',
        '14 ',
      ],
      ...[
        'Green Lane',
        ', ',
        'born ',
        '3 May',
        ' 1961',
        '999 012 3454',
        '+44 ',
        '(0)',
        '\n',
        '😀',
        '\ud800',
        "'s",
        '-',
        '0',
      ],
    )
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            pieces,
            fc.nat(0xffff).map((unit) => String.fromCharCode(unit)),
          ),
          { maxLength: 40 },
        ),
        (parts) => {
          const text = parts.join('')
          const spans = findPersonalData(text, AT)
          const edits = spans.map((span) => ({ ...span, reason: 'personal_data' }))
          assert.deepEqual(findPersonalData(text, AT), spans, 'always the same')
          assert.deepEqual(editProblems(text, edits), [])
          assert.ok(spans.every(({ from, to }) => from < to))
        },
      ),
      { seed: 20261126, numRuns: 250 },
    )
  },
)

t.test('5,000 characters take less than 10 ms of the processor, also hostile ones', async (t) => {
  const hostile = [
    ...['0 ', '0', '07', '1-', '1.', '(', '+4', '943 476 591', '１', '1 jan ', 'born 1', '1/1/'],
    ...['@', 'a@', 'a.', "a'", 'at ', 'a at a dot ', ' dot a', 'a@a.', '[at]'],
    ...[
      'A ',
      'Aa ',
      'Dr ',
      'Mr A. ',
      'Anna, ',
      'Anna and ',
      'name: ',
      'thanks ',
      'regards,\n',
      "O'",
      'de ',
      'nurse, ',
    ],
    ...[
      '12 Aa ',
      '1 a b c d ',
      'flat 1 ',
      'Aa House, ',
      'live in Aa ',
      'AB1 ',
      'SW1A',
      '14 Green Lane ',
      ' ',
      '\n',
      '😀',
    ],
  ]
  const sentence =
    'I waited for 3 hours in bay 4 with Dr Fakely at 14 Green Lane on 12/03/2025. Ring 07700 900123. (Invented.) '
  for (const part of [sentence, ...hostile]) {
    const text = part.repeat(Math.ceil(5_000 / part.length)).slice(0, 5_000)
    t.ok(leastMs(() => findPersonalData(text, AT)) < 10, JSON.stringify(part))
  }
})

// The least of several, by the processor's own clock: others work on the machine besides.
function leastMs(work: () => void): number {
  return Math.min(
    ...Array.from({ length: 6 }, () => {
      const before = process.cpuUsage()
      work()
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1_000
    }),
  )
}

function textsIn(file: string): Marked[] {
  const lines = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as string[]
  return lines.map((line) => {
    const spans: string[] = []
    let shift = 0
    const text = line.replaceAll(MARK, (mark: string, kind: string, words: string, at: number) => {
      spans.push(`${kind} ${at - shift} ${words}`)
      shift += mark.length - words.length
      return words
    })
    return { text, spans }
  })
}

function written(text: string, { kind, from, to }: PersonalSpan): string {
  return `${kind} ${from} ${text.slice(from, to)}`
}
