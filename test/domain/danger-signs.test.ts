import t from 'tap'
import { type DangerSign, dangerIn, guidanceFor } from '../../domain/danger-signs.ts'

// All sentences are invented.
const danger: Readonly<Record<DangerSign, readonly string[]>> = {
  self_harm: [
    'I want to kill myself.',
    'After that night on the ward I tried to hang myself',
    'My son is self-harming again and nobody calls back.',
    'She self harmed in the waiting room',
    'He is suicidal and was sent home.',
    'I don’t want to live any more.',
    'i dont want to be here anymore',
    'I can’t go on any longer with this pain',
    'I am thinking about suicide every day.',
    'They would be better off without me.',
    'I just want to end it all',
    'I wish I was dead.',
    'I took an overdose yesterday and I have told nobody.',
    'he has taken all his tablets at once',
    'There is no point in living like this.',
    'I feel like I am going to end my life if nobody listens',
    'I will jump off the bridge',
    'I cannot promise not to hurt myself.',
    'I have nothing left to live for',
    'I WANT TO DIE',
  ],
  abuse: [
    'My husband hits me when I come home from the clinic.',
    'A carer slapped my mother on Tuesday.',
    'He is being abused at the home.',
    'I was raped and the nurse did not believe me.',
    'The night nurse punched a patient.',
    'I am scared to go home.',
    'He threatened to kill us.',
    'My father was left for two days without food or water',
    'They tied her to the bed.',
    'She was sexually assaulted on the ward.',
    'My uncle touched me inappropriately.',
    'I want to report a safeguarding concern.',
    'I live with domestic violence and need somebody to help.',
    'She is being neglected in that home',
    'He says he is going to kill me',
  ],
  emergency: [
    'My baby is not breathing properly',
    'I can’t breathe',
    'she cant breathe and no doctor comes',
    'He is having a heart attack in the corridor!',
    'My mum is unconscious and nobody comes',
    'I think I am having a stroke',
    'I have chest pain right now',
    'He won’t stop bleeding.',
    'I need an ambulance now',
    'We are in immediate danger',
    'He has a knife.',
    'She is dying and no one listens',
    'My daughter has swallowed bleach',
    'Please help me now',
    'My wife has just collapsed',
    'I cannot wake him up',
  ],
}

const noDanger = [
  'I waited six hours in the emergency department and nobody could say why.',
  'The emergency entrance was closed.',
  'The alcohol abuse clinic was very good.',
  'The substance abuse team helped me a lot.',
  'The suicide prevention leaflet in the waiting room was out of date.',
  'The self-harm team was kind and quick.',
  'I am not suicidal, I am only angry about the parking.',
  'He has never been suicidal.',
  'She was not abused, she said, only ignored.',
  'My father had a heart attack last year and the care was excellent.',
  'Thank you for treating my stroke so well.',
  'The price of parking hits me hard every week.',
  'The food was cold and there was no knife and fork.',
  'I was dying for a cup of tea.',
  'The ambulance was late.',
  'The queue was killing us.',
  'He died peacefully and you were kind to him.',
  'I cut myself shaving and the nurse put a plaster on it.',
  'Please help the staff by giving them more chairs.',
  'She could breathe again after your treatment.',
  'I was taken off the list without any reason.',
  'I did not want to die in a corridor, I wanted a bed, and I got one.',
  'Staff shortages mean that nobody answers the phone.',
  'The overdose of the drug was corrected by the pharmacist at once.',
  'The breathing exercises were useful.',
  'My appointment was cancelled again.',
  'The chest pain clinic was well run.',
  'Blood was taken twice.',
  'I would like to end my treatment at this practice.',
  'They beat all expectations.',
  '',
]

t.test('a text that speaks of danger is seen, for what it speaks of', async (t) => {
  for (const [sign, sentences] of Object.entries(danger))
    for (const sentence of sentences) {
      t.ok(dangerIn(null, sentence).includes(sign as DangerSign), `${sign}: ${sentence}`)
      t.ok(
        dangerIn(sentence, 'Something else. (Invented.)').includes(sign as DangerSign),
        `title: ${sentence}`,
      )
      t.ok(
        dangerIn(`The parking was fine. ${sentence.toUpperCase()} Please write back.`).includes(
          sign as DangerSign,
        ),
        `in the middle, in capitals: ${sentence}`,
      )
    }
})

t.test('a clinical word alone, a service and a denial are no danger', async (t) => {
  for (const sentence of noDanger) t.same(dangerIn(null, sentence), [], sentence)
})

t.test('the words of a title and a text are not joined to a phrase that nobody wrote', async (t) => {
  t.same(dangerIn('I want to', 'die Ambulanz is the German word. (Invented.)'), [])
})

t.test('guidance says 999 first, and where to turn for what the text speaks of', async (t) => {
  t.equal(guidanceFor([]), null)
  t.match(guidanceFor(['self_harm']), /^If you or somebody else is in danger.*999.*116 123.*111/)
  t.match(guidanceFor(['abuse']), /999.*0808 2000 247.*0800 1111/)
  t.match(guidanceFor(['emergency']), /999.*111/)
  t.match(guidanceFor(['self_harm', 'abuse', 'emergency']), /116 123.*0808 2000 247.*111/)
})

t.test('a long text is read in no time', async (t) => {
  const started = performance.now()
  dangerIn('a'.repeat(2_000), 'not '.repeat(500), "n't want to ".repeat(200), 'kept w '.repeat(300))
  t.ok(performance.now() - started < 500)
})
