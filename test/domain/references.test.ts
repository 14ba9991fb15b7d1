import fc from 'fast-check'
import t from 'tap'
import { newReference, parseReference } from '../../domain/references.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const letters = fc.array(fc.nat(31), { minLength: 12, maxLength: 12 })
const reference = letters.map((values) => newReference(() => values.shift() as number))

t.test('a new reference is twelve letters and a check character, in fours', async (t) => {
  t.match(
    newReference(),
    /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]$/,
  )
  const many = Array.from({ length: 1_000 }, () => newReference())
  t.equal(new Set(many).size, many.length)
})

t.test('a reference is read however it is typed', async (t) => {
  fc.assert(
    fc.property(reference, fc.boolean(), fc.constantFrom('', ' ', '-', ' - '), (one, lower, between) => {
      const typed = one.replaceAll('-', between)
      return parseReference(lower ? typed.toLowerCase() : typed) === one
    }),
  )
  t.pass()
})

t.test('O is read as 0, I and L as 1, in either case', async (t) => {
  const zeros = newReference(() => 0)
  const ones = newReference(() => 1)
  t.equal(parseReference(zeros.replaceAll('0', 'O')), zeros)
  t.equal(parseReference(zeros.replaceAll('0', 'o')), zeros)
  for (const letter of ['I', 'L', 'i', 'l']) t.equal(parseReference(ones.replaceAll('1', letter)), ones)
})

t.test('every single wrong character is caught', async (t) => {
  fc.assert(
    fc.property(reference, fc.nat(12), fc.nat(31), (one, place, value) => {
      const plain = one.replaceAll('-', '')
      const wrong = ALPHABET.charAt(value)
      fc.pre(plain.charAt(place) !== wrong)
      return parseReference(plain.slice(0, place) + wrong + plain.slice(place + 1)) === null
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})

t.test('of two swapped neighbours only the pair 0 and Z passes', async (t) => {
  fc.assert(
    fc.property(reference, fc.nat(11), (one, place) => {
      const plain = one.replaceAll('-', '')
      const [a, b] = [plain.charAt(place), plain.charAt(place + 1)]
      fc.pre(a !== b)
      const swapped = plain.slice(0, place) + b + a + plain.slice(place + 2)
      return (parseReference(swapped) === null) !== ['0Z', 'Z0'].includes(a + b)
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})

t.test('what is no reference is none', async (t) => {
  for (const typed of [
    '',
    'p123',
    'a123',
    'P',
    'PABC',
    '1',
    'UUUU-UUUU-UUUU-U',
    '0'.repeat(14),
    '\u0000',
    '😀',
  ])
    t.equal(parseReference(typed), null, typed)
  fc.assert(
    fc.property(fc.string({ maxLength: 40, unit: 'binary' }), (typed) => {
      const parsed = parseReference(typed)
      return parsed === null || /^[0-9A-Z-]{16}$/.test(parsed)
    }),
  )
})
