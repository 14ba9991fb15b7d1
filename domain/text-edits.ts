import type { FieldError } from './errors.ts'

/** A change of a text: what stands from `from` up to but not including `to`, in UTF-16 code units, is replaced. */
export type TextEdit = { from: number; to: number; reason: string; replacement?: string }

/** What stands where something was taken out, if nothing else is said. */
export const OMISSION = '[…]'

/** The text with all edits made; only for edits without `editProblems`. */
export function editText(text: string, edits: readonly TextEdit[]): string {
  const parts = edits.map(
    ({ from, replacement = OMISSION }, n) => text.slice(edits[n - 1]?.to ?? 0, from) + replacement,
  )
  return parts.join('') + text.slice(edits.at(-1)?.to ?? 0)
}

/** What is wrong with edits of this text: each must lie inside it, behind the one before, and take whole characters. */
export function editProblems(text: string, edits: readonly TextEdit[]): Array<Omit<FieldError, 'in'>> {
  return edits.flatMap((edit, n) => {
    const problem = problemOf(text, edit, edits[n - 1]?.to ?? 0)
    return problem === undefined ? [] : [{ pointer: `/edits/${n}`, ...problem }]
  })
}

function problemOf(
  text: string,
  { from, to }: TextEdit,
  before: number,
): { code: string; detail: string } | undefined {
  if (from > text.length || to > text.length) {
    return {
      code: 'edit_outside_text',
      detail: `The original text has ${text.length} UTF-16 code units; from and to are at most that.`,
    }
  }
  if (from > to) return { code: 'edit_out_of_order', detail: 'from is behind to; it must not be.' }
  if (from < before) {
    return {
      code: 'edit_out_of_order',
      detail: `The edit before reaches up to ${before}; this one must begin there or later.`,
    }
  }
  if (splitsCharacter(text, from) || splitsCharacter(text, to)) {
    return {
      code: 'edit_splits_character',
      detail:
        'It begins or ends between the two halves of one character (a surrogate pair); take both or none.',
    }
  }
  return undefined
}

function splitsCharacter(text: string, at: number): boolean {
  return isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at))
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
