import type { CaseStatus, MessageAuthor, Vault } from '../prisma/client.ts'
import {
  type CaseRow,
  type Contact,
  contactOf,
  type OriginalText,
  openRemark,
  originalOf,
} from './case-rows.ts'
import {
  allowedDecisions,
  allowedStatuses,
  type CaseView,
  casePermissions,
  type DecisionAction,
  type Relation,
  type ReporterAction,
  reporterActions,
} from './case-rules.ts'
import { type PersonalData, personalDataIn } from './personal-data.ts'

/** A case as somebody may see it: what they may not see is not in it. */
export type SeenCase =
  | { view: 'public' | 'stub' | 'own'; theCase: CaseRow }
  | { view: 'reporter'; theCase: CaseRow; opened: ReporterOpened }
  | { view: 'staff'; theCase: CaseRow; opened: OpenedCase }

/** What only the people see who work on a case. */
export type OpenedCase = {
  original: OriginalText
  contact: Contact | null
  /** What passed between staff and reporter; nothing for those who do not talk with the reporter. */
  messages: OpenedMessage[]
  /** Where whoever asks may move it now. */
  allowedStatuses: CaseStatus[]
  /** What whoever asks may decide about its publication now. */
  allowedDecisions: DecisionAction[]
  /** What in the original looks like personal data, for those who moderate. */
  personalData: PersonalData[] | null
}

/** What the reporter sees beside what everybody may know. */
export type ReporterOpened = {
  original: OriginalText
  messages: OpenedMessage[]
  allowedActions: ReporterAction[]
}

export type OpenedMessage = {
  reference: string
  author: MessageAuthor
  answers: string | null
  text: string
  createdAt: string
}

/** The case for somebody who stands so to it. */
export function showCase(
  vault: Vault,
  theCase: CaseRow,
  relation: Relation,
  view: Exclude<CaseView, 'hidden'>,
): SeenCase {
  switch (view) {
    case 'public':
    case 'stub':
    case 'own':
      return { view, theCase }
    case 'reporter':
      return {
        view,
        theCase,
        opened: {
          original: originalOf(vault, theCase),
          messages: messagesOf(vault, theCase),
          allowedActions: reporterActions(theCase),
        },
      }
    case 'staff':
    case 'staff_without_contact': {
      const original = originalOf(vault, theCase)
      return {
        view: 'staff',
        theCase,
        opened: {
          original,
          contact: view === 'staff' ? contactOf(vault, theCase) : null,
          messages: view === 'staff' ? messagesOf(vault, theCase) : [],
          allowedStatuses: allowedStatuses(theCase.kind, theCase.status, relation),
          allowedDecisions: allowedDecisions(theCase, relation),
          personalData: moderators.includes(relation)
            ? personalDataIn(original, new Date(theCase.reportedAt))
            : null,
        },
      }
    }
  }
}

const moderators: readonly Relation[] = casePermissions.createDecision

function messagesOf(vault: Vault, { messages }: CaseRow): OpenedMessage[] {
  return messages.map(({ reference, author, answers, textSealed, createdAt }) => ({
    reference,
    author,
    answers,
    text: openRemark(vault, reference, textSealed),
    createdAt,
  }))
}
