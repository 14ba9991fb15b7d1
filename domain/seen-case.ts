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
  type CaseView,
  casePermissions,
  type DecisionAction,
  type Relation,
  type ReporterAction,
  reporterActions,
  statusesNow,
} from './case-rules.ts'
import { type PersonalData, personalDataIn } from './personal-data.ts'
import { type Escalation, type Extension, openEscalation, openExtension } from './waiting-rows.ts'

/** A case as somebody may see it: what they may not see is not in it. */
export type SeenCase =
  | { view: 'public' | 'stub' | 'own'; theCase: CaseRow }
  | { view: 'reporter'; theCase: CaseRow; opened: ReporterOpened }
  | { view: 'staff'; theCase: CaseRow; opened: OpenedCase }

/** What only the people see who work on a case. */
export type OpenedCase = {
  /** Null when the case is anonymised. */
  original: OriginalText | null
  contact: Contact | null
  /** What passed between staff and reporter; nothing for those who do not talk with the reporter. */
  messages: OpenedMessage[]
  /** Where whoever asks may move it now. */
  allowedStatuses: CaseStatus[]
  /** What whoever asks may decide about its publication now. */
  allowedDecisions: DecisionAction[]
  /** What in the original looks like personal data, for those who moderate. */
  personalData: PersonalData[] | null
  extension: Extension | null
  /** What was said with it, only for those between whom it is. */
  escalation: Escalation | null
}

/** What the reporter sees beside what everybody may know. */
export type ReporterOpened = {
  original: OriginalText | null
  messages: OpenedMessage[]
  allowedActions: ReporterAction[]
  extension: Extension | null
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
          extension: theCase.extension && openExtension(vault, theCase.extension),
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
          allowedStatuses: statusesNow(theCase, relation),
          allowedDecisions: allowedDecisions(theCase, relation),
          personalData:
            moderators.includes(relation) && original !== null
              ? personalDataIn(original, new Date(theCase.reportedAt))
              : null,
          extension: theCase.extension && openExtension(vault, theCase.extension),
          escalation:
            theCase.escalation && openEscalation(vault, theCase.escalation, escalates.includes(relation)),
        },
      }
    }
  }
}

const moderators: readonly Relation[] = casePermissions.createDecision
const escalates: readonly Relation[] = casePermissions.answerEscalation

function messagesOf(vault: Vault, { messages }: CaseRow): OpenedMessage[] {
  return messages.map(({ reference, author, answers, textSealed, createdAt }) => ({
    reference,
    author,
    answers,
    text: openRemark(vault, reference, textSealed),
    createdAt,
  }))
}
