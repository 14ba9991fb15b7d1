import type { Entry, Item, ItemCore, ItemRating } from '../domain/items.ts'
import { readDate } from './dates.ts'

/** An item as an integrator pushes it (`NewItem` in the contract). */
export type PushedItem = {
  type: 'story' | 'reply' | 'deletion'
  externalId: string
  organisation?: string
  inReplyTo?: string
  title?: string | null
  text?: string
  authorName?: string | null
  publishedAt?: string
  updatedAt?: string
  link?: string | null
  service?: string
  visitMonth?: string
  language?: string
  tags?: string[]
  ratings?: Array<{
    question: string
    answer?: string | null
    value?: number | null
    scale?: ItemRating['scale']
  }>
}

/** An entry of a pushed batch; `problems` are what the contract has against it, in words. */
export function pushedEntry(pushed: unknown, index: number, problems: readonly string[]): Entry {
  return pushedEntryAt(pushed, `items/${index}`, problems)
}

/** The same for one that stands elsewhere in what was sent; `place` says where. */
export function pushedEntryAt(pushed: unknown, place: string, problems: readonly string[]): Entry {
  if (isDeeperThan(pushed, DEEPEST)) {
    const problem = `nested more than ${DEEPEST} deep`
    return { raw: UNREADABLE, problem, place, externalId: externalIdOf(pushed) }
  }
  const raw = JSON.stringify(pushed)
  const found = [
    ...problems.map(withoutOddName),
    ...(problems.length === 0 ? missingParts(pushed as PushedItem) : []),
  ]
  if (found.length > 0) return { raw, problem: found.join('; '), place, externalId: externalIdOf(pushed) }
  return { raw, item: itemOf(pushed as PushedItem) }
}

const DEEPEST = 64
const UNREADABLE = JSON.stringify({ unreadable: 'nested too deeply' })

// Level by level, as JSON.stringify and every recursion end with the stack.
function isDeeperThan(value: unknown, deepest: number): boolean {
  let level = [value].filter(isNested)
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === deepest) return true
    level = level.flatMap((nested) => Object.values(nested).filter(isNested))
  }
  return false
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** A problem is told as `pointer: what is wrong`; a field that the contract does not know may be called anything. */
function withoutOddName(problem: string): string {
  const pointer = problem.slice(0, Math.max(0, problem.lastIndexOf(': ')))
  const isPlain = pointer === '' || /^[A-Za-z0-9_./ -]{1,60}$/.test(pointer)
  return isPlain ? problem : `an unknown field${problem.slice(pointer.length)}`
}

function missingParts({ type, inReplyTo, text, ratings }: PushedItem): string[] {
  switch (type) {
    case 'deletion':
      return []
    case 'reply':
      return [
        ...(inReplyTo === undefined ? ['inReplyTo: a reply must name the story it answers'] : []),
        ...(text === undefined || text.trim() === '' ? ['text: a reply must say something'] : []),
      ]
    case 'story':
      return (text === undefined || text.trim() === '') && (ratings ?? []).length === 0
        ? ['text: a story without ratings must say something']
        : []
  }
}

function itemOf(pushed: PushedItem): Item {
  if (pushed.type === 'deletion') {
    return {
      type: 'deletion',
      externalId: pushed.externalId,
      updatedAt: timeOf(pushed.updatedAt),
      warnings: [],
    }
  }
  const core: ItemCore = {
    externalId: pushed.externalId,
    authorName: pushed.authorName?.trim() || null,
    publishedAt: timeOf(pushed.publishedAt),
    updatedAt: timeOf(pushed.updatedAt),
    link: pushed.link ?? null,
    warnings: [],
  }
  const organisations =
    pushed.organisation === undefined ? [] : [{ scheme: 'ods' as const, code: pushed.organisation }]
  const text = pushed.text?.trim() ?? ''
  if (pushed.type === 'reply')
    return { type: 'reply', ...core, inReplyTo: pushed.inReplyTo ?? '', text, organisations }
  return {
    type: 'story',
    ...core,
    title: pushed.title?.trim() || null,
    text,
    organisations,
    service: pushed.service === undefined ? null : { code: pushed.service, name: pushed.service },
    visitMonth: pushed.visitMonth ?? null,
    tags: pushed.tags ?? [],
    ratings: (pushed.ratings ?? []).map(({ question, answer = null, value = null, scale = null }) => ({
      question,
      answer,
      value,
      scale,
    })),
    position: null,
    language: pushed.language ?? null,
  }
}

function timeOf(time: string | undefined): string | null {
  return time === undefined ? null : readDate(time).date
}

function externalIdOf(pushed: unknown): string | null {
  if (typeof pushed !== 'object' || pushed === null || !('externalId' in pushed)) return null
  const { externalId } = pushed
  return typeof externalId === 'string' && externalId.length <= 400 ? externalId : null
}
