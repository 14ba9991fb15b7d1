import { readFileSync } from 'node:fs'
import type { NotificationKind } from '../../prisma/client.ts'
import { readTemplate, type Template } from './template.ts'

/** The messages by what they tell; their texts are in `workers/mails`. A process with a bad one does not start. */
export const templates: Readonly<Record<NotificationKind, Template>> = {
  case_for_organisation: read('case-for-organisation'),
  referral_for_organisation: read('referral-for-organisation'),
  feedback_digest: read('feedback-digest'),
  urgent_for_on_call: read('urgent-for-on-call'),
  receipt_for_reporter: read('receipt-for-reporter'),
  question_for_reporter: read('question-for-reporter'),
  response_for_reporter: read('response-for-reporter'),
  closing_for_reporter: read('closing-for-reporter'),
  removal_for_reporter: read('removal-for-reporter'),
  restoration_for_reporter: read('restoration-for-reporter'),
  survey_for_reporter: read('survey-for-reporter'),
  digest_confirmation: read('digest-confirmation'),
  query_digest: read('query-digest'),
  subscription_paused: read('subscription-paused'),
  escalation_for_commissioner: read('escalation-for-commissioner'),
  escalation_for_national_contact: read('escalation-for-national-contact'),
  extension_for_reporter: read('extension-for-reporter'),
}

function read(name: string): Template {
  return readTemplate(readFileSync(new URL(`../mails/${name}.txt`, import.meta.url), 'utf8'))
}
