import { answerSurvey as answer, getSurvey as getSurveyFromStore } from '../../domain/surveys.ts'
import { surveyView } from '../views/survey.ts'
import type { Handle } from './context.ts'

export const getSurvey: Handle<'getSurvey'> = async ({ db, path, now }) => {
  return { status: 200, body: surveyView(await getSurveyFromStore(db, path.token, now)) }
}

export const answerSurvey: Handle<'answerSurvey'> = async ({ db, body, path, now }) => {
  return { status: 201, body: surveyView(await answer(db, path.token, body, now)) }
}
