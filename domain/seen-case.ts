import type { CaseStatus, Vault } from '../prisma/client.ts'
import { type CaseRow, type Contact, contactOf, type OriginalText, originalOf } from './case-rows.ts'
import { allowedStatuses, type CaseView, type Relation } from './case-rules.ts'

/** A case as somebody may see it: what they may not see is not in it. */
export type SeenCase =
  | { view: 'public' | 'stub' | 'own'; theCase: CaseRow }
  | { view: 'staff'; theCase: CaseRow; opened: OpenedCase }

/** What only the people see who work on a case. */
export type OpenedCase = {
  original: OriginalText
  contact: Contact | null
  /** Where whoever asks may move it now. */
  allowedStatuses: CaseStatus[]
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
    case 'staff':
    case 'staff_without_contact':
      return {
        view: 'staff',
        theCase,
        opened: {
          original: originalOf(vault, theCase),
          contact: view === 'staff' ? contactOf(vault, theCase) : null,
          allowedStatuses: allowedStatuses(theCase.kind, theCase.status, relation),
        },
      }
  }
}
