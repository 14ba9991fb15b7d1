import type { OrganisationKind } from '../prisma/client.ts'
import type { Problem } from './errors.ts'
import type { ItemRating } from './items.ts'

/** A set of questions to be answered on a scale. */
export type Instrument = {
  code: string
  label: string
  help: string | null
  organisationKinds: readonly OrganisationKind[]
  questions: readonly Question[]
}

export type Question = {
  code: string
  text: string
  /** Whoever answers any question of the instrument answers this one. */
  required: boolean
  /** Which end is best; without a scale an answer is no score. */
  scale: ItemRating['scale']
  answers: readonly Answer[]
}

/** `value` is null for an answer that is no score. */
export type Answer = { code: string; label: string; value: number | null }

/** An answer to a question, as a caller sends it. */
export type CaseRating = { instrument: string; question: string; answer: string }

const FIVE = { min: 1, max: 5, best: 'max' } as const
const HOSPITALS = ['trust', 'site'] as const
const PRACTICES = ['gp_practice', 'gp_branch'] as const
const EVERYBODY = [...HOSPITALS, ...PRACTICES, 'local_authority'] as const

const satisfied = scored([
  ['very_dissatisfied', 'Very dissatisfied'],
  ['dissatisfied', 'Dissatisfied'],
  ['neither', 'Neither satisfied nor dissatisfied'],
  ['satisfied', 'Satisfied'],
  ['very_satisfied', 'Very satisfied'],
])
const often = scored([
  ['never', 'Never'],
  ['rarely', 'Rarely'],
  ['sometimes', 'Sometimes'],
  ['usually', 'Usually'],
  ['always', 'Always'],
])
const likely = scored([
  ['extremely_unlikely', 'Extremely unlikely'],
  ['unlikely', 'Unlikely'],
  ['neither', 'Neither likely nor unlikely'],
  ['likely', 'Likely'],
  ['extremely_likely', 'Extremely likely'],
])
const good = scored([
  ['very_poor', 'Very poor'],
  ['poor', 'Poor'],
  ['neither', 'Neither good nor poor'],
  ['good', 'Good'],
  ['very_good', 'Very good'],
])
const DONT_KNOW = noScore('dont_know', "Don't know")

const recommend = needed(
  'recommend',
  'Would you recommend it to friends and family who need such care?',
  likely,
)

/** The rating instruments; data, so that a question is added here and nowhere else. */
export const instruments: readonly Instrument[] = named({
  hospital_stars: {
    label: 'Stars for a hospital',
    help: 'Five steps for each question; the last is the best.',
    organisationKinds: HOSPITALS,
    questions: [
      recommend,
      optional('cleanliness', 'How clean was it?', satisfied),
      optional('teamwork', 'How well did the staff work together?', satisfied),
      optional('dignity', 'Were you treated with dignity and respect?', satisfied),
      optional('involvement', 'Were you involved in decisions about your care?', satisfied),
      optional('same_sex_accommodation', 'Were you on a ward with people of your own sex only?', satisfied),
    ],
  },
  practice_stars: {
    label: 'Stars for a GP practice',
    help: 'Five steps for each question; the last is the best.',
    organisationKinds: PRACTICES,
    questions: [
      recommend,
      optional('phone_access', 'Could you get through by telephone?', often),
      optional('appointments', 'Could you get an appointment when you needed one?', often),
      optional('dignity', 'Were you treated with dignity and respect?', often),
      optional('involvement', 'Were you involved in decisions about your care?', often),
      optional('information', 'Was what the practice says about itself right?', often),
    ],
  },
  council_stars: {
    label: 'Stars for care by a council',
    help: 'Five steps for each question; the last is the best.',
    organisationKinds: ['local_authority'],
    questions: [
      recommend,
      optional('contact', 'Could you reach somebody when you needed to?', often),
      optional('dignity', 'Were you treated with dignity and respect?', often),
      optional('involvement', 'Were you involved in decisions about your care?', often),
    ],
  },
  friends_and_family_2020: {
    label: 'Friends and Family Test',
    help: 'As it has been asked since April 2020.',
    organisationKinds: EVERYBODY,
    questions: [
      needed('overall', 'Overall, how was your experience of our service?', [
        ...good.toReversed(),
        DONT_KNOW,
      ]),
    ],
  },
  friends_and_family_2013: {
    label: 'Friends and Family Test, old wording',
    help: 'As it was asked until March 2020; for answers from that time.',
    organisationKinds: EVERYBODY,
    questions: [
      needed(
        'recommend',
        'How likely are you to recommend our service to friends and family if they needed similar care or treatment?',
        [...likely.toReversed(), DONT_KNOW],
      ),
    ],
  },
})

