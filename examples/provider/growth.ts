import { edit, inventReply, inventStory, type Random, type Story } from './stories.ts'

/** The stories a moment later: always one more; sometimes a reply to an earlier one or an edit, rarely a deletion. */
export function grow(stories: readonly Story[], random: Random, now: Date): Story[] {
  const told = [...stories]
  if (random() < 0.35)
    change(told, random, canBeAnswered, (story) => ({ ...story, reply: inventReply(random, story, now) }))
  if (random() < 0.15) change(told, random, isUp, (story) => edit(story, now))
  if (random() < 0.04) change(told, random, isUp, (story) => ({ ...story, deleted: now }))
  const story = inventStory(random, stories.length, now)
  const lastId = stories.at(-1)?.id ?? 0
  return [...told, { ...story, id: Math.max(story.id, lastId + 1) }]
}

const RECENT = 30

function change(
  stories: Story[],
  random: Random,
  may: (story: Story) => boolean,
  to: (story: Story) => Story,
): void {
  const first = Math.max(0, stories.length - RECENT)
  const places = stories.flatMap((story, place) => (place >= first && may(story) ? [place] : []))
  const place = places[Math.floor(random() * places.length)]
  const story = place === undefined ? undefined : stories[place]
  if (place !== undefined && story) stories[place] = to(story)
}

function isUp(story: Story): boolean {
  return story.deleted === null
}

function canBeAnswered(story: Story): boolean {
  return isUp(story) && story.feed === 'comments' && story.reply === null
}
