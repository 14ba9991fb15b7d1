import t from 'tap'
import { leadingCode, receivedAt, textAdvice, textIntake } from '../../domain/text-rules.ts'

t.test('a first word may be a code, whatever stands behind it', async (t) => {
  for (const [message, code, rest] of [
    ['RJ1 The ward was clean.', 'RJ1', 'The ward was clean.'],
    ['rj1: The ward was clean.', 'rj1', 'The ward was clean.'],
    ['  RJ-1, the ward', 'RJ-1', 'the ward'],
    ['RJ1 - The ward\nwas clean.', 'RJ1', 'The ward\nwas clean.'],
    ['RJ1', 'RJ1', ''],
    ['RAL The ward was clean.', 'RAL', 'The ward was clean.'],
  ] as const)
    t.same(leadingCode(message), { code, rest }, message)
})

t.test('an ordinary word is no code, though a trust may be called so', async (t) => {
  for (const message of [
    'Ran out of medicine. (Invented.)',
    'ran out',
    'RAN OUT OF MEDICINE',
    'The ward was clean.',
    'A',
    '',
    'RJ1234567890123 is long',
    'RJ1.The ward',
    "Don't know",
  ])
    t.equal(leadingCode(message), null, message)
})

t.test('what ends with a question mark is a question, and everything else is feedback', async (t) => {
  for (const message of ['When are you open?', 'Open? Closed?  ', '"Are you open?"', 'Open (or not?)'])
    t.match(textIntake(message), {
      kind: 'question',
      wantsResponse: true,
      channel: 'sms',
      privacy: 'private',
    })
  for (const message of ['Thank you.', 'Why? I was late.', '?no'])
    t.match(textIntake(message), { kind: 'feedback', wantsResponse: false, takenAsFeedback: true })
})

t.test('feedback is told how to raise a concern, and a sign of danger what to do now', async (t) => {
  t.match(textAdvice('feedback', 'It was fine. (Invented.)'), /raise a concern/)
  t.equal(textAdvice('question', 'Are you open? (Invented.)'), null)
  t.match(textAdvice('question', 'I want to kill myself, can you help? (Invented.)'), /999.*116 123/)
})

t.test('a time counts that can be true', async (t) => {
  const now = new Date('2026-11-26T12:00:00Z')
  for (const [text, time] of [
    ['2026-11-20T09:00:00.000000Z', '2026-11-20T09:00:00.000Z'],
    ['2026-11-20T09:00:00+01:00', '2026-11-20T08:00:00.000Z'],
    ['2026-11-26T12:00:01Z', null],
    ['2026-02-30T09:00:00Z', null],
    ['05/03/2024', null],
    ['2026-11-20', null],
    ['2026-13-01T09:00:00Z', null],
    ['soon', null],
  ] as const)
    t.equal(receivedAt(text, now).toISOString(), time ?? now.toISOString(), text)
})
