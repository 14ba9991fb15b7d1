import type { ItemRating } from '../domain/items.ts'
import { oneLine } from './text.ts'
import { attributeOf, childOf, childrenOf, textOf, type XmlElement } from './xml-element.ts'

/** The ratings of a comment, question and answer verbatim. */
export function ratingsOf(entry: XmlElement): ItemRating[] {
  const ratings = childOf(entry, namespace, 'ratings')
  return ratings ? childrenOf(ratings, namespace, 'rating').map(ratingOf) : []
}

const namespace = 'http://syndication.nhschoices.nhs.uk/schemas/ratingsandcomments'

function ratingOf(rating: XmlElement): ItemRating {
  const question = textOf(childOf(rating, namespace, 'questionText'))
  const answer = textOf(childOf(rating, namespace, 'answerText'))
  const metric = childOf(rating, namespace, 'answerMetric')
  return {
    question,
    answer: answer === '' ? null : answer,
    value: metric && numberIn(metric, 'value'),
    scale: metric && scaleOf(question, answer, metric),
  }
}

/**
 * Only a Scale says its ends. "Friends and Family" is an Option from 1 to 5 with 5 best; the values of any
 * other Option are numbers of answers: in the old "Overall rating" 1 recommends and 2 does not.
 */
function scaleOf(question: string, answer: string, metric: XmlElement): ItemRating['scale'] {
  const type = attributeOf(metric, 'type')
  if (type === 'Option') {
    if (!isFriendsAndFamily(question)) return null
    return { min: 1, max: 5, best: isReversed(answer, numberIn(metric, 'value')) ? 'min' : 'max' }
  }
  const min = numberIn(metric, 'minValue')
  const max = numberIn(metric, 'maxValue')
  return type === 'Scale' && min !== null && max !== null && min < max ? { min, max, best: 'max' } : null
}

const friendsAndFamily = new Map([
  ['extremely likely', 5],
  ['likely', 4],
  ['unlikely', 2],
  ['extremely unlikely', 1],
])

/** The provider has sent some of these scores the wrong way round; what the answer says is right. */
function isReversed(answer: string, value: number | null): boolean {
  const meant = friendsAndFamily.get(oneLine(answer).toLowerCase())
  return meant !== undefined && value === 6 - meant
}

function isFriendsAndFamily(question: string): boolean {
  return /^\s*friends\s+and\s+family\b/i.test(question)
}

function numberIn(metric: XmlElement, name: string): number | null {
  const text = attributeOf(metric, name)?.trim() ?? ''
  return /^-?\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : null
}
