import type { Handlers } from '../contract/handler.ts'
import { createCase, getCase, listCases } from './cases.ts'
import {
  createClient,
  createKey,
  getClient,
  listClients,
  revokeClient,
  revokeKey,
  updateClient,
} from './clients.ts'
import { searchContacts } from './contacts.ts'
import type { Context } from './context.ts'
import { getForm } from './forms.ts'
import { getGeoFeed } from './geo.ts'
import { listAccesses, listCaseEvents } from './history.ts'
import { createImage, getImage } from './images.ts'
import {
  createClaim,
  createDecision,
  createDecisions,
  endClaim,
  listDecisions,
  listQueue,
} from './moderation.ts'
import {
  createRemovalRequest,
  createReport,
  decideRemoval,
  listRemovalRequests,
  listReports,
} from './objections.ts'
import { getOrganisationSettings, updateOrganisationSettings } from './organisation-settings.ts'
import { getOrganisation, listOrganisations } from './organisations.ts'
import { listPolicies, updatePolicy } from './policies.ts'
import {
  createAddition,
  createMessage,
  createOutcome,
  createReopening,
  createWithdrawal,
  renewReceipt,
} from './reporter.ts'
import { createResponseDecision } from './response-decisions.ts'
import { createResponse, listResponses } from './responses.ts'
import { getLiveness, getReadiness, listCategories } from './service.ts'
import { createSource, getSource, listRuns, listSources, pushItems, updateSource } from './sources.ts'
import { answerSurvey, getSurvey } from './surveys.ts'
import {
  getService,
  listChannels,
  listInstruments,
  listKinds,
  listPrivacies,
  listPublications,
  listReasons,
  listStatuses,
} from './vocabularies.ts'
import { answerReferral, createNote, createReferral, listNotes, updateCase } from './work.ts'

/** The handler of every operation; the compiler wants each, the start refuses one too many. */
export const handlers: Handlers<Context> = {
  answerReferral,
  answerSurvey,
  createAddition,
  createCase,
  createClaim,
  createClient,
  createDecision,
  createDecisions,
  createImage,
  createKey,
  createMessage,
  createNote,
  createOutcome,
  createReferral,
  createRemovalRequest,
  createReopening,
  createReport,
  createResponse,
  createResponseDecision,
  createSource,
  createWithdrawal,
  decideRemoval,
  endClaim,
  getCase,
  getClient,
  getForm,
  getGeoFeed,
  getImage,
  getLiveness,
  getOrganisation,
  getOrganisationSettings,
  getReadiness,
  getService,
  getSource,
  getSurvey,
  listAccesses,
  listCaseEvents,
  listCases,
  listCategories,
  listChannels,
  listClients,
  listDecisions,
  listInstruments,
  listKinds,
  listNotes,
  listOrganisations,
  listPolicies,
  listPrivacies,
  listPublications,
  listQueue,
  listReasons,
  listRemovalRequests,
  listReports,
  listResponses,
  listRuns,
  listSources,
  listStatuses,
  pushItems,
  renewReceipt,
  revokeClient,
  revokeKey,
  searchContacts,
  updateCase,
  updateClient,
  updateOrganisationSettings,
  updatePolicy,
  updateSource,
}