/** The old wording of the Friends and Family Test is taken, but no longer asked. */
export const ASKED_NO_LONGER: readonly string[] = ['friends_and_family_2013']

/** The instruments that fit a kind of organisation. */
export function instrumentsFor(kind: OrganisationKind): Instrument[] {
  return instruments.filter((instrument) => instrument.organisationKinds.includes(kind))
}

/** What is wrong with ratings, at each of them; `fitting` are the instruments of the organisation. */
export function ratingProblems(fitting: readonly Instrument[], ratings: readonly CaseRating[]): Problem[] {
  const each = ratings.flatMap((rating, n) =>
    problemOf(fitting, ratings.slice(0, n), rating, `/ratings/${n}`),
  )
  const missing = fitting
    .filter(({ code }) => ratings.some(({ instrument }) => instrument === code))
    .flatMap((instrument) =>
      instrument.questions
        .filter((question) => question.required && !ratings.some(answers(instrument.code, question.code)))
        .map((question) => ({
          pointer: '/ratings',
          code: 'rating_missing',
          detail: `Whoever answers ${instrument.code} answers its question "${question.code}".`,
        })),
    )
  return [...each, ...missing]
}

/** Ratings that are right, with the words and the scale that they were given on. */
export function itemRatings(ratings: readonly CaseRating[]): ItemRating[] {
  return ratings.map((rating) => {
    const question = questionOf(instruments, rating)
    const answer = question?.answers.find(({ code }) => code === rating.answer)
    if (question === undefined || answer === undefined) throw new Error('a rating was not looked at')
    return { question: question.text, answer: answer.label, value: answer.value, scale: question.scale }
  })
}

function problemOf(
  fitting: readonly Instrument[],
  before: readonly CaseRating[],
  rating: CaseRating,
  pointer: string,
): Problem[] {
  const instrument = fitting.find(({ code }) => code === rating.instrument)
  if (instrument === undefined) {
    return [
      {
        pointer: `${pointer}/instrument`,
        code: 'unknown_instrument',
        detail: `Here fit ${fitting.map(({ code }) => code).join(', ')}.`,
      },
    ]
  }
  const question = questionOf(fitting, rating)
  if (question === undefined) {
    return [
      {
        pointer: `${pointer}/question`,
        code: 'unknown_question',
        detail: `${instrument.code} asks ${instrument.questions.map(({ code }) => code).join(', ')}.`,
      },
    ]
  }
  if (!question.answers.some(({ code }) => code === rating.answer)) {
    return [
      {
        pointer: `${pointer}/answer`,
        code: 'unknown_answer',
        detail: `Answers to ${question.code} are ${question.answers.map(({ code }) => code).join(', ')}.`,
      },
    ]
  }
  if (!before.some(answers(rating.instrument, rating.question))) return []
  return [{ pointer, code: 'rated_twice', detail: 'A question is answered once; leave one of them out.' }]
}

function questionOf(among: readonly Instrument[], rating: CaseRating): Question | undefined {
  return among
    .find(({ code }) => code === rating.instrument)
    ?.questions.find(({ code }) => code === rating.question)
}

function answers(instrument: string, question: string): (rating: CaseRating) => boolean {
  return (rating) => rating.instrument === instrument && rating.question === question
}

function named(described: Readonly<Record<string, Omit<Instrument, 'code'>>>): Instrument[] {
  return Object.entries(described).map(([code, instrument]) => ({ code, ...instrument }))
}

function needed(code: string, text: string, answers: readonly Answer[]): Question {
  return { ...optional(code, text, answers), required: true }
}

function optional(code: string, text: string, answers: readonly Answer[]): Question {
  return { code, text, required: false, scale: FIVE, answers }
}

// From the worst, which is 1, to the best.
function scored(answers: ReadonlyArray<[code: string, label: string]>): Answer[] {
  return answers.map(([code, label], n) => ({ code, label, value: n + 1 }))
}

function noScore(code: string, label: string): Answer {
  return { code, label, value: null }
}
