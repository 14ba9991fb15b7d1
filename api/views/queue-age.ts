import type { QueueAge } from '../../domain/queue-ages.ts'
import type { Schemas } from '../contract/handler.ts'

/** How old one queue is, as staff see it. */
export function queueAgeView(age: QueueAge): Schemas['QueueAge'] {
  const { queue, waiting, overdue, oldestAt, oldestMinutes, medianMinutes, p90Minutes } = age
  return { queue, waiting, overdue, oldestAt, oldestMinutes, medianMinutes, p90Minutes }
}
