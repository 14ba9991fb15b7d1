import type { ItemRating } from '../domain/items.ts'
import { newReference } from '../domain/references.ts'
import type { CaseKind, CaseStatus, Channel, Privacy, Publication } from '../prisma/client.ts'
import { between, type Chance, normal, oneOf, placeIn, weighted } from './chance.ts'
import type { InventedOrganisation } from './invented-organisations.ts'
import { answerOf, textOf, titleOf } from './invented-text.ts'

/** A case as `fill.ts` writes it; the names are those of the columns. */
export type InventedCase = {
  reference: string
  kind: CaseKind
  channel: Channel
  status: CaseStatus
  publication: Publication
  privacy: Privacy
  organisation: string
  category: string
  source: string | null
  source_link: string | null
  title: string | null
  text: string
  public_name: string | null
  language: string | null
  tags: string[]
  ratings: ItemRating[]
  place_given: boolean
  latitude: number | null
  longitude: number | null
  reported_at: string
  acknowledged_at: string | null
  closed_at: string | null
  respond_due_at: string | null
  response: InventedResponse | null
}

type InventedResponse = { reference: string; text: string; responded_at: string }

export type World = {
  organisations: readonly InventedOrganisation[]
  categories: readonly string[]
  sources: readonly string[]
  now: Date
}

/** Invents cases one by one, when each was reported being given. */
export function caseInventor(chance: Chance, { organisations, categories, sources, now }: World) {
  const organisationOf = weighted(organisations.map((one) => [one, one.weight] as const))
  const categoryOf = weighted(categories.map((code, n) => [code, 1 / (n + 1)] as const))
  return (reportedAt: number): InventedCase => {
    const organisation = organisationOf(chance)
    const source = chance() < 0.25 ? oneOf(chance, sources) : null
    const reference = newReference((below) => Math.floor(chance() * below))
    const publication = publicationOf(chance)
    const privacy = publication === 'kept_private' ? 'private' : chance() < 0.12 ? 'named' : 'anonymous'
    const age = (now.getTime() - reportedAt) / DAY
    const kind = source === null ? kindOf(chance) : 'feedback'
    const status = source === null ? statusOf(chance, age, publication) : 'no_action_needed'
    return {
      reference,
      kind,
      channel: source === null ? channelOf(chance) : 'feed',
      status,
      publication,
      privacy,
      organisation: organisation.code,
      category: categoryOf(chance),
      source,
      source_link: source === null ? null : `https://stories.example/${reference}`,
      title: chance() < 0.8 ? titleOf(chance) : null,
      text: textOf(chance),
      public_name: privacy === 'named' ? `Invented Person ${between(chance, 1, 5_000)}` : null,
      language: chance() < 0.02 ? 'cy' : chance() < 0.5 ? 'en' : null,
      tags: source === null ? [] : TAGS.filter(() => chance() < 0.2),
      ratings: source === null ? [] : QUESTIONS.map((question) => ratingOf(chance, question)),
      ...placeOf(chance, organisation),
      reported_at: iso(reportedAt),
      ...timesOf(chance, { reportedAt, status, fromSource: source !== null }, now),
      response: chance() < 0.4 ? responseOf(chance, reportedAt, now) : null,
    }
  }
}

/** When so many cases were reported in the five years until `now`, the first one first: more and more, and by day mostly. */
export function* reportTimes(chance: Chance, count: number, now: Date): Generator<number> {
  const begin = now.getTime() - YEARS * 365 * DAY
  const hours = Math.floor((now.getTime() - begin) / HOUR)
  const sums: number[] = []
  for (let hour = 0; hour < hours; hour++) {
    const growth = 1 + (2 * hour) / hours
    const ofDay = BY_HOUR[Math.floor(hour % 24)] as number
    const ofWeek = Math.floor(hour / 24) % 7 < 5 ? 1 : 0.6
    sums.push((sums.at(-1) ?? 0) + growth * ofDay * ofWeek)
  }
  const all = sums.at(-1) as number
  for (let n = 0; n < count; n++) {
    const hour = placeIn(sums, ((n + chance()) / count) * all)
    yield begin + hour * HOUR + Math.floor(chance() * HOUR)
  }
}

