import { type Answer, draft, type Harness, NOTIFY_TOKEN } from './harness.ts'
import { PICTURE, type Place } from './permission-fixtures.ts'
import type { CallerName, Row } from './permission-table.ts'
import { signed } from './signed.ts'

export type Ask = {
  method?: 'HEAD' | 'POST' | 'PATCH' | 'DELETE'
  url: string
  body?: unknown
  headers?: Record<string, string>
}

const decision = {
  action: 'publish',
  reason: 'fit_to_publish',
  moderatedText: 'It was slow. (Invented.)',
}

/** How each operation is asked for; `n` makes the name of something new. */
export const asks: Record<string, (of: Place, n: number) => Ask> = {
  listCases: () => ({ url: '/v1/cases' }),
  createCase: () => post('/v1/cases', draft()),
  getCase: (of) => ({ url: of.url }),
  updateCase: (of) => patch(of.url, { status: 'in_progress' }),
  listDecisions: (of) => ({ url: `${of.url}/decisions` }),
  createDecision: (of) => post(`${of.url}/decisions`, decision),
  listResponses: (of) => ({ url: `${of.url}/responses` }),
  createResponse: (of) => post(`${of.url}/responses`, { text: 'Sorry. (Invented.)' }),
  listCaseTemplates: (of) => ({ url: `${of.url}/response-templates` }),
  listResponseTemplates: () => ({ url: '/v1/response-templates' }),
  createResponseTemplate: (_of, n) =>
    post('/v1/response-templates', { code: `invented_${n}`, name: 'Invented', text: 'Sorry. (Invented.)' }),
  getResponseTemplate: (of) => ({ url: `${of.own}` }),
  updateResponseTemplate: (of) => patch(`${of.own}`, { active: false }),
  removeResponseTemplate: (of) => remove(`${of.own}`),
  listDemand: () => ({ url: '/v1/statistics/demand' }),
  listQueueAges: () => ({ url: '/v1/statistics/queues' }),
  createAddition: (of) => post(`${of.url}/additions`, { text: 'And also. (Invented.)' }),
  createWithdrawal: (of) => post(`${of.url}/withdrawals`, { what: 'case' }),
  createReopening: (of) =>
    post(`${of.url}/reopenings`, { reason: 'disagree', text: 'It is not. (Invented.)' }),
  createOutcome: (of) => post(`${of.url}/outcomes`, { resolved: true }),
  renewReceipt: (of) => post(`${of.url}/receipts`),
  createMessage: (of) => post(`${of.url}/messages`, { text: 'When was it? (Invented.)' }),
  createPause: (of) => post(`${of.url}/pause`, { text: 'Which ward? (Invented.)' }),
  endPause: (of) => remove(`${of.url}/pause`),
  createExtension: (of) =>
    post(`${of.url}/extensions`, { workingDays: 5, reason: 'They are away. (Invented.)', consent: 'phone' }),
  answerExtension: (of) => post(`${of.url}/extension-answers`, { answer: 'agreed' }),
  createEscalation: (of) => post(`${of.url}/escalations`, { reason: 'no_response' }),
  answerEscalation: (of) => post(`${of.url}/escalation-answers`, { answer: 'acknowledged' }),
  listEscalations: () => ({ url: '/v1/escalations' }),
  getSurvey: (of) => ({ url: `/v1/surveys/${of.survey}` }),
  answerSurvey: (of) => post(`/v1/surveys/${of.survey}`, { manner: true }),
  searchContacts: () => post('/v1/contact-searches', { email: 'invented@example.org' }),
  createPreview: () => post('/v1/previews', { text: 'It was slow. (Invented.)' }),
  createImage: () => ({ ...post('/v1/images', PICTURE), headers: { 'content-type': 'image/gif' } }),
  getImage: (of) => ({ url: `${of.url}/images/${of.image}` }),
  listQueue: () => ({ url: '/v1/queue' }),
  createClaim: (of) => post(`${of.url}/claims`, {}),
  endClaim: (of) => remove(`${of.url}/claims`),
  createDecisions: ({ reference, version }) =>
    post('/v1/decisions', { decisions: [{ reference, version, decision }] }),
  createResponseDecision: (of) =>
    post(`${of.url}/responses/${of.response}/decisions`, {
      action: 'publish',
      reason: 'fit_to_publish',
      text: 'Sorry for that. (Invented.)',
    }),
  createReport: (of) => post(`${of.url}/reports`, { reason: 'vexatious' }),
  listReports: () => ({ url: '/v1/reports' }),
  createRemovalRequest: (of) =>
    post(`${of.url}/removal-requests`, { reason: 'vexatious', text: 'It is not so. (Invented.)' }),
  listRemovalRequests: () => ({ url: '/v1/removal-requests' }),
  decideRemoval: (of) =>
    post(`/v1/removal-requests/${of.request}/decisions`, { action: 'decline', reason: 'fit_to_publish' }),
  createReferral: (of) => post(`${of.url}/referrals`, { organisation: 'T02' }),
  answerReferral: (of) => post(`${of.url}/referral-answers`, { action: 'accept' }),
  listNotes: (of) => ({ url: `${of.url}/notes` }),
  createNote: (of) => post(`${of.url}/notes`, { text: 'A note. (Invented.)' }),
  listCaseEvents: (of) => ({ url: `${of.url}/events` }),
  getOrganisationSettings: () => ({ url: '/v1/organisations/T01/settings' }),
  updateOrganisationSettings: () => patch('/v1/organisations/T02/settings', { responseModeration: 'before' }),
  createOrganisation: (_of, n) =>
    post('/v1/organisations', { code: `INVENTED${n}`, name: 'Invented', kind: 'trust' }),
  updateOrganisation: () => patch('/v1/organisations/T02', { address: 'Invented Road' }),
  createService: (_of, n) =>
    post('/v1/organisations/T01/services', { code: `WARD${n}`, name: 'Invented Ward' }),
  updateService: () => patch('/v1/organisations/T0101/services/SRV1', { name: 'Invented Ward' }),
  createClosure: () => post('/v1/organisations/T0901/closure', {}),
  endClosure: () => remove('/v1/organisations/T09/closure'),
  createImport: () => ({
    ...post('/v1/organisation-imports', 'code,name,kind\nINVENTED,Invented,trust\n'),
    headers: { 'content-type': 'text/csv' },
  }),
  listImports: () => ({ url: '/v1/organisation-imports' }),
  getImport: (of) => ({ url: `/v1/organisation-imports/${of.key}` }),
  listImportRows: (of) => ({ url: `/v1/organisation-imports/${of.key}/rows` }),
  listClients: () => ({ url: '/v1/clients' }),
  createClient: (_of, n) => post('/v1/clients', { name: `invented ${n}`, role: 'supplier' }),
  getClient: (of) => ({ url: `/v1/clients/${of.client}` }),
  updateClient: (of) => patch(`/v1/clients/${of.client}`, { brand: 'invented' }),
  revokeClient: (of) => remove(`/v1/clients/${of.client}`),
  createKey: (of) => post(`/v1/clients/${of.client}/keys`, {}),
  revokeKey: (of) => remove(`/v1/clients/${of.client}/keys/${of.key}`),
  listAccesses: () => ({ url: '/v1/accesses' }),
  getService: () => ({ url: '/v1/service' }),
  getForm: () => ({ url: '/v1/forms/concern?organisation=T01' }),
  getStatistics: () => ({ url: '/v1/statistics' }),
  listFigures: () => ({ url: '/v1/statistics/figures' }),
  listStatistics: () => ({ url: '/v1/statistics/organisations' }),
  listWithheld: () => ({ url: '/v1/statistics/withheld' }),
  listStatuses: () => ({ url: '/v1/statuses' }),
  listPublications: () => ({ url: '/v1/publications' }),
  listChannels: () => ({ url: '/v1/channels' }),
  listKinds: () => ({ url: '/v1/kinds' }),
  listPrivacies: () => ({ url: '/v1/privacies' }),
  listReasons: () => ({ url: '/v1/reasons' }),
  listInstruments: () => ({ url: '/v1/instruments' }),
  listPolicies: () => ({ url: '/v1/policies' }),
  updatePolicy: () => patch('/v1/policies/respond', { workingDays: 20 }),
  getGeoFeed: () => ({ url: '/v1/geo-feed' }),
  listMapChanges: () => ({ url: '/v1/geo-feed/changes' }),
  listEvents: () => ({ url: '/v1/events' }),
  // A stream that begins has no end; its head has one.
  streamEvents: () => ({ method: 'HEAD', url: '/v1/events/stream' }),
  getClusters: () => ({ url: '/v1/clusters?zoom=4' }),
  getTile: () => ({ url: '/v1/tiles/0/0/0.mvt' }),
  getTileJson: () => ({ url: '/v1/tiles.json' }),
  getOrganisationFeed: () => ({ url: '/v1/organisation-feed' }),
  countCases: () => ({ url: '/v1/case-counts' }),
  getCaseAtom: () => ({ url: '/v1/feeds/cases.atom' }),
  getCaseJsonFeed: () => ({ url: '/v1/feeds/cases.json' }),
  getCaseRss: () => ({ url: '/v1/feeds/cases.rss' }),
  getCaseAtomArchive: () => ({ url: '/v1/feeds/archives/1/cases.atom' }),
  getCaseJsonFeedArchive: () => ({ url: '/v1/feeds/archives/1/cases.json' }),
  getCaseRssArchive: () => ({ url: '/v1/feeds/archives/1/cases.rss' }),
  getOgcLanding: () => ({ url: '/ogc' }),
  getOgcDefinition: () => ({ url: '/ogc/api' }),
  getOgcConformance: () => ({ url: '/ogc/conformance' }),
  listOgcCollections: () => ({ url: '/ogc/collections' }),
  getOgcCollection: () => ({ url: '/ogc/collections/cases' }),
  listOgcCases: () => ({ url: '/ogc/collections/cases/items' }),
  getOgcCase: (of) => ({ url: `/ogc/collections/cases/items/${of.url.split('/').at(-1)}` }),
  listOgcOrganisations: () => ({ url: '/ogc/collections/organisations/items' }),
  getOgcOrganisation: () => ({ url: '/ogc/collections/organisations/items/T01' }),
  listOrganisations: () => ({ url: '/v1/organisations' }),
  getOrganisation: () => ({ url: '/v1/organisations/T01' }),
  listCategories: () => ({ url: '/v1/categories' }),
  listSources: () => ({ url: '/v1/sources' }),
  createSource: (_of, n) => post('/v1/sources', { name: `invented-${n}`, title: 'Invented' }),
  getSource: () => ({ url: '/v1/sources/pushed' }),
  updateSource: () => patch('/v1/sources/elsewhere', { title: 'Invented' }),
  pushItems: (_of, n) =>
    post('/v1/sources/pushed/items', { items: [{ type: 'deletion', externalId: `d-${n}` }] }),
  pushDocument: () => ({
    ...post('/v1/sources/pushed/documents', '<rss/>'),
    headers: { 'content-type': 'application/rss+xml' },
  }),
  receiveText: (_of, n) =>
    post('/v1/sources/pushed/texts', {
      id: `text-${n}`,
      source_number: '447700900111',
      destination_number: '447700900222',
      message: 'T01 Kind. (Invented.)',
      date_received: '2026-11-20T09:00:00.000000Z',
    }),
  receiveWebhook: ({ source, secret = '' }, n) => {
    const body = JSON.stringify({ data: { type: 'deletion', externalId: `w-${n}` } })
    return { ...post(`/v1/sources/${source}/webhooks`, body), headers: signed(body, { secret }) }
  },
  listQueries: () => ({ url: '/v1/queries' }),
  createQuery: (_, n) => post('/v1/queries', { name: `Invented, again ${n}`, filter: {} }),
  getQuery: (of) => ({ url: of.own as string }),
  updateQuery: (of) => patch(of.own as string, { filter: { kind: ['concern'] } }),
  removeQuery: (of) => remove(of.own as string),
  listDigests: () => ({ url: '/v1/digests' }),
  createDigest: (of) =>
    post('/v1/digests', { query: of.own?.split('/').at(-1), email: 'invented@example.org', every: 'day' }),
  getDigest: (of) => ({ url: of.own as string }),
  endDigest: (of) => remove(of.own as string),
  createDigestConfirmation: (of) => post(`/v1/digest-links/${of.token}/confirmations`),
  createDigestEnd: (of) => post(`/v1/digest-links/${of.key}/unsubscriptions`),
  listSubscriptions: () => ({ url: '/v1/subscriptions' }),
  createSubscription: () => post('/v1/subscriptions', { url: 'https://receiver.example.org/in' }),
  getSubscription: (of) => ({ url: `/v1/subscriptions/${of.subscription}` }),
  updateSubscription: (of) => patch(`/v1/subscriptions/${of.subscription}`, { description: 'Invented' }),
  endSubscription: (of) => remove(`/v1/subscriptions/${of.subscription}`),
  listSubscriptionSecrets: (of) => ({ url: `/v1/subscriptions/${of.subscription}/secrets` }),
  createSubscriptionSecret: (of) => post(`/v1/subscriptions/${of.subscription}/secrets`, {}),
  createSubscriptionTest: (of) => post(`/v1/subscriptions/${of.subscription}/tests`),
  listDeliveries: (of) => ({ url: `/v1/subscriptions/${of.subscription}/deliveries` }),
  getDelivery: (of) => ({ url: `/v1/subscriptions/${of.subscription}/deliveries/${of.key}` }),
  createRedeliveries: (of) => post(`/v1/subscriptions/${of.subscription}/redeliveries`, { state: 'failed' }),
  listSourceSecrets: ({ source }) => ({ url: `/v1/sources/${source}/secrets` }),
  createProbe: ({ source }) => post(`/v1/sources/${source}/probe`),
  getRun: ({ run }) => ({ url: `/v1/sources/pushed/runs/${run}` }),
  listRunResults: ({ run }) => ({ url: `/v1/sources/pushed/runs/${run}/results` }),
  createCancellation: ({ run }) => post(`/v1/sources/pushed/runs/${run}/cancellations`),
  listQuarantine: () => ({ url: '/v1/sources/pushed/quarantine' }),
  getQuarantined: ({ entry }) => ({ url: `/v1/sources/pushed/quarantine/${entry}` }),
  createDismissal: ({ entry }) => post(`/v1/sources/pushed/quarantine/${entry}/dismissals`),
  createRedrive: () => post('/v1/sources/pushed/redrives', {}),
  listAliases: () => ({ url: '/v1/sources/pushed/organisation-aliases' }),
  createAlias: () => post('/v1/sources/pushed/organisation-aliases', { code: 'ours', organisation: 'T01' }),
  removeAlias: () => remove('/v1/sources/pushed/organisation-aliases?code=ours'),
  listItemVersions: () => ({ url: '/v1/sources/pushed/item-versions?externalId=found' }),
  listAttention: () => ({ url: '/v1/attention' }),
  createSourceSecret: ({ source }) => post(`/v1/sources/${source}/secrets`),
  revokeSourceSecret: ({ source, key }) => remove(`/v1/sources/${source}/secrets/${key}`),
  listRuns: () => ({ url: '/v1/sources/pushed/runs' }),
  getMapping: () => ({ url: '/v1/sources/pushed/mapping' }),
  updateMapping: () =>
    patch('/v1/sources/pushed/mapping', {
      entries: [{ kind: 'tag', term: 'invented', category: 'other' }],
    }),
  createNormalisation: () => post('/v1/sources/pushed/normalisations', { dryRun: true }),
  listRecalls: () => ({ url: '/v1/recalls' }),
  getRecall: (of) => ({ url: `/v1/recalls/${of.key}` }),
  createRecallConfirmation: (of) => post(`/v1/recalls/${of.key}/confirmations`),
  listNotifications: () => ({ url: '/v1/notifications' }),
  createNotificationRetry: (of) => post(`/v1/notifications/${of.notification}/retries`),
  receiveNotifyReceipt: () => ({
    ...post('/v1/callbacks/notify', { id: 'invented', status: 'delivered' }),
    headers: { authorization: `Bearer ${NOTIFY_TOKEN}` },
  }),
  listRetentionPolicies: () => ({ url: '/v1/retention-policies' }),
  createRetentionPolicy: () => post('/v1/retention-policies', { kind: 'feedback', rawAfterDays: 90 }),
  updateRetentionPolicy: (of) => patch(of.own as string, { rawAfterDays: 60 }),
  removeRetentionPolicy: (of) => remove(of.own as string),
  createRetentionRun: () => post('/v1/retention-runs', { dryRun: true }),
  listRetentionRuns: () => ({ url: '/v1/retention-runs' }),
  getRetentionRun: (of) => ({ url: `/v1/retention-runs/${of.run}` }),
  listLegalHolds: () => ({ url: '/v1/legal-holds' }),
  createLegalHold: () => post('/v1/legal-holds', { organisation: 'T09', reason: 'Inquest. (Invented.)' }),
  endLegalHold: (of) => remove(`/v1/legal-holds/${of.key}`),
  listErasures: () => ({ url: '/v1/erasures' }),
  createErasure: (of) => post('/v1/erasures', { case: of.reference, reason: 'request' }),
  getErasure: (of) => ({ url: `/v1/erasures/${of.key}` }),
  createSubjectAccess: (of) => post('/v1/subject-accesses', { case: of.reference }),
  getHealth: () => ({ url: '/healthz' }),
  getLiveness: () => ({ url: '/livez' }),
  getReadiness: () => ({ url: '/readyz' }),
}

/** Asks for the operation of a row as a caller does; `n` makes the name of something new. */
export async function ask(
  { call, keys }: Pick<Harness, 'call' | 'keys'>,
  row: Row,
  caller: CallerName,
  place: Place,
  n: number,
): Promise<Answer> {
  const make = asks[row.operation] as (of: Place, n: number) => Ask
  const { method, url, body, headers } = make(place, n)
  const who: Record<string, string> = caller === 'reporter' ? { 'case-receipt': place.receipt } : {}
  const asStaff = caller !== 'nobody' && caller !== 'reporter' && method !== undefined
  return call({
    url,
    ...(method && { method }),
    ...(caller !== 'nobody' && caller !== 'reporter' && { key: keys[caller] }),
    ...(body !== undefined && { body }),
    headers: {
      ...who,
      ...(asStaff && { 'acting-user': `person of ${caller}`, 'if-match': `"${place.version}"` }),
      ...headers,
    },
  })
}

function post(url: string, body?: unknown): Ask {
  return { method: 'POST', url, body }
}

function patch(url: string, body: unknown): Ask {
  return { method: 'PATCH', url, body }
}

function remove(url: string): Ask {
  return { method: 'DELETE', url }
}
