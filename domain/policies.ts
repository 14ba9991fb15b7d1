import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'

/** How long something may take: so many working days, or so many hours. */
export type Policy = {
  name: string
  label: string
  workingDays: number | null
  hours: number | null
  version: number
}

export type PolicyChange = { workingDays?: number; hours?: number }

const POLICY = 'name, label, working_days as "workingDays", hours, version'

/** All policies by name. */
export async function listPolicies(db: Db): Promise<Policy[]> {
  return rows<Policy>(db.pool, `select ${POLICY} from clock_policies order by name`, [], 'list-policies')
}

/** Sets one policy for the clocks that begin from now on; throws `not_found`, and `version_stale`. */
export async function updatePolicy(
  db: Db,
  client: ClientCaller,
  name: string,
  { workingDays, hours }: PolicyChange,
  { version, now }: { version: number; now: Date },
): Promise<Policy> {
  return inTransaction(db, async (tx) => {
    const before = await holdPolicy(tx, name, version)
    if (before.workingDays === (workingDays ?? null) && before.hours === (hours ?? null)) return before
    const after = await row<Policy>(
      tx,
      `update clock_policies set working_days = $2, hours = $3, version = version + 1, updated_at = $4
       where name = $1 returning ${POLICY}`,
      [name, workingDays ?? null, hours ?? null, now],
    )
    await recordEvents(tx, client, [{ type: 'policy.changed', fields: [name] }])
    return after as Policy
  })
}

async function holdPolicy(tx: Tx, name: string, version: number): Promise<Policy> {
  const policy = await row<Policy>(
    tx,
    `select ${POLICY} from clock_policies where name = $1 for no key update`,
    [name],
  )
  if (policy === undefined) {
    throw new DomainError('not_found', { detail: `There is no policy "${name}"; /v1/policies lists them.` })
  }
  if (policy.version === version) return policy
  throw new DomainError('version_stale', {
    currentVersion: policy.version,
    detail: `You sent version ${version}; it is ${policy.version} now. Read it again and decide again.`,
  })
}