const YEARS = 5
const HOUR = 3_600_000
const DAY = 24 * HOUR
const BY_HOUR = [2, 1, 1, 1, 1, 2, 4, 8, 14, 20, 24, 24, 22, 20, 20, 20, 19, 18, 18, 19, 18, 14, 8, 4]
const TAGS = ['waiting', 'kindness', 'parking', 'food', 'booking', 'results']
const QUESTIONS = ['How was the care? (Invented.)', 'How long was the wait? (Invented.)']

const kindOf = weighted<CaseKind>([
  ['feedback', 45],
  ['concern', 42],
  ['question', 13],
])
const channelOf = weighted<Channel>([
  ['web', 70],
  ['phone', 18],
  ['email', 6],
  ['sms', 4],
  ['social', 2],
])
const publicationOf = weighted<Publication>([
  ['published', 90],
  ['awaiting_moderation', 2],
  ['awaiting_second_tier', 1],
  ['kept_private', 4],
  ['rejected', 2],
  ['removed', 1],
])
const openOf = weighted<CaseStatus>([
  ['open', 55],
  ['in_progress', 45],
])
const closedOf = weighted<CaseStatus>([
  ['resolved', 60],
  ['no_action_needed', 22],
  ['unable_to_contact', 8],
  ['unable_to_resolve', 5],
  ['referred_elsewhere', 4],
  ['withdrawn', 1],
])

// 17 % of all are open: most of the new ones, and some that nobody has closed for years.
function statusOf(chance: Chance, age: number, publication: Publication): CaseStatus {
  const open = age < 90 ? 0.77 : age < 365 ? 0.42 : 0.123
  if (chance() < open) return openOf(chance)
  const closed = closedOf(chance)
  return closed === 'withdrawn' && publication === 'published' ? 'resolved' : closed
}

function placeOf(chance: Chance, { latitude, longitude }: InventedOrganisation) {
  if (latitude === null || longitude === null || chance() > 0.03)
    return { place_given: false, latitude, longitude }
  // As its reporter said, to two decimals.
  return {
    place_given: true,
    latitude: Math.round((latitude + normal(chance) * 0.03) * 100) / 100,
    longitude: Math.round((longitude + normal(chance) * 0.05) * 100) / 100,
  }
}

function timesOf(
  chance: Chance,
  { reportedAt, status, fromSource }: { reportedAt: number; status: CaseStatus; fromSource: boolean },
  now: Date,
) {
  const none = { acknowledged_at: null, closed_at: null, respond_due_at: null }
  if (fromSource) return none
  const acknowledged = later(reportedAt, chance() * 4 * DAY, now)
  if (status === 'open') return { ...none, respond_due_at: iso(reportedAt + 28 * DAY) }
  if (status === 'in_progress')
    return { ...none, acknowledged_at: iso(acknowledged), respond_due_at: iso(reportedAt + 28 * DAY) }
  return {
    ...none,
    acknowledged_at: iso(acknowledged),
    closed_at: iso(later(acknowledged, chance() * 40 * DAY, now)),
  }
}

function ratingOf(chance: Chance, question: string): ItemRating {
  const value = between(chance, 1, 5)
  return { question, answer: `${value} of 5`, value, scale: { min: 1, max: 5, best: 'max' } }
}

function responseOf(chance: Chance, reportedAt: number, now: Date): InventedResponse {
  return {
    reference: newReference((below) => Math.floor(chance() * below)),
    text: answerOf(chance),
    responded_at: iso(later(reportedAt, chance() * 20 * DAY, now)),
  }
}

function later(time: number, by: number, now: Date): number {
  return Math.min(now.getTime(), time + by)
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
