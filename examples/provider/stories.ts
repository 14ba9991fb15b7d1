import { createHash } from 'node:crypto'
import { ORGANISATIONS, type Organisation } from './organisations.ts'
import {
  ANYTHING_ELSE,
  FRIENDS_AND_FAMILY,
  INVENTED,
  OCCASIONS,
  REPLY_CLOSINGS,
  REPLY_OPENINGS,
  SCALES,
  SERVICES,
  TOPICS,
  type Topic,
} from './texts.ts'

/** One comment in the NHS Choices feed, or one item of the RSS feed. */
export type Story = {
  id: number
  feed: 'comments' | 'rss'
  organisation: Organisation
  topic: Topic
  title: string
  author: string
  parts: { liked: string | null; improved: string | null; anythingElse: string | null }
  tags: string[]
  ratings: Rating[]
  service: { code: string; name: string } | null
  /** False where the feed leaves the month of the visit blank. */
  saysMonth: boolean
  /** 0 is the provider itself, 15 another site that posts through it. */
  postingOrganisation: 0 | 15
  published: Date
  updated: Date
  reply: Reply | null
  /** When it was taken down. */
  deleted: Date | null
}

export type Reply = { id: string; text: string; published: Date }
export type Rating = { question: string; answer: string; type: 'Option' | 'Scale'; value: number }

/** Numbers in [0, 1) that depend on nothing but the words given. */
export type Random = () => number

/** All stories of the 60 days up to `now`; the same seed and day give the same story, whenever it is asked. */
export function pastStories(seed: string, now: Date): Story[] {
  const today = Math.floor(now.getTime() / DAY)
  const days = Array.from({ length: 60 }, (_, back) => today - 59 + back)
  return days.map((day) => storyOfDay(seed, day, now)).filter((story) => story.published <= now)
}

/** An invented story; as `index` rises, every trust gets its turn in either feed. */
export function inventStory(random: Random, index: number, published: Date): Story {
  const topic = pick(random, TOPICS)
  const stars = 1 + Math.floor(random() * 5)
  const rss = isRss(index)
  const wordless = !rss && random() < 0.08
  const organisation = organisationFor(index)
  return {
    id: idAt(published),
    feed: rss ? 'rss' : 'comments',
    organisation,
    topic,
    title: wordless ? 'Rating without comment' : pick(random, stars > 3 ? topic.praise : topic.criticism),
    author: random() < 0.6 ? 'Anonymous' : `ExampleVisitor${Math.floor(random() * 900) + 100}`,
    parts: wordless ? { liked: null, improved: null, anythingElse: null } : inventParts(random, topic, stars),
    tags: random() < 0.5 ? [topic.name, 'Patient care'] : [topic.name],
    ratings: rss ? [] : inventRatings(random, stars, organisation),
    service: random() < 0.3 ? pick(random, SERVICES) : null,
    saysMonth: random() < 0.8,
    postingOrganisation: random() < 0.1 ? 15 : 0,
    published,
    updated: published,
    reply: null,
    deleted: null,
  }
}

/** A trust's answer to a story, in the words of its patient experience team. */
export function inventReply(random: Random, story: Story, published: Date): Reply {
  // Most replies are numbered after their comment, some are not: readers must go by in-reply-to.
  const id = random() < 0.85 ? `${story.id}R` : `${story.id - 7}R`
  const words = [
    pick(random, REPLY_OPENINGS),
    pick(random, story.topic.replies),
    pick(random, REPLY_CLOSINGS),
  ]
  return { id, text: [...words, INVENTED].join(' '), published }
}

/** The same story after its author has changed it. */
export function edit(story: Story, updated: Date): Story {
  const added = `Edited: I have since been told that it is being looked into. ${INVENTED}`
  return { ...story, parts: { ...story.parts, anythingElse: added }, updated }
}

/** Random numbers from a seed: the same words give the same numbers on every machine. */
export function seededRandom(...words: (string | number)[]): Random {
  const state = createHash('sha256').update(words.join(':')).digest()
  let a = state.readUInt32LE(0)
  // mulberry32
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let mixed = Math.imul(a ^ (a >>> 15), 1 | a)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

// Reply, edit and deletion are drawn before anybody asks what day it is, so that a restart changes nothing.
function storyOfDay(seed: string, day: number, now: Date): Story {
  const random = seededRandom(seed, day)
  const published = new Date(day * DAY + Math.floor(random() * DAY))
  const story = inventStory(random, day, published)
  const reply = random() < 0.6 ? inventReply(random, story, after(published, 4 + random() * 92)) : null
  const edited = random() < 0.1 ? after(published, 2 + random() * 40) : null
  const deleted = random() < 0.05 ? after(published, 24 + random() * 120) : null
  return {
    ...(edited && edited <= now ? edit(story, edited) : story),
    reply: story.feed === 'comments' && reply && reply.published <= now ? reply : null,
    deleted: deleted && deleted <= now ? deleted : null,
  }
}

function after(start: Date, hours: number): Date {
  return new Date(start.getTime() + Math.floor(hours * HOUR))
}

/** Seconds since 2010: rising, never used twice, and the same after a restart. */
function idAt(time: Date): number {
  return Math.floor((time.getTime() - Date.UTC(2010, 0, 1)) / 1000)
}

function isRss(index: number): boolean {
  return index % 3 === 0
}

/** Steps of 5 and 7 through 18 trusts visit each of them before any comes again. */
function organisationFor(index: number): Organisation {
  const turn = Math.floor(index / 3)
  const place = isRss(index) ? turn * 7 : (turn * 2 + (index % 3) - 1) * 5
  const organisation = ORGANISATIONS[place % ORGANISATIONS.length]
  if (!organisation) throw new RangeError('index must be a whole number from 0')
  return organisation
}

/** Five stars have nothing to improve, one star has nothing to like; the last part says that it is all invented. */
function inventParts(random: Random, topic: Topic, stars: number): Story['parts'] {
  const occasion = pick(random, topic.occasions ?? OCCASIONS)
  const liked = stars > 1 ? pick(random, topic.liked) : null
  const improved = stars < 5 ? pick(random, topic.improved) : null
  const extra = random() < 0.4 ? pick(random, ANYTHING_ELSE) : null
  return {
    liked: liked && [occasion, liked, ...(improved || extra ? [] : [INVENTED])].join(' '),
    improved: improved && [...(liked ? [] : [occasion]), improved, ...(extra ? [] : [INVENTED])].join(' '),
    anythingElse: extra && `${extra} ${INVENTED}`,
  }
}

function inventRatings(random: Random, stars: number, { name }: Organisation): Rating[] {
  const scales = SCALES.filter(() => random() < 0.5).map(({ question, answers }): Rating => {
    const value = Math.min(5, Math.max(1, stars + Math.floor(random() * 3) - 1))
    return { question, answer: answers[value - 1] ?? '', type: 'Scale', value }
  })
  if (random() < 0.15) return [overall(stars < 3 ? 2 : 1, name), ...scales]
  const answer = FRIENDS_AND_FAMILY[stars - 1] ?? ''
  return [{ question: 'Friends and Family', answer, type: 'Option', value: stars }, ...scales]
}

/** The old question is no star score: 1 recommends, 2 does not. */
function overall(value: 1 | 2, name: string): Rating {
  const answer = value === 1 ? `I would recommend ${name}` : `I would not recommend ${name}`
  return { question: 'Overall rating', answer, type: 'Option', value }
}

function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[Math.floor(random() * choices.length)]
  if (choice === undefined) throw new RangeError('nothing to pick from')
  return choice
}
