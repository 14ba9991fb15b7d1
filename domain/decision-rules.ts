import type { Commissioned, Priority, Privacy, Publication } from '../prisma/client.ts'
import type { CaseRow, OriginalText } from './case-rows.ts'
import { type DecisionAction, publicationAfter, type Relation, updatableBy } from './case-rules.ts'
import type { FieldError } from './errors.ts'
import { editProblems, editText, type TextEdit } from './text-edits.ts'

/** What somebody decides about a case in public. */
export type Decision = {
  action: DecisionAction
  reason: string
  moderatedTitle?: string | null
  moderatedText?: string
  edits?: readonly TextEdit[]
  privacy?: Privacy
  hiddenImages?: readonly string[]
  commissioned?: Commissioned
  priority?: Priority
  breach?: boolean
  note?: string
}

/** What a decision makes of a case. */
export type Outcome = {
  publication: Publication
  privacy: Privacy
  title: string | null
  text: string | null
  publicName: string | null
  /** The edits that made the text; none when it was given whole. */
  edits: readonly TextEdit[]
}

type Problem = Omit<FieldError, 'in'>

/**
 * What a decision makes of a case, and what is wrong with it. Publishing what its reporter wants public needs a
 * moderated text; what ends up private takes no text, and one that is sent for it is ignored.
 */
export function judge(
  theCase: CaseRow,
  relation: Relation,
  decision: Decision,
  { original, name }: { original: OriginalText; name: string | null },
): { outcome: Outcome; problems: Problem[] } {
  const privacy = decision.privacy ?? theCase.privacy
  const publication = publicationAfter(decision.action, { privacy, test: theCase.test })
  const shown = publication === 'published'
  const words = shown ? publishedWords(theCase, decision, original.text) : keptWords(theCase)
  return {
    outcome: {
      publication,
      privacy,
      title: words.title,
      text: words.text,
      publicName: shown && privacy === 'named' ? name : null,
      edits: words.edits,
    },
    problems: [
      ...words.problems,
      ...privacyProblems(theCase, decision),
      ...imageProblems(theCase, decision),
      ...triageProblems(theCase, relation, decision),
    ],
  }
}

type Words = { title: string | null; text: string | null; edits: readonly TextEdit[]; problems: Problem[] }

function publishedWords(theCase: CaseRow, decision: Decision, original: string): Words {
  const before = judgedBefore(theCase)
  const title = decision.moderatedTitle === undefined ? before.title : decision.moderatedTitle
  const { edits, moderatedText } = decision
  if (edits === undefined) {
    // A rating without comment has no text to moderate.
    const text = moderatedText ?? before.text ?? (original === '' ? '' : null)
    return { title, text, edits: [], problems: text === null ? [textMissing('/moderatedText')] : [] }
  }
  if (moderatedText !== undefined) return { title, text: moderatedText, edits, problems: [BOTH_GIVEN] }
  const problems = editProblems(original, edits)
  const text = problems.length === 0 ? editText(original, edits) : ''
  const blank = problems.length === 0 && text.trim() === '' && original.trim() !== ''
  return { title, text, edits, problems: blank ? [textMissing('/edits')] : problems }
}

function keptWords(theCase: CaseRow): Words {
  return { ...judgedBefore(theCase), edits: [], problems: [] }
}

// A case that waits again has changed upstream, and what was judged before is no longer what it says; but a report that
// hid it changed nothing.
function judgedBefore({ publication, heldUntil, moderatedTitle, moderatedText }: CaseRow): {
  title: string | null
  text: string | null
} {
  const stale = publication === 'awaiting_moderation' && heldUntil === null
  return stale ? { title: null, text: null } : { title: moderatedTitle, text: moderatedText }
}

const fromLeastPublic: readonly Privacy[] = ['private', 'anonymous', 'named']

function privacyProblems({ privacyChosen }: CaseRow, { privacy }: Decision): Problem[] {
  if (privacy === undefined || fromLeastPublic.indexOf(privacy) <= fromLeastPublic.indexOf(privacyChosen))
    return []
  return [
    {
      pointer: '/privacy',
      code: 'more_public_than_chosen',
      detail: `The reporter chose ${privacyChosen}; it may be that or less public.`,
    },
  ]
}

function imageProblems({ images }: CaseRow, { hiddenImages = [] }: Decision): Problem[] {
  return hiddenImages.flatMap((token, n) =>
    images.some((image) => image.token === token)
      ? []
      : [
          {
            pointer: `/hiddenImages/${n}`,
            code: 'unknown_image',
            detail: 'The case has no such picture; its staff view lists them.',
          },
        ],
  )
}

// Who looks after the case besides judging its words.
function triageProblems(theCase: CaseRow, relation: Relation, decision: Decision): Problem[] {
  const others = (['commissioned', 'priority', 'breach'] as const)
    .filter((field) => decision[field] !== undefined && !mayChange(relation, field))
    .map((field) => ({
      pointer: `/${field}`,
      code: 'not_yours_to_change',
      detail: 'Case handlers decide this; leave it out.',
    }))
  const missing =
    relation === 'handler' &&
    theCase.channel !== 'feed' &&
    theCase.commissioned === null &&
    decision.commissioned === undefined
  return missing ? [...others, COMMISSIONED_MISSING] : others
}

function mayChange(relation: Relation, field: keyof typeof updatableBy): boolean {
  return (updatableBy[field] as readonly Relation[]).includes(relation)
}

const BOTH_GIVEN: Problem = {
  pointer: '/edits',
  code: 'edits_and_text',
  detail: 'Give the whole moderatedText or the edits that make it, not both.',
}

const COMMISSIONED_MISSING: Problem = {
  pointer: '/commissioned',
  code: 'commissioned_missing',
  detail: 'The first decision says who commissions the care: locally or nationally.',
}

function textMissing(pointer: string): Problem {
  return {
    pointer,
    code: 'moderated_text_missing',
    detail: 'Its reporter wants it public: give the text that the public may read, or keep it private.',
  }
}
