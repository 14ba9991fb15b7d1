/**
 * One concern from a patient's first word to the survey, as all the callers in turn, over HTTP only.
 *
 *   npx node --env-file=.data/demo-keys examples/whole-story.ts
 *
 * A patient writes on a web page; case handlers of both tiers moderate; the commissioner looks on; the trust asks, and
 * refers it on; the other trust accepts and answers; the patient disputes; it is resolved for good; the survey's link
 * comes by mail and works once; in the end it is on the map. Each step is one request, and says who makes it: a key is
 * one tool's, `Acting-User` the person at that tool, and `If-Match` the version that this person has seen. The mails are
 * files in the folder that `npm start` shows; where it is not `.data/mails`, MAIL_FOLDER says so.
 */
import createClient, { type Client } from 'openapi-fetch'
import type { components, paths } from '../api/contract/types.gen.ts'

// Lists come as CSV too, and with some of their fields; this asks for neither.
type MediaType = `application/${'' | 'geo+' | 'problem+'}json`

import { surveyTokenIn } from './survey-mail.ts'

type Schemas = components['schemas']
type Service = Client<paths, MediaType>
type StaffCase = Schemas['StaffCase']

export type Cast = {
  url: string
  /** Where the form's key works from. */
  origin: string
  keys: Record<
    'form' | 'case_handler' | 'second_tier' | 'provider' | 'commissioner' | 'administrator',
    string
  >
  /** The case begins with the first of two organisations, whose key is `provider`, and is referred to the second. */
  from: string
  to: string
  /** What the link to the survey has that came to the patient by mail. */
  surveyToken: (reference: string) => Promise<string>
  tell?: (line: string) => void
}

export type Ending = {
  /** What the public reads, and the place on the map where it stands. */
  seen: Schemas['PublicCase']
  feature: Schemas['CaseFeature'] | undefined
  /** What the commissioner read of it. */
  overseen: StaffCase
  /** The code with which the survey refuses a second answer. */
  secondAnswer: string | undefined
  history: string[]
}

/** Plays the story, and says how it ended. */
export async function playStory(cast: Cast): Promise<Ending> {
  const { url, keys, tell = () => undefined } = cast
  const anybody = serviceAt(url)
  const handler = serviceAt(url, keys.case_handler)
  const trust = serviceAt(url, keys.provider)

  tell('A patient writes on a web page.')
  const { reference, receipt } = await writeConcern(cast)
  const patient = createClient<paths, MediaType>({ baseUrl: url, headers: { 'case-receipt': receipt } })
  const stub = await read(anybody, reference)
  tell(`It is ${reference}; the public sees a ${stub.view} of it.`)

  tell('A case handler takes it from the queue, and leaves it to the second tier, as it names a nurse.')
  await moderateFirst(handler, reference)
  tell('The second tier publishes it without the name.')
  const published = await moderateSecond(serviceAt(url, keys.second_tier), reference)
  tell('The commissioner reads it, and not who wrote it.')
  const overseen = await readAsStaff(serviceAt(url, keys.commissioner), reference)

  tell('The trust asks the patient, and hears that the ward is another trust’s.')
  await askAndRefer(trust, patient, published, cast.to)
  tell('The other trust gets a key of its own, accepts, and answers.')
  const other = await newProvider(cast)
  await acceptAndAnswer(other, reference)
  tell('The patient disputes that it is resolved: nobody has telephoned. Then somebody does.')
  await disputeAndResolve(patient, other, reference)

  tell('The survey came by mail when it was first closed; its link works once.')
  const secondAnswer = await answerSurvey(anybody, await cast.surveyToken(reference))
  tell(`Answered a second time it says ${secondAnswer}.`)

  const seen = await read(anybody, reference)
  if (seen.view !== 'public') throw new Error(`the public sees a ${seen.view}`)
  const feature = await onTheMap(anybody, seen)
  const history = await historyOf(handler, reference)
  tell(
    `In the end it is ${seen.status}, with ${seen.responses.length} answers, at ${feature?.geometry.coordinates} on the map; its history has ${history.length} lines.`,
  )
  return { seen, feature, overseen, secondAnswer, history }
}

