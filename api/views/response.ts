import type { ResponseRow } from '../../domain/case-rows.ts'
import type { CaseView } from '../../domain/case-rules.ts'
import type { Schemas } from '../contract/handler.ts'
import { attributionView } from './attribution.ts'

/** A response on the wire. */
export function responseView(response: ResponseRow): Schemas['Response'] {
  return {
    reference: response.reference,
    organisation: response.organisation && {
      code: response.organisation.code,
      name: response.organisation.name,
    },
    authorName: response.authorName,
    text: response.text,
    respondedAt: response.respondedAt,
    source: attributionView(response.source),
  }
}

/** The responses as the people see them who work on the case: with where each stands in public. */
export function staffResponses(responses: readonly ResponseRow[]): Schemas['StaffResponse'][] {
  return responses
    .filter(({ takenBack }) => !takenBack)
    .map((response) => ({ ...responseView(response), publication: response.publication }))
}

/** The responses that somebody with this view of the case sees, oldest first. */
export function responsesIn(responses: readonly ResponseRow[], view: CaseView): Schemas['Response'][] {
  return responses.filter((response) => isSeen(response, view)).map(responseView)
}

function isSeen({ publication, takenBack }: ResponseRow, view: CaseView): boolean {
  switch (view) {
    case 'hidden':
    case 'stub':
      return false
    case 'public':
    case 'own':
    case 'reporter':
      return publication === 'published'
    case 'staff':
    case 'staff_without_contact':
      return !takenBack
  }
}
