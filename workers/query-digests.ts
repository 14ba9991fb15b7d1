import { noteQueryDigests } from '../domain/query-digests.ts'
import type { Context } from './context.ts'

/** Notes the digests of saved queries that are due, and has them sent. */
export async function noteNews({ db, log, now, signal }: Context, wake: () => void): Promise<void> {
  const noted = await noteQueryDigests(db, now(), () => !signal.aborted)
  if (noted === 0) return
  log.info({ noted }, 'noted digests')
  wake()
}
