import type { Problem } from './errors.ts'

/** What may be filled in to the text of a response template; nothing of it is personal. */
const placeholders = ['reference', 'organisation', 'service', 'category', 'status'] as const
type Placeholder = (typeof placeholders)[number]

/** What each placeholder becomes. */
export type Filling = Readonly<Record<Placeholder, string>>

/** A problem at `/text` for the first braces that are none of a placeholder, with their place in characters from 1. */
export function placeholderProblems(text: string): Problem[] {
  const stray = [...text.matchAll(BRACES)].find(([braces]) => nameIn(braces) === undefined)
  if (stray === undefined) return []
  const place = [...text.slice(0, stray.index)].length + 1
  const detail = `At character ${place} stands a brace that nothing fills; what is filled in is ${KNOWN}.`
  return [{ pointer: '/text', code: 'unknown_placeholder', detail }]
}

/** The text with its placeholders filled in, once: braces that a name brings along stay as they are. */
export function filledIn(text: string, filling: Filling): string {
  return text.replaceAll(BRACES, (braces) => {
    const name = nameIn(braces)
    return name === undefined ? braces : filling[name]
  })
}

const BRACES = /\{[^{}]*\}|[{}]/g
const KNOWN = placeholders.map((name) => `{${name}}`).join(', ')

function nameIn(braces: string): Placeholder | undefined {
  return placeholders.find((name) => braces === `{${name}}`)
}
