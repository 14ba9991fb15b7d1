/** Random numbers in [0, 1) that a seed repeats (mulberry32). */
export type Random = () => number

export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const formats = ['atom', 'rss', 'json', 'opinions', 'comments', 'pushed'] as const
export type Format = (typeof formats)[number]

export type Telling = {
  id: string
  text: string
  published: Date
  updated: Date
  gone: boolean
}
/** A story with the answer to it, which may have been there before the story was. */
export type Story = Telling & { reply: Telling | null }

/** A provider's list as it truly is: what the store must say of it in the end. */
export type ProviderList = { name: string; format: Format; stories: Story[] }

/** So many lists, of each format in turn, each with a few stories. */
export function newWorld(size: number, random: Random): ProviderList[] {
  return Array.from({ length: size }, (_, number) => {
    const list: ProviderList = {
      name: `chaos-${number}`,
      format: formats[number % formats.length] as Format,
      stories: [],
    }
    for (let story = 0; story < 3 + random() * 12; story++) addStory(list)
    return list
  })
}

/** Something happens at a provider: a story comes, is edited, answered or taken back. */
export function evolve(list: ProviderList, random: Random): void {
  const draw = random()
  const story = list.stories[Math.floor(random() * list.stories.length)]
  if (draw < 0.4 || story === undefined || story.gone) addStory(list)
  else if (draw < 0.65) edit(story, 'edited')
  else if (draw < 0.85 && canAnswer(list)) answer(list, story)
  else if (canTakeBack(list)) takeBack(story)
}

function addStory(list: ProviderList): void {
  const now = new Date()
  const id = `${list.stories.length + 1}`
  const text = `Story ${id} of ${list.name}. (Invented.)`
  list.stories.push({ id, text, published: now, updated: now, gone: false, reply: null })
}

function edit(telling: Telling, how: string): void {
  telling.updated = new Date()
  telling.text = `${telling.text.split(' ~')[0]} ~ ${how} ${telling.updated.toISOString()}`
}

function answer(list: ProviderList, story: Story): void {
  if (story.reply !== null) {
    if (!story.reply.gone) edit(story.reply, 'answered anew')
    return
  }
  const now = new Date()
  const text = `Answer to ${story.id} of ${list.name}. (Invented.)`
  story.reply = { id: `r${story.id}`, text, published: now, updated: now, gone: false }
}

/** What answers a story goes with it. */
function takeBack(story: Story): void {
  story.updated = new Date()
  story.gone = true
  if (story.reply !== null) story.reply.gone = true
}

// Plain RSS and JSON Feed know no answers, and JSON Feed no end of an item.
function canAnswer({ format }: ProviderList): boolean {
  return format !== 'rss' && format !== 'json'
}

function canTakeBack({ format }: ProviderList): boolean {
  return format !== 'json'
}
