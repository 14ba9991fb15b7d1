import { birthDates } from './birth-dates.ts'
import { mailAddresses } from './mail-addresses.ts'
import { nhsNumbers } from './nhs-numbers.ts'
import { personNames } from './person-names.ts'
import { phoneNumbers } from './phone-numbers.ts'
import { postalAddresses } from './postal-addresses.ts'
import { postcodes } from './postcodes.ts'
import { type Confidence, plainSigns, type TextSpan } from './text-spans.ts'

export type PersonalDataKind =
  | 'email'
  | 'nhs_number'
  | 'phone'
  | 'postcode'
  | 'date_of_birth'
  | 'address'
  | 'name'

/** What in a text looks like personal data, counted as the edits of a decision count (domain/text-edits.ts). */
export type PersonalSpan = TextSpan & { kind: PersonalDataKind }

/** The same in one of the two fields of a case's words. */
export type PersonalData = PersonalSpan & { field: 'title' | 'text' }

/**
 * All that looks like personal data in a text in English that was written at `at`, in the order it stands there. Where two
 * overlap, the surer is kept, of two as sure the kind that mistakes are rarer in. It takes a time that grows with the text alone.
 */
export function findPersonalData(text: string, at: Date): PersonalSpan[] {
  const plain = plainSigns(text)
  const found = kinds.flatMap(([kind, find]) => find(plain, at).map((span) => ({ ...span, kind })))
  // Sorting is stable: of those as sure the kinds stay in their order.
  const surest = found.sort((a, b) => sureness[b.confidence] - sureness[a.confidence])
  const taken = new Uint8Array(text.length)
  const kept = surest.filter(({ from, to }) => {
    if (taken.subarray(from, to).includes(1)) return false
    taken.fill(1, from, to)
    return true
  })
  return kept.sort((a, b) => a.from - b.from)
}

/** The same of the title and the text of a case. */
export function personalDataIn(
  { title, text }: { title: string | null; text: string },
  at: Date,
): PersonalData[] {
  return [
    ...findPersonalData(title ?? '', at).map((span) => ({ field: 'title' as const, ...span })),
    ...findPersonalData(text, at).map((span) => ({ field: 'text' as const, ...span })),
  ]
}

// The rarer a kind is mistaken, the earlier.
const kinds: ReadonlyArray<readonly [PersonalDataKind, (text: string, at: Date) => TextSpan[]]> = [
  ['email', mailAddresses],
  ['nhs_number', nhsNumbers],
  ['phone', phoneNumbers],
  ['postcode', postcodes],
  ['date_of_birth', birthDates],
  ['address', postalAddresses],
  ['name', personNames],
]

const sureness: Readonly<Record<Confidence, number>> = { high: 2, medium: 1, low: 0 }
