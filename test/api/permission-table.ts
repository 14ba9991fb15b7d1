import type { CaseView, Relation } from '../../domain/case-rules.ts'
import type { Fixture } from './permission-fixtures.ts'

export const callers = [
  'nobody',
  'reporter',
  'form',
  'integrator',
  'case_handler',
  'second_tier',
  'provider',
  'other_provider',
  'commissioner',
  'other_commissioner',
  'feed_provider',
  'supplier',
  'administrator',
] as const
export type CallerName = (typeof callers)[number]

/** `yes`: done, or refused for what was asked and not for who asked; otherwise the status of the refusal. */
export type Outcome = 'yes' | '401' | '403' | '404'

export type Row = {
  operation: string
  /** What is asked about; an operation stands here with as many as make a difference. */
  of: Fixture
  cells: readonly string[]
}

/** By hand from the table of callers and section 4 of the design: `+` is yes; 1, 3 and 4 are 401, 403 and 404. */
const TABLE = `
                                      none rcpt form intg hand 2nd  prov oprv comm ocom feed supp admn
listCases                  published  +    +    3    +    +    +    +    +    +    +    +    +    +
createCase                 nothing    1    1    +    +    +    3    3    3    3    3    3    3    3
getCase                    published  +    +    3    +    +    +    +    +    +    +    +    +    +
getCase                    referred   4    +    3    +    +    +    +    4    +    4    4    4    4
updateCase                 published  1    1    3    3    +    3    +    3    3    3    3    3    3
updateCase                 referred   1    1    3    3    +    3    +    4    3    3    3    3    3
updateCase                 referredOn 1    1    3    3    +    3    +    3    3    3    3    3    3
listDecisions              published  +    +    3    +    +    +    +    +    +    +    +    +    +
listDecisions              referred   4    +    3    +    +    +    +    4    +    4    4    4    4
createDecision             published  1    1    3    3    +    4    3    3    3    3    3    3    3
createDecision             referred   1    1    3    3    +    +    3    3    3    3    3    3    3
listResponses              published  +    +    3    +    +    +    +    +    +    +    +    +    +
listResponses              referred   4    +    3    +    +    +    +    4    +    4    4    4    4
createResponse             published  1    1    3    3    +    3    +    3    3    3    3    3    3
createResponse             referred   1    1    3    3    +    3    +    4    3    3    3    3    3
createResponse             referredOn 1    1    3    3    +    3    +    3    3    3    3    3    3
listCaseTemplates          published  1    1    3    3    +    3    +    3    3    3    3    3    3
listCaseTemplates          referred   1    1    3    3    +    3    +    4    3    3    3    3    3
listCaseTemplates          referredOn 1    1    3    3    +    3    +    3    3    3    3    3    3
listResponseTemplates      nothing    1    1    3    3    +    3    +    +    3    3    3    3    3
createResponseTemplate     nothing    1    1    3    3    +    3    +    +    3    3    3    3    3
getResponseTemplate        template   1    1    3    3    4    3    +    4    3    3    3    3    3
updateResponseTemplate     template   1    1    3    3    4    3    +    4    3    3    3    3    3
removeResponseTemplate     template   1    1    3    3    4    3    +    4    3    3    3    3    3
listDemand                 nothing    1    1    3    3    +    +    +    +    +    +    3    3    +
listQueueAges              nothing    1    1    3    3    +    +    +    +    +    +    3    3    +
createAddition             published  1    +    1    1    1    1    1    1    1    1    1    1    1
createAddition             referred   1    +    1    1    1    1    1    1    1    1    1    1    1
createWithdrawal           published  1    +    1    1    1    1    1    1    1    1    1    1    1
createReopening            closed     1    +    1    1    1    1    1    1    1    1    1    1    1
createOutcome              closed     1    +    1    1    1    1    1    1    1    1    1    1    1
renewReceipt               published  1    1    3    3    +    4    3    3    3    3    3    3    3
createMessage              published  1    1    3    3    +    3    +    3    3    3    3    3    3
createMessage              referredOn 1    1    3    3    +    3    +    3    3    3    3    3    3
createPause                published  1    1    3    3    +    3    +    3    3    3    3    3    3
createPause                referredOn 1    1    3    3    +    3    +    3    3    3    3    3    3
endPause                   paused     1    1    3    3    +    3    +    3    3    3    3    3    3
createExtension            published  1    1    3    3    +    3    +    3    3    3    3    3    3
createExtension            referredOn 1    1    3    3    +    3    +    3    3    3    3    3    3
answerExtension            extended   1    +    1    1    1    1    1    1    1    1    1    1    1
createEscalation           published  1    1    3    3    +    3    3    3    3    3    3    3    3
createEscalation           referred   1    1    3    3    +    3    3    3    3    4    3    3    3
answerEscalation           escalated  1    1    3    3    +    3    3    3    +    3    3    3    3
listEscalations            escalated  1    1    3    3    +    3    3    3    +    +    3    3    3
getSurvey                  closed     +    +    +    +    +    +    +    +    +    +    +    +    +
answerSurvey               closed     +    +    +    +    +    +    +    +    +    +    +    +    +
searchContacts             published  1    1    3    3    +    3    3    3    3    3    3    3    3
createPreview              nothing    1    1    +    +    +    3    3    3    3    3    3    3    3
createImage                nothing    1    1    +    +    +    3    3    3    3    3    3    3    3
getImage                   published  +    +    3    +    +    +    +    +    +    +    +    +    +
getImage                   referred   4    +    3    4    +    +    +    4    +    4    4    4    4
listQueue                  referred   1    1    3    3    +    +    3    3    3    3    3    3    3
createClaim                published  1    1    3    3    +    4    3    3    3    3    3    3    3
createClaim                referred   1    1    3    3    +    +    3    3    3    3    3    3    3
endClaim                   published  1    1    3    3    +    4    3    3    3    3    3    3    3
endClaim                   referred   1    1    3    3    +    +    3    3    3    3    3    3    3
createDecisions            published  1    1    3    3    +    +    3    3    3    3    3    3    3
createResponseDecision     published  1    1    3    3    +    4    3    3    3    3    3    3    3
createReport               published  +    +    +    +    +    +    +    +    +    +    +    +    +
listReports                published  1    1    3    3    +    +    3    3    3    3    3    3    3
createRemovalRequest       published  1    1    3    3    3    3    +    3    3    3    3    3    3
createRemovalRequest       referredOn 1    1    3    3    3    3    +    3    3    3    3    3    3
listRemovalRequests        requested  1    1    3    3    +    3    +    +    3    3    3    3    3
decideRemoval              requested  1    1    3    3    +    4    3    3    3    3    3    3    3
createReferral             published  1    1    3    3    +    3    +    3    3    3    3    3    3
createReferral             referredOn 1    1    3    3    +    3    +    3    3    3    3    3    3
answerReferral             referredOn 1    1    3    3    3    3    +    3    3    3    3    3    3
listNotes                  published  1    1    3    3    +    4    +    3    3    3    3    3    3
listNotes                  referred   1    1    3    3    +    +    +    4    3    4    3    3    3
createNote                 published  1    1    3    3    +    4    +    3    3    3    3    3    3
createNote                 referred   1    1    3    3    +    +    +    4    3    4    3    3    3
listCaseEvents             published  1    1    3    3    +    4    +    3    +    3    3    3    3
listCaseEvents             referred   1    1    3    3    +    +    +    4    +    4    3    3    3
listCaseEvents             referredOn 1    1    3    3    +    4    +    +    +    3    3    3    3
getOrganisationSettings    nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
updateOrganisationSettings nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createOrganisation         nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
updateOrganisation         nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createService              nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
updateService              nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createClosure              nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
endClosure                 nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createImport               nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
listImports                nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
getImport                  imported   1    1    3    3    3    3    3    3    3    3    3    3    +
listImportRows             imported   1    1    3    3    3    3    3    3    3    3    3    3    +
listClients                nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createClient               nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
getClient                  client     1    1    3    3    3    3    3    3    3    3    3    3    +
updateClient               client     1    1    3    3    3    3    3    3    3    3    3    3    +
revokeClient               client     1    1    3    3    3    3    3    3    3    3    3    3    +
createKey                  client     1    1    3    3    3    3    3    3    3    3    3    3    +
revokeKey                  client     1    1    3    3    3    3    3    3    3    3    3    3    +
listAccesses               nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
getService                 nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
getForm                    nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
getStatistics              nothing    +    +    3    +    +    +    +    +    +    +    +    +    +
listFigures                nothing    +    +    3    +    +    +    +    +    +    +    +    +    +
listStatistics             nothing    +    +    3    +    +    +    +    +    +    +    +    +    +
listWithheld               nothing    +    +    3    +    +    +    +    +    +    +    +    +    +
listStatuses               nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
listPublications           nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
listChannels               nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
listKinds                  nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
listPrivacies              nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
listReasons                nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
listInstruments            nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
listPolicies               nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
updatePolicy               nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
getGeoFeed                 published  +    +    3    +    +    +    +    +    +    +    +    +    +
listMapChanges             published  +    +    3    +    +    +    +    +    +    +    +    +    +
listEvents                 published  +    +    3    +    +    +    +    +    +    +    +    +    +
streamEvents               nothing    +    +    3    +    +    +    +    +    +    +    +    +    +
getClusters                published  +    +    3    +    +    +    +    +    +    +    +    +    +
getTile                    published  +    +    3    +    +    +    +    +    +    +    +    +    +
getTileJson                published  +    +    3    +    +    +    +    +    +    +    +    +    +
getOrganisationFeed        published  +    +    3    +    +    +    +    +    +    +    +    +    +
countCases                 published  +    +    3    +    +    +    +    +    +    +    +    +    +
getCaseAtom                published  +    +    3    +    +    +    +    +    +    +    +    +    +
getCaseJsonFeed            published  +    +    3    +    +    +    +    +    +    +    +    +    +
getCaseRss                 published  +    +    3    +    +    +    +    +    +    +    +    +    +
getCaseAtomArchive         archived   +    +    3    +    +    +    +    +    +    +    +    +    +
getCaseJsonFeedArchive     archived   +    +    3    +    +    +    +    +    +    +    +    +    +
getCaseRssArchive          archived   +    +    3    +    +    +    +    +    +    +    +    +    +
getOgcLanding              published  +    +    3    +    +    +    +    +    +    +    +    +    +
getOgcDefinition           published  +    +    3    +    +    +    +    +    +    +    +    +    +
getOgcConformance          published  +    +    3    +    +    +    +    +    +    +    +    +    +
listOgcCollections         published  +    +    3    +    +    +    +    +    +    +    +    +    +
getOgcCollection           published  +    +    3    +    +    +    +    +    +    +    +    +    +
listOgcCases               published  +    +    3    +    +    +    +    +    +    +    +    +    +
getOgcCase                 published  +    +    3    +    +    +    +    +    +    +    +    +    +
listOgcOrganisations       published  +    +    3    +    +    +    +    +    +    +    +    +    +
getOgcOrganisation         published  +    +    3    +    +    +    +    +    +    +    +    +    +
listOrganisations          nothing    +    +    3    +    +    +    +    +    +    +    +    +    +
getOrganisation            nothing    +    +    3    +    +    +    +    +    +    +    +    +    +
listCategories             nothing    +    +    3    +    +    +    +    +    +    +    +    +    +
listSources                nothing    1    1    3    3    3    3    3    3    3    3    +    3    +
createSource               nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
getSource                  nothing    1    1    3    3    3    3    3    3    3    3    +    3    +
updateSource               nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
pushItems                  nothing    1    1    3    3    3    3    3    3    3    3    +    3    3
pushDocument               nothing    1    1    3    3    3    3    3    3    3    3    +    3    3
receiveText                nothing    1    1    3    3    3    3    3    3    3    3    +    3    3
receiveWebhook             signer     +    +    +    +    +    +    +    +    +    +    +    +    +
listQueries                nothing    1    1    3    +    +    +    +    +    +    +    +    +    +
createQuery                nothing    1    1    3    +    +    +    +    +    +    +    +    +    +
getQuery                   queried    +    +    3    +    +    +    +    +    +    +    +    +    +
updateQuery                queried    1    1    3    4    4    4    4    4    4    4    4    +    4
removeQuery                queried    1    1    3    4    4    4    4    4    4    4    4    +    4
listDigests                nothing    1    1    3    +    +    +    +    +    +    +    +    +    +
createDigest               queried    1    1    3    +    +    +    +    +    +    +    +    +    +
getDigest                  ordered    1    1    3    4    4    4    4    4    4    4    4    +    4
endDigest                  ordered    1    1    3    4    4    4    4    4    4    4    4    +    4
createDigestConfirmation   ordered    +    +    +    +    +    +    +    +    +    +    +    +    +
createDigestEnd            ordered    +    +    +    +    +    +    +    +    +    +    +    +    +
listSubscriptions          nothing    1    1    3    +    +    +    +    +    +    +    +    +    +
createSubscription         nothing    1    1    3    +    +    +    +    +    +    +    +    +    +
getSubscription            subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
updateSubscription         subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
endSubscription            subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
listSubscriptionSecrets    subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
createSubscriptionSecret   subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
createSubscriptionTest     subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
listDeliveries             subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
getDelivery                subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
createRedeliveries         subscribed 1    1    3    4    4    4    4    4    4    4    4    +    4
listSourceSecrets          signer     1    1    3    3    3    3    3    3    3    3    3    3    +
createProbe                quarantined 1    1    3    3    3    3    3    3    3    3    3    3    +
getRun                     quarantined 1    1    3    3    3    3    3    3    3    3    +    3    +
listRunResults             quarantined 1    1    3    3    3    3    3    3    3    3    +    3    +
createCancellation         quarantined 1    1    3    3    3    3    3    3    3    3    3    3    +
listQuarantine             quarantined 1    1    3    3    3    3    3    3    3    3    +    3    +
getQuarantined             quarantined 1    1    3    3    3    3    3    3    3    3    +    3    +
createDismissal            quarantined 1    1    3    3    3    3    3    3    3    3    3    3    +
createRedrive              quarantined 1    1    3    3    3    3    3    3    3    3    3    3    +
listAliases                quarantined 1    1    3    3    3    3    3    3    3    3    +    3    +
createAlias                quarantined 1    1    3    3    3    3    3    3    3    3    3    3    +
removeAlias                quarantined 1    1    3    3    3    3    3    3    3    3    3    3    +
listItemVersions           quarantined 1    1    3    3    3    3    3    3    3    3    +    3    +
listAttention              quarantined 1    1    3    3    3    3    3    3    3    3    +    3    +
createSourceSecret         signer     1    1    3    3    3    3    3    3    3    3    3    3    +
revokeSourceSecret         signer     1    1    3    3    3    3    3    3    3    3    3    3    +
listRuns                   nothing    1    1    3    3    3    3    3    3    3    3    +    3    +
getMapping                 nothing    1    1    3    3    3    3    3    3    3    3    +    3    +
updateMapping              nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createNormalisation        nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
listNotifications          nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createNotificationRetry    failed     1    1    3    3    3    3    3    3    3    3    3    3    +
receiveNotifyReceipt       nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
listRecalls                nothing    1    1    3    +    +    +    +    +    +    +    +    +    +
getRecall                  recalled   1    1    3    4    4    4    4    4    4    4    4    +    +
createRecallConfirmation   recalled   1    1    3    4    4    4    4    4    4    4    4    +    4
listRetentionPolicies      nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createRetentionPolicy      nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
updateRetentionPolicy      retained   1    1    3    3    3    3    3    3    3    3    3    3    +
removeRetentionPolicy      retained   1    1    3    3    3    3    3    3    3    3    3    3    +
createRetentionRun         nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
listRetentionRuns          nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
getRetentionRun            retained   1    1    3    3    3    3    3    3    3    3    3    3    +
listLegalHolds             nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createLegalHold            nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
endLegalHold               retained   1    1    3    3    3    3    3    3    3    3    3    3    +
listErasures               nothing    1    1    3    3    3    3    3    3    3    3    3    3    +
createErasure              closed     1    1    3    3    3    3    3    3    3    3    3    3    +
getErasure                 erased     1    1    3    3    3    3    3    3    3    3    3    3    +
createSubjectAccess        closed     1    1    3    3    3    3    3    3    3    3    3    3    +
getHealth                  nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
getLiveness                nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
getReadiness               nothing    +    +    +    +    +    +    +    +    +    +    +    +    +
`

