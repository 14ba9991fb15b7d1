import type { Survey } from '../../domain/surveys.ts'
import type { Schemas } from '../contract/handler.ts'

const QUESTIONS: Schemas['Survey']['questions'] = [
  { name: 'resolved', label: 'Was it resolved?' },
  { name: 'manner', label: 'Were you treated well while it was dealt with?' },
]

/** The question about an outcome, as whoever has the link sees it. */
export function surveyView(survey: Survey): Schemas['Survey'] {
  return {
    reference: survey.reference,
    organisation: { code: survey.organisation.code, name: survey.organisation.name },
    closedAt: survey.closedAt,
    questions: QUESTIONS,
    answered: survey.answered,
    expiresAt: survey.expiresAt,
  }
}