// The form's key may stand in a page; a browser sends the page's origin by itself.
async function writeConcern({ url, keys, origin, from }: Cast): Promise<Schemas['CreatedCase']> {
  const page = serviceAt(url, keys.form)
  return dataOf(
    await page.POST('/v1/cases', {
      headers: { origin },
      params: { header: { 'Idempotency-Key': crypto.randomUUID() } },
      body: {
        kind: 'concern',
        organisation: from,
        category: 'communication',
        text: 'Nurse Invented did not tell us when my mother would be seen. (Invented example.)',
        privacy: 'anonymous',
        contact: { name: 'Example Person', email: 'person@example.org' },
        acceptsTerms: true,
      },
    }),
  )
}

async function moderateFirst(handler: Service, reference: string): Promise<void> {
  const queue = await handler.GET('/v1/queue', { params: { query: { waitsFor: ['case'], limit: 100 } } })
  const waiting = dataOf(queue).items.find((item) => item.case.reference === reference)
  if (waiting === undefined) throw new Error('it is not in the queue')
  const path = { reference }
  dataOf(
    await handler.POST('/v1/cases/{reference}/claims', {
      params: { path, header: { 'Acting-User': 'handler-17' } },
      body: { minutes: 10 },
    }),
  )
  dataOf(
    await handler.POST('/v1/cases/{reference}/decisions', {
      params: { path, header: seenBy('handler-17', waiting.case) },
      body: { action: 'refer', reason: 'second_opinion', commissioned: 'locally' },
    }),
  )
}

async function moderateSecond(secondTier: Service, reference: string): Promise<StaffCase> {
  const theCase = await readAsStaff(secondTier, reference)
  const name = 'Nurse Invented'
  const from = (theCase.original.text ?? '').indexOf(name)
  return dataOf(
    await secondTier.POST('/v1/cases/{reference}/decisions', {
      params: { path: { reference }, header: seenBy('second-2', theCase) },
      body: {
        action: 'publish',
        reason: 'edited_staff_name',
        edits: [{ from, to: from + name.length, reason: 'names_staff', replacement: 'A nurse' }],
      },
    }),
  )
}

async function askAndRefer(trust: Service, patient: Service, seen: StaffCase, to: string): Promise<void> {
  const path = { reference: seen.reference }
  const acknowledged = dataOf(
    await trust.PATCH('/v1/cases/{reference}', {
      params: { path, header: seenBy('pals-4', seen) },
      body: { status: 'in_progress', assignee: 'pals-4' },
    }),
  )
  const asked = dataOf(
    await trust.POST('/v1/cases/{reference}/messages', {
      params: { path, header: seenBy('pals-4', acknowledged) },
      body: { text: 'Which ward was it? (Invented example.)' },
    }),
  )
  const question = asked.messages.at(-1)?.message ?? ''
  const answered = dataOf(
    await patient.POST('/v1/cases/{reference}/additions', {
      params: { path },
      body: { text: 'The children’s ward. (Invented example.)', answers: question },
    }),
  )
  dataOf(
    await trust.POST('/v1/cases/{reference}/referrals', {
      params: { path, header: seenBy('pals-4', answered) },
      body: { organisation: to, note: 'The children’s ward is yours. (Invented example.)' },
    }),
  )
}

async function newProvider({ url, keys, to }: Cast): Promise<Service> {
  const administrator = serviceAt(url, keys.administrator)
  const { key } = dataOf(
    await administrator.POST('/v1/clients', {
      params: { header: { 'Acting-User': 'admin-1' } },
      body: { name: `tool of ${to} ${crypto.randomUUID()}`, role: 'provider', organisations: [to] },
    }),
  )
  return serviceAt(url, key)
}

