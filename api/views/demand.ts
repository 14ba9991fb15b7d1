import type { Demand } from '../../domain/demand.ts'
import type { Schemas } from '../contract/handler.ts'

/** What came in one period, as staff see it. */
export function demandView(demand: Demand): Schemas['Demand'] {
  const { from, to, channel, client, cases, closed, answeredCentrally, shareCentrally } = demand
  return { from, to, channel, client, cases, closed, answeredCentrally, shareCentrally }
}
