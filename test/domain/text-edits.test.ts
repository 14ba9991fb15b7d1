import fc from 'fast-check'
import t from 'tap'
import { editProblems, editText, OMISSION, type TextEdit } from '../../domain/text-edits.ts'

const edit = (from: number, to: number, replacement?: string): TextEdit => ({
  from,
  to,
  reason: 'other',
  ...(replacement !== undefined && { replacement }),
})
const codes = (text: string, ...edits: TextEdit[]): string[] =>
  editProblems(text, edits).map(({ pointer, code }) => `${pointer} ${code}`)

t.test('no edits leave the text as it is', async (t) => {
  for (const text of ['', 'As it is.', '😀']) t.equal(editText(text, []), text)
})

t.test('each span is replaced, by dots in brackets if nothing else is said', async (t) => {
  t.equal(editText('Nurse Example was rude.', [edit(6, 13)]), `Nurse ${OMISSION} was rude.`)
  t.equal(editText('abcdef', [edit(0, 1, ''), edit(1, 2, 'X'), edit(6, 6, '!')]), 'Xcdef!')
  t.equal(editText('Hello 😀 there', [edit(6, 8, ':)')]), 'Hello :) there')
})

t.test('an edit begins where the one before ended, or later', async (t) => {
  t.same(codes('abcdef', edit(0, 2), edit(2, 4), edit(4, 4)), [])
  t.same(codes('abcdef', edit(0, 3), edit(2, 4)), ['/edits/1 edit_out_of_order'])
  t.same(codes('abcdef', edit(3, 4), edit(0, 1)), ['/edits/1 edit_out_of_order'])
  t.same(codes('abcdef', edit(3, 2)), ['/edits/0 edit_out_of_order'])
})

t.test('an edit lies inside the text', async (t) => {
  t.same(codes('abc', edit(0, 3)), [])
  t.same(codes('abc', edit(0, 4), edit(9, 9)), ['/edits/0 edit_outside_text', '/edits/1 edit_outside_text'])
})

t.test('an edit takes both halves of a character or none', async (t) => {
  t.same(codes('a😀b', edit(1, 3)), [])
  t.same(codes('a😀b', edit(0, 2)), ['/edits/0 edit_splits_character'])
  t.same(codes('a😀b', edit(2, 4)), ['/edits/0 edit_splits_character'])
  t.same(codes('a\ud83db', edit(1, 2)), [], 'half a character alone may be taken')
})

t.test('what is outside of all edits stays, and what is inside goes, whatever the text', async (t) => {
  const cut = fc
    .tuple(fc.string({ unit: 'binary', maxLength: 40 }), fc.array(fc.nat(40), { maxLength: 8 }))
    .map(([text, at]) => {
      const places = at.map((n) => Math.min(n, text.length)).sort((one, two) => one - two)
      const edits = Array.from({ length: Math.floor(places.length / 2) }, (_, n) =>
        edit(places[2 * n] as number, places[2 * n + 1] as number, '|'),
      )
      return { text, edits }
    })
  fc.assert(
    fc.property(cut, ({ text, edits }) => {
      if (editProblems(text, edits).length > 0) return
      const units = text.split('')
      for (const { from, to } of [...edits].reverse()) units.splice(from, to - from, '|')
      t.equal(editText(text, edits), units.join(''))
      t.ok(!text.isWellFormed() || editText(text, edits).isWellFormed())
    }),
    { numRuns: 300 },
  )
})