async function acceptAndAnswer(other: Service, reference: string): Promise<void> {
  const path = { reference }
  const accepted = dataOf(
    await other.POST('/v1/cases/{reference}/referral-answers', {
      params: { path, header: seenBy('ward-2', await readAsStaff(other, reference)) },
      body: { action: 'accept' },
    }),
  )
  await resolve(other, accepted, 'We are sorry. We now say how long it takes. (Invented example.)')
}

async function disputeAndResolve(patient: Service, other: Service, reference: string): Promise<void> {
  const reopened = dataOf(
    await patient.POST('/v1/cases/{reference}/reopenings', {
      params: { path: { reference } },
      body: { reason: 'not_resolved', text: 'Nobody has telephoned me. (Invented example.)' },
    }),
  )
  await resolve(other, reopened, 'We have spoken on the telephone. (Invented example.)')
}

async function resolve(provider: Service, seen: Seen & { reference: string }, text: string): Promise<void> {
  dataOf(
    await provider.POST('/v1/cases/{reference}/responses', {
      params: { path: { reference: seen.reference }, header: seenBy('ward-2', seen) },
      body: { text, status: 'resolved' },
    }),
  )
}

async function answerSurvey(anybody: Service, token: string): Promise<string | undefined> {
  const survey = { params: { path: { token } } }
  dataOf(await anybody.GET('/v1/surveys/{token}', survey))
  dataOf(await anybody.POST('/v1/surveys/{token}', { ...survey, body: { resolved: true, manner: true } }))
  const again = await anybody.POST('/v1/surveys/{token}', { ...survey, body: { resolved: false } })
  return again.error?.code
}

async function onTheMap(
  anybody: Service,
  { reference, organisation, status }: Schemas['PublicCase'],
): Promise<Schemas['CaseFeature'] | undefined> {
  const query = { organisation: [organisation.code], status: [status] }
  const { features } = dataOf(await anybody.GET('/v1/geo-feed', { params: { query } }))
  return features.find(({ id }) => id === reference)
}

async function historyOf(handler: Service, reference: string): Promise<string[]> {
  const params = { path: { reference }, query: { limit: 100 } }
  const { items } = dataOf(await handler.GET('/v1/cases/{reference}/events', { params }))
  return items.map(({ type }) => type)
}

async function read(service: Service, reference: string): Promise<Schemas['Case']> {
  return dataOf(await service.GET('/v1/cases/{reference}', { params: { path: { reference } } }))
}

async function readAsStaff(service: Service, reference: string): Promise<StaffCase> {
  const theCase = await read(service, reference)
  if (theCase.view !== 'staff') throw new Error(`it is seen as ${theCase.view}`)
  return theCase
}

function serviceAt(url: string, key?: string): Service {
  return createClient<paths, MediaType>({
    baseUrl: url,
    ...(key !== undefined && { headers: { authorization: `Bearer ${key}` } }),
  })
}

type Seen = { version: number }

/** Who acts, and what they have seen: if it has changed since, the service says so and changes nothing. */
function seenBy(user: string, { version }: Seen): { 'Acting-User': string; 'If-Match': string } {
  return { 'Acting-User': user, 'If-Match': `"${version}"` }
}

function dataOf<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  if (data !== undefined) return data
  throw new Error(`${response.url} answered ${response.status}: ${JSON.stringify(error)}`)
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', MAIL_FOLDER: folder = '.data/mails' } = process.env
  const keyOf = (name: string) => process.env[`${name}_KEY`] ?? ''
  await playStory({
    url,
    origin: 'https://www.example.org',
    keys: {
      form: keyOf('FORM'),
      case_handler: keyOf('CASE_HANDLER'),
      second_tier: keyOf('SECOND_TIER'),
      provider: keyOf('PROVIDER'),
      commissioner: keyOf('COMMISSIONER'),
      administrator: keyOf('ADMINISTRATOR'),
    },
    from: 'RJ1',
    to: 'RP4',
    surveyToken: (reference) => surveyTokenIn(folder, reference),
    tell: console.log,
  })
}
