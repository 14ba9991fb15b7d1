import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { roleScopes, type Scope, staffRoles } from '../../domain/callers.ts'
import {
  type CaseAction,
  casePermissions,
  publicationMoves,
  type Relation,
  statusMoves,
} from '../../domain/case-rules.ts'
import type { Role } from '../../prisma/client.ts'

const { operations } = readContract()

const vocabularies = [
  'getForm',
  'getService',
  'listChannels',
  'listInstruments',
  'listKinds',
  'listPolicies',
  'listPrivacies',
  'listPublications',
  'listReasons',
  'listStatuses',
]
const withoutKeyOnly = [
  'answerSurvey',
  'createDigestConfirmation',
  'createDigestEnd',
  'createReport',
  'getSurvey',
]
const everybodyReads = [
  ...vocabularies,
  'countCases',
  'getCase',
  'getCaseAtom',
  'getCaseAtomArchive',
  'getCaseJsonFeed',
  'getCaseJsonFeedArchive',
  'getCaseRss',
  'getCaseRssArchive',
  'getClusters',
  'getGeoFeed',
  'getImage',
  'getOrganisation',
  'getOrganisationFeed',
  'getQuery',
  'getTile',
  'getStatistics',
  'getTileJson',
  'listCases',
  'listCategories',
  'listDecisions',
  'listEvents',
  'listFigures',
  'listMapChanges',
  'listOrganisations',
  'listResponses',
  'listStatistics',
  'listWithheld',
  'streamEvents',
]
const caseReads = ['listCaseEvents', 'listNotes', 'createNote']
const responds = [
  'answerReferral',
  'createExtension',
  'createMessage',
  'createPause',
  'createReferral',
  'createRemovalRequest',
  'createResponse',
  'createResponseTemplate',
  'endPause',
  'getResponseTemplate',
  'listCaseTemplates',
  'listRemovalRequests',
  'listResponseTemplates',
  'removeResponseTemplate',
  'updateCase',
  'updateResponseTemplate',
]
const escalates = ['answerEscalation', 'createEscalation', 'listEscalations']
const countsAll = ['listDemand', 'listQueueAges']
const moderates = [
  'createClaim',
  'createDecision',
  'createDecisions',
  'createResponseDecision',
  'decideRemoval',
  'endClaim',
  'listQueue',
  'listReports',
  'renewReceipt',
]
const subscribes = [
  'createRecallConfirmation',
  'getRecall',
  'listRecalls',
  'createDigest',
  'createQuery',
  'createRedeliveries',
  'createSubscription',
  'createSubscriptionSecret',
  'createSubscriptionTest',
  'endDigest',
  'endSubscription',
  'getDelivery',
  'getDigest',
  'getSubscription',
  'listDeliveries',
  'listDigests',
  'listQueries',
  'listSubscriptionSecrets',
  'listSubscriptions',
  'removeQuery',
  'updateQuery',
  'updateSubscription',
]
const creates = ['createCase', 'createImage', 'createPreview']
const sourceReads = [
  'getMapping',
  'getQuarantined',
  'getRun',
  'getSource',
  'listAliases',
  'listAttention',
  'listItemVersions',
  'listQuarantine',
  'listRunResults',
  'listRuns',
  'listSources',
]

// By hand from the table of callers: what each role's key opens under /v1; the relation to the case decides the rest.
const expected: Record<Role | 'nobody' | 'receipt' | 'signature', string[]> = {
  nobody: [...everybodyReads, ...withoutKeyOnly],
  receipt: [
    'answerExtension',
    'createAddition',
    'createOutcome',
    'createReopening',
    'createWithdrawal',
    'getCase',
    'getImage',
    'listDecisions',
    'listResponses',
  ],
  signature: ['receiveNotifyReceipt', 'receiveWebhook'],
  form: [...vocabularies, ...creates],
  integrator: [...everybodyReads, ...subscribes, ...creates, ...caseReads],
  case_handler: [
    ...everybodyReads,
    ...subscribes,
    ...creates,
    ...caseReads,
    ...moderates,
    ...responds,
    ...escalates,
    ...countsAll,
    'searchContacts',
  ],
  second_tier: [...everybodyReads, ...subscribes, ...caseReads, ...moderates, ...countsAll],
  provider: [...everybodyReads, ...subscribes, ...caseReads, ...responds, ...countsAll],
  commissioner: [...everybodyReads, ...subscribes, ...caseReads, ...escalates, ...countsAll],
  feed_provider: [
    ...everybodyReads,
    ...subscribes,
    ...sourceReads,
    'pushDocument',
    'pushItems',
    'receiveText',
  ],
  supplier: [...everybodyReads, ...subscribes],
  administrator: [
    ...everybodyReads,
    ...subscribes,
    ...sourceReads,
    ...countsAll,
    'createClosure',
    'createErasure',
    'createImport',
    'createLegalHold',
    'createOrganisation',
    'createRetentionPolicy',
    'createRetentionRun',
    'createService',
    'createSubjectAccess',
    'endClosure',
    'endLegalHold',
    'getErasure',
    'getImport',
    'getRetentionRun',
    'listErasures',
    'listImportRows',
    'listImports',
    'listLegalHolds',
    'listRetentionPolicies',
    'listRetentionRuns',
    'removeRetentionPolicy',
    'updateOrganisation',
    'updateRetentionPolicy',
    'updateService',
    'createAlias',
    'createCancellation',
    'createClient',
    'createDismissal',
    'createKey',
    'createNormalisation',
    'createNotificationRetry',
    'createProbe',
    'createRedrive',
    'createSource',
    'createSourceSecret',
    'getClient',
    'getOrganisationSettings',
    'listAccesses',
    'listClients',
    'listNotifications',
    'listSourceSecrets',
    'removeAlias',
    'revokeClient',
    'revokeKey',
    'revokeSourceSecret',
    'updateClient',
    'updateMapping',
    'updateOrganisationSettings',
    'updatePolicy',
    'updateSource',
  ],
}

