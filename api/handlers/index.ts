import type { Handlers } from '../contract/handler.ts'
import { createAlias, listAliases, removeAlias } from './aliases.ts'
import { listAttention } from './attention.ts'
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
import { countCases } from './counts.ts'
import { listDemand } from './demand.ts'
import {
  createDigest,
  createDigestConfirmation,
  createDigestEnd,
  endDigest,
  getDigest,
  listDigests,
} from './digests.ts'
import { createErasure, getErasure, listErasures } from './erasures.ts'
import { answerEscalation, createEscalation, listEscalations } from './escalations.ts'
import { listEvents, streamEvents } from './events.ts'
import { answerExtension, createExtension } from './extensions.ts'
import {
  getCaseAtom,
  getCaseAtomArchive,
  getCaseJsonFeed,
  getCaseJsonFeedArchive,
  getCaseRss,
  getCaseRssArchive,
} from './feeds.ts'
import { getForm } from './forms.ts'
import { getGeoFeed } from './geo.ts'
import { listAccesses, listCaseEvents } from './history.ts'
import { createImage, getImage } from './images.ts'
import { createImport, getImport, listImportRows, listImports } from './imports.ts'
import { listMapChanges } from './map-changes.ts'
import { createNormalisation, getMapping, updateMapping } from './mapping.ts'
import {
  createClaim,
  createDecision,
  createDecisions,
  endClaim,
  listDecisions,
  listQueue,
} from './moderation.ts'
import { createNotificationRetry, listNotifications, receiveNotifyReceipt } from './notifications.ts'
import {
  createRemovalRequest,
  createReport,
  decideRemoval,
  listRemovalRequests,
  listReports,
} from './objections.ts'
import {
  getOgcCase,
  getOgcCollection,
  getOgcConformance,
  getOgcDefinition,
  getOgcLanding,
  getOgcOrganisation,
  listOgcCases,
  listOgcCollections,
  listOgcOrganisations,
} from './ogc.ts'
import { getOrganisationFeed } from './organisation-feed.ts'
import { getOrganisationSettings, updateOrganisationSettings } from './organisation-settings.ts'
import { getOrganisation, listOrganisations } from './organisations.ts'
import { createPause, endPause } from './pauses.ts'
import { listPolicies, updatePolicy } from './policies.ts'
import { createPreview } from './previews.ts'
import { pushDocument, pushItems, receiveText, receiveWebhook } from './pushes.ts'
import {
  createDismissal,
  createRedrive,
  getQuarantined,
  listItemVersions,
  listQuarantine,
} from './quarantine.ts'
import { createQuery, getQuery, listQueries, removeQuery, updateQuery } from './queries.ts'
import { listQueueAges } from './queue-ages.ts'
import { createRecallConfirmation, getRecall, listRecalls } from './recalls.ts'
import {
  createClosure,
  createOrganisation,
  createService,
  endClosure,
  updateOrganisation,
  updateService,
} from './registry.ts'
import {
  createAddition,
  createMessage,
  createOutcome,
  createReopening,
  createWithdrawal,
  renewReceipt,
} from './reporter.ts'
import { createResponseDecision } from './response-decisions.ts'
import {
  createResponseTemplate,
  getResponseTemplate,
  listCaseTemplates,
  listResponseTemplates,
  removeResponseTemplate,
  updateResponseTemplate,
} from './response-templates.ts'
import { createResponse, listResponses } from './responses.ts'
import {
  createLegalHold,
  createRetentionPolicy,
  createRetentionRun,
  endLegalHold,
  getRetentionRun,
  listLegalHolds,
  listRetentionPolicies,
  listRetentionRuns,
  removeRetentionPolicy,
  updateRetentionPolicy,
} from './retention.ts'
import { createCancellation, createProbe, getRun, listRunResults, listRuns } from './runs.ts'
import { getHealth, getLiveness, getReadiness, listCategories } from './service.ts'
import { createSourceSecret, listSourceSecrets, revokeSourceSecret } from './source-secrets.ts'
import { createSource, getSource, listSources, updateSource } from './sources.ts'
import { getStatistics, listFigures, listStatistics, listWithheld } from './statistics.ts'
import { createSubjectAccess } from './subject-access.ts'
import {
  createRedeliveries,
  createSubscription,
  createSubscriptionSecret,
  createSubscriptionTest,
  endSubscription,
  getDelivery,
  getSubscription,
  listDeliveries,
  listSubscriptionSecrets,
  listSubscriptions,
  updateSubscription,
} from './subscriptions.ts'
import { answerSurvey, getSurvey } from './surveys.ts'
import { getClusters, getTile, getTileJson } from './tiles.ts'
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
  answerEscalation,
  answerExtension,
  createClosure,
  createErasure,
  createEscalation,
  createExtension,
  createImport,
  createLegalHold,
  createOrganisation,
  createPause,
  createRecallConfirmation,
  createResponseTemplate,
  createRetentionPolicy,
  createRetentionRun,
  createService,
  createSubjectAccess,
  endClosure,
  endLegalHold,
  endPause,
  getErasure,
  getImport,
  getRecall,
  getResponseTemplate,
  getRetentionRun,
  getStatistics,
  listCaseTemplates,
  listDemand,
  listErasures,
  listEscalations,
  listFigures,
  listImportRows,
  listImports,
  listLegalHolds,
  listQueueAges,
  listRecalls,
  listResponseTemplates,
  listRetentionPolicies,
  listRetentionRuns,
  listStatistics,
  listWithheld,
  removeResponseTemplate,
  removeRetentionPolicy,
  updateOrganisation,
  updateResponseTemplate,
  updateRetentionPolicy,
  updateService,
  answerReferral,
  answerSurvey,
  createAddition,
  createAlias,
  createCancellation,
  createCase,
  createClaim,
  createClient,
  createDecision,
  createDecisions,
  createDismissal,
  createImage,
  createKey,
  createMessage,
  createNormalisation,
  createNote,
  createOutcome,
  createPreview,
  createProbe,
  createRedrive,
  createReferral,
  createRemovalRequest,
  createReopening,
  createReport,
  createResponse,
  createResponseDecision,
  createSource,
  createSourceSecret,
  createWithdrawal,
  decideRemoval,
  endClaim,
  getCase,
  getClient,
  getForm,
  getGeoFeed,
  getClusters,
  getTile,
  getTileJson,
  getOgcLanding,
  getOgcDefinition,
  getOgcConformance,
  listOgcCollections,
  getOgcCollection,
  listOgcCases,
  getOgcCase,
  listOgcOrganisations,
  getOgcOrganisation,
  getCaseAtom,
  getOrganisationFeed,
  countCases,
  listMapChanges,
  getCaseJsonFeed,
  getCaseRss,
  getCaseAtomArchive,
  getCaseJsonFeedArchive,
  getCaseRssArchive,
  listEvents,
  streamEvents,
  listQueries,
  createQuery,
  getQuery,
  updateQuery,
  removeQuery,
  listSubscriptions,
  createSubscription,
  getSubscription,
  updateSubscription,
  endSubscription,
  listSubscriptionSecrets,
  createSubscriptionSecret,
  createSubscriptionTest,
  listDeliveries,
  getDelivery,
  createRedeliveries,
  listDigests,
  createDigest,
  getDigest,
  endDigest,
  createDigestConfirmation,
  createDigestEnd,
  listNotifications,
  createNotificationRetry,
  receiveNotifyReceipt,
  getHealth,
  getImage,
  getLiveness,
  getMapping,
  getOrganisation,
  getOrganisationSettings,
  getQuarantined,
  getReadiness,
  getRun,
  getService,
  getSource,
  getSurvey,
  listAccesses,
  listAliases,
  listAttention,
  listCaseEvents,
  listCases,
  listCategories,
  listChannels,
  listClients,
  listDecisions,
  listInstruments,
  listItemVersions,
  listKinds,
  listNotes,
  listOrganisations,
  listPolicies,
  listPrivacies,
  listPublications,
  listQuarantine,
  listQueue,
  listReasons,
  listRemovalRequests,
  listReports,
  listResponses,
  listRunResults,
  listRuns,
  listSourceSecrets,
  listSources,
  listStatuses,
  pushDocument,
  pushItems,
  receiveText,
  receiveWebhook,
  removeAlias,
  renewReceipt,
  revokeClient,
  revokeKey,
  revokeSourceSecret,
  searchContacts,
  updateCase,
  updateClient,
  updateMapping,
  updateOrganisationSettings,
  updatePolicy,
  updateSource,
}
