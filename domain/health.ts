import { type Db, rows } from '../prisma/client.ts'

/** Asks the store for nothing; rejects while it does not answer. */
export async function isStoreReady(db: Db): Promise<true> {
  await rows(db.pool, 'select 1')
  return true
}