t.test('every role opens the operations that it is for, and no others', async (t) => {
  t.same(Object.keys(expected).sort(), ['nobody', 'receipt', 'signature', ...Object.keys(roleScopes)].sort())
  for (const [role, names] of Object.entries(expected)) {
    const opened = operations.filter(({ path, security }) => path.startsWith('/v1/') && opens(role, security))
    t.same(opened.map(({ id }) => id).sort(), [...names].sort(), role)
  }
})

t.test('every operation that is closed to the public opens for somebody', async (t) => {
  for (const { id, path } of operations)
    if (path.startsWith('/v1/'))
      t.ok(
        Object.values(expected).some((names) => names.includes(id)),
        id,
      )
})

t.test('who may move a case by the rules has the scope to do it', async (t) => {
  const roleOf: Partial<Record<Relation, Role>> = { handler: 'case_handler', provider: 'provider' }
  const movers = new Set(Object.values(statusMoves).flatMap((moves) => moves.flatMap(({ by }) => by)))
  movers.delete('reporter')
  for (const relation of movers)
    t.ok(
      roleScopes[roleOf[relation as Relation] as Role].includes('cases:respond'),
      `${relation} may respond`,
    )
  const deciders = Object.values(publicationMoves).flatMap((moves) => Object.values(moves).flat())
  t.ok(deciders.includes('handler'))
  t.ok(roleScopes.case_handler.includes('cases:moderate'))
})

t.test('who may do something to a case by the rules has the scope to do it', async (t) => {
  const roleOf: Record<Exclude<Relation, 'none' | 'origin'>, string> = {
    reporter: 'receipt',
    handler: 'case_handler',
    second_tier: 'second_tier',
    provider: 'provider',
    former_provider: 'provider',
    commissioner: 'commissioner',
  }
  for (const [action, relations] of Object.entries(casePermissions)) {
    const id = action === 'listFullDecisions' ? 'listDecisions' : action
    const operation = operations.find((one) => one.id === id)
    for (const relation of relations)
      t.ok(operation && opens(roleOf[relation], operation.security), `${relation}: ${action}`)
  }
})

t.test('writes of staff name the person who acts', async (t) => {
  for (const { id, method, parameters, security } of operations) {
    if (method === 'get') continue
    const staffOpens = staffRoles.some((role) => opens(role, security))
    const others = (Object.keys(roleScopes) as Role[]).some(
      (role) => !staffRoles.includes(role) && opens(role, security) && !onlyForStaff(id),
    )
    const header = parameters.find(({ name }) => name === 'Acting-User')
    t.equal(header !== undefined, staffOpens, `${id} takes Acting-User`)
    if (header) t.equal(header.required ?? false, !others, `${id} needs Acting-User of everybody who may`)
  }
})

// An integrator's scope opens it, and no case does.
function onlyForStaff(id: string): boolean {
  const relations: readonly Relation[] | undefined = casePermissions[id as CaseAction]
  return relations !== undefined && !relations.includes('origin')
}

function opens(role: string, security: (typeof operations)[number]['security']): boolean {
  if (role === 'nobody') return security.some((choice) => Object.keys(choice).length === 0)
  if (role === 'receipt') return security.some((choice) => choice.caseReceipt !== undefined)
  if (role === 'signature')
    return security.some((choice) => (choice.webhookSignature ?? choice.notifyToken) !== undefined)
  const scopes = roleScopes[role as Role] as readonly (Scope | string)[]
  const scheme = role === 'form' ? 'publishableKey' : 'secretKey'
  return security.some((choice) => choice[scheme]?.every((scope) => scopes.includes(scope)))
}