/** What belongs to one client is not there for any other. */
export const owners: Partial<Record<Fixture, CallerName>> = {
  subscribed: 'supplier',
  queried: 'supplier',
  ordered: 'supplier',
  template: 'provider',
  recalled: 'supplier',
}

/** Who may do this to what belongs to others too. */
export const overseers: Partial<Record<string, CallerName>> = { getRecall: 'administrator' }

/** By hand: how each caller stands to the cases that are asked about; who is not named stands to them as the public. */
export const standing: Record<
  'published' | 'referred' | 'referredOn',
  Partial<Record<CallerName, Relation>>
> = {
  published: {
    reporter: 'reporter',
    integrator: 'origin',
    case_handler: 'handler',
    provider: 'provider',
    commissioner: 'commissioner',
  },
  referred: {
    reporter: 'reporter',
    integrator: 'origin',
    case_handler: 'handler',
    second_tier: 'second_tier',
    provider: 'provider',
    commissioner: 'commissioner',
  },
  referredOn: {
    reporter: 'reporter',
    integrator: 'origin',
    case_handler: 'handler',
    provider: 'provider',
    other_provider: 'former_provider',
    commissioner: 'commissioner',
  },
}

/** By hand: what the public sees of them. */
export const publicly: Record<keyof typeof standing, CaseView> = {
  published: 'public',
  referred: 'hidden',
  referredOn: 'public',
}

/** The table, line by line. */
export const rows: readonly Row[] = TABLE.trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(/ +/))
  .map(([operation = '', of = '', ...cells]) => ({ operation, of: of as Fixture, cells }))

/** What a line says of a caller; throws when it does not say it. */
export function wanted({ operation, of, cells }: Row, caller: CallerName): Outcome {
  const outcomes: Partial<Record<string, Outcome>> = { '+': 'yes', '1': '401', '3': '403', '4': '404' }
  const outcome = outcomes[cells[callers.indexOf(caller)] ?? '']
  if (outcome === undefined || cells.length !== callers.length)
    throw new Error(`the table says nothing of ${operation} (${of}) by ${caller}`)
  return outcome
}
