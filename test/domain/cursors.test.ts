import fc from 'fast-check'
import t from 'tap'
import { pageOf, readCursor, writeCursor } from '../../domain/cursors.ts'
import { DomainError } from '../../domain/errors.ts'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('a cursor is read as it was written', async (t) => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.string({ unit: 'grapheme' }), (id, name) => {
      const read = readCursor(writeCursor([id, name]), ['number', 'string'] as const)
      return read?.[0] === id && read[1] === name
    }),
  )
  t.match(writeCursor([9007199254740991, 'a/b+c?']), /^[\w-]+$/, 'it needs no escaping in an address')
  t.equal(readCursor(undefined, ['number']), undefined)
})

t.test('a cursor that is none of ours is refused at /after', async (t) => {
  const garbage = [
    'x',
    '',
    encode([]),
    encode({}),
    encode(null),
    encode(['1']),
    encode([1.5]),
    encode([1, 2]),
    encode([2 ** 53]),
    encode([null]),
    encode('1'),
    Buffer.from('[1e999]').toString('base64url'),
  ]
  for (const cursor of garbage)
    t.throws(
      () => readCursor(cursor, ['number']),
      {
        code: 'validation_failed',
        details: { errors: [{ in: 'query', pointer: '/after', code: 'unknown_cursor' }] },
      },
      cursor,
    )
})

t.test('a cursor cannot hold a text that the store cannot', async (t) => {
  for (const text of ['a\u0000b', '\ud800', '\udfff'])
    t.throws(() => readCursor(encode([text]), ['string']), { code: 'validation_failed' })
})

t.test('any text at all is a cursor or refused', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        readCursor(text, ['number'])
        return true
      } catch (error) {
        return error instanceof DomainError && error.code === 'validation_failed'
      }
    }),
  )
  t.pass()
})

t.test('a page knows whether there is more', async (t) => {
  const cursorOf = (one: number): number[] => [one]
  t.same(pageOf([], 2, cursorOf), { items: [], next: null })
  t.same(pageOf([1, 2], 2, cursorOf), { items: [1, 2], next: null })
  t.same(pageOf([1, 2, 3], 2, cursorOf), { items: [1, 2], next: writeCursor([2]) })
})
