import type { CaseKind } from '../prisma/client.ts'
import type { Accepted } from './accepted.ts'
import { ASKED_NO_LONGER, type Instrument } from './instruments.ts'
import { privacies } from './vocabularies.ts'

/** How to show one field. */
export type FormHint = {
  /** JSON Pointer (RFC 6901) into the body. */
  pointer: string
  widget:
    | 'text'
    | 'textarea'
    | 'select'
    | 'radio'
    | 'checkbox'
    | 'email'
    | 'tel'
    | 'month'
    | 'images'
    | 'place'
    | 'hidden'
  label: string
  help: string | null
  required: boolean
  /** What may be chosen; empty where anything may be written. */
  options: FormOption[]
}

export type FormOption = { value: string | number | boolean; label: string; help: string | null }

/** Every field that a page needs for this kind of case, in the order to show them. */
export function hintsFor(kind: CaseKind, accepted: Accepted, months: readonly string[]): FormHint[] {
  const feedback = kind === 'feedback'
  return [
    fixed('/kind', kind),
    fixed('/organisation', accepted.organisation.code),
    ...(accepted.services.length === 0 ? [] : [serviceHint(accepted)]),
    hint('/category', 'select', 'What is it about?', {
      help: 'If nothing fits, choose the last one.',
      options: accepted.categories.map(({ code, label, help }) => ({ value: code, label, help })),
    }),
    hint('/title', 'text', 'In a few words'),
    hint('/text', 'textarea', textLabel[kind], {
      required: true,
      help: 'Up to 2000 characters. Please leave out names and telephone numbers.',
    }),
    ...(kind === 'concern' ? [HAPPENING_NOW] : []),
    hint('/visitMonth', 'select', 'When was it?', {
      options: months.map((month) => ({ value: month, label: monthLabel(month), help: null })),
    }),
    hint('/position', 'place', 'Where did it happen?', {
      help: 'Mark it on the map if it was somewhere else than on the main site. It is kept to about a kilometre.',
    }),
    ...(feedback ? ratingHints(accepted.instruments) : []),
    ON_BEHALF,
    UNDER_16,
    hint('/wantsResponse', 'radio', 'Would you like an answer?', {
      help: feedback ? 'If you choose nothing: no.' : 'If you choose nothing: yes.',
      options: [yes('You need an e-mail address or a telephone number for it.'), no],
    }),
    ...contactHints(kind),
    hint('/privacy', 'radio', 'May others read it?', {
      help: 'If you choose nothing, it is kept private.',
      options: privacies.map(({ code, label, help }) => ({ value: code, label, help })),
    }),
    hint('/images', 'images', 'Pictures', { help: 'Up to three. They are shown only where your text is.' }),
    hint('/acceptsTerms', 'checkbox', 'I accept the terms', { required: true }),
    { ...hint('/website', 'hidden', 'Leave this empty'), help: 'People do not see this field.' },
  ]
}

const textLabel: Readonly<Record<CaseKind, string>> = {
  concern: 'What went wrong, and what would put it right?',
  question: 'What would you like to know?',
  feedback: 'What would you like to say?',
}

const HAPPENING_NOW = hint('/happeningNow', 'checkbox', 'It is happening now')
const ON_BEHALF = hint('/onBehalf', 'checkbox', 'I am writing for somebody else')
const UNDER_16 = hint('/under16', 'checkbox', 'I am under 16', { help: 'Your name is then never published.' })

function serviceHint({ services }: Accepted): FormHint {
  return hint('/service', 'select', 'Which department?', {
    options: services.map(({ code, name }) => ({ value: code, label: name, help: null })),
  })
}

function contactHints(kind: CaseKind): FormHint[] {
  const one = 'For an answer we need one of the two, e-mail or telephone.'
  return [
    hint('/contact/name', 'text', 'Your name', {
      required: kind === 'concern',
      help: kind === 'concern' ? 'Needed unless you want no answer.' : null,
    }),
    hint('/contact/email', 'email', 'Your e-mail address', { help: one }),
    hint('/contact/phone', 'tel', 'Your telephone number', { help: one }),
    hint('/contact/preferred', 'radio', 'How should we answer?', {
      options: [
        { value: 'email', label: 'By e-mail', help: null },
        { value: 'phone', label: 'By telephone', help: null },
      ],
    }),
  ]
}

// One question is one entry of the list; an entry without an answer is left out by the page.
function ratingHints(instruments: readonly Instrument[]): FormHint[] {
  return instruments
    .filter(({ code }) => !ASKED_NO_LONGER.includes(code))
    .flatMap((instrument) => instrument.questions.map((question) => ({ instrument, question })))
    .flatMap(({ instrument, question }, n) => [
      fixed(`/ratings/${n}/instrument`, instrument.code),
      fixed(`/ratings/${n}/question`, question.code),
      hint(`/ratings/${n}/answer`, 'radio', question.text, {
        help: question.required
          ? `Needed if you answer any question of "${instrument.label}".`
          : instrument.help,
        options: question.answers.map(({ code, label }) => ({ value: code, label, help: null })),
      }),
    ])
}

function hint(
  pointer: string,
  widget: FormHint['widget'],
  label: string,
  { required = false, help = null, options = [] }: Partial<FormHint> = {},
): FormHint {
  return { pointer, widget, label, help, required, options }
}

function fixed(pointer: string, value: string): FormHint {
  return { ...hint(pointer, 'hidden', value), required: true, options: [{ value, label: value, help: null }] }
}

function yes(help: string): FormOption {
  return { value: true, label: 'Yes', help }
}

const no: FormOption = { value: false, label: 'No', help: null }

function monthLabel(month: string): string {
  return MONTH.format(new Date(`${month}-01T00:00:00Z`))
}

const MONTH = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', month: 'long', year: 'numeric' })
