import type { Tx } from '../prisma/client.ts'
import { toldOrganisation } from './organisation-settings.ts'

/**
 * Whether an organisation hears of each feedback at once; as whoever has an address to be told at chose it: the
 * organisation itself, or the nearest one above it that has one.
 */
export async function hearsOfFeedback(tx: Tx, organisationId: number): Promise<boolean> {
  const { feedbackNotice } = await toldOrganisation(tx, organisationId)
  return feedbackNotice === 'at_once'
}
