/** A message as its file has it: a subject, and lines of text. */
export type Template = { subject: string; lines: readonly Line[] }

/** What fills the places of a template; null for what there is none of. */
export type Filling = Readonly<Record<string, string | null>>

type Line = { text: string; only: { place: string; there: boolean } | null }

const PLACE = /\{([a-z]+)\}/g

/**
 * Reads a template: `Subject: …`, an empty line, then the text. `{link}` is a place to be filled; a line that begins with
 * `?link ` stands only when there is a link, one with `!link ` only when there is none. Throws at anything else.
 */
export function readTemplate(file: string): Template {
  const [first = '', empty, ...rest] = file.trimEnd().split('\n')
  const [, subject] = /^Subject: (\S.*)$/.exec(first) ?? []
  if (subject === undefined || empty !== '' || rest.length === 0)
    throw new Error('a template is "Subject: …", an empty line and a text')
  const lines = rest.map(readLine)
  for (const text of [subject, ...lines.map((line) => line.text)]) {
    if (/[{}]/.test(text.replaceAll(PLACE, '')))
      throw new Error(`a template has braces that are no place: ${text}`)
  }
  return { subject, lines }
}

/** Fills a template; throws when it names something that is not known, or fills a place with nothing. */
export function fillTemplate(template: Template, filling: Filling): { subject: string; text: string } {
  const lines = template.lines.filter(
    ({ only }) => only === null || isThere(filling, only.place) === only.there,
  )
  return {
    subject: fill(template.subject, filling).replaceAll(/\s+/g, ' '),
    text: `${lines.map(({ text }) => fill(text, filling)).join('\n')}\n`,
  }
}

/** Every name that a template uses. */
export function placesOf({ subject, lines }: Template): string[] {
  const inText = [subject, ...lines.map(({ text }) => text)].flatMap((text) =>
    [...text.matchAll(PLACE)].map(([, place]) => place as string),
  )
  return [...new Set([...inText, ...lines.flatMap(({ only }) => (only === null ? [] : [only.place]))])].sort()
}

function readLine(line: string): Line {
  const [, mark, place, text] = /^([?!])([a-z]+) (.+)$/.exec(line) ?? []
  if (place === undefined || text === undefined) return { text: line, only: null }
  return { text, only: { place, there: mark === '?' } }
}

function isThere(filling: Filling, place: string): boolean {
  const value = filling[place]
  if (value === undefined) throw new Error(`a template names {${place}}, which is not known`)
  return value !== null
}

function fill(text: string, filling: Filling): string {
  return text.replaceAll(PLACE, (_, place: string) => {
    if (!isThere(filling, place)) throw new Error(`a template has nothing to put in {${place}}`)
    return filling[place] as string
  })
}
