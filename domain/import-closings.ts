import { rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { closeOrganisation } from './close-organisation.ts'
import { DomainError } from './errors.ts'
import type { Plan, PlannedClosing } from './import-plan.ts'
import { organisationById } from './registry.ts'

/**
 * Closes what a file says has closed, as a person would close it: what belonged to it moves to what came after it. What cannot be
 * closed so stays open, and its row says why.
 */
export async function closeFromFile(
  tx: Tx,
  client: ClientCaller | null,
  plan: Plan,
  { dryRun, now }: { dryRun: boolean; now: Date },
): Promise<void> {
  for (const closing of plan.closings) {
    if (dryRun) await rows(tx, 'savepoint closing')
    try {
      const { on, successor } = closing
      await closeOrganisation(tx, client, await organisationById(tx, closing.id), { on, successor }, now)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      takeBack(plan, closing, error)
      continue
    }
    // Whoever changes cases or places events would wait for what closing holds.
    if (dryRun) {
      await rows(tx, 'rollback to savepoint closing')
      await closeAlone(tx, closing)
    }
  }
}

// What is wrong is seen before anything is written.
function takeBack(plan: Plan, { line, fields }: PlannedClosing, { message, details }: DomainError): void {
  const at = plan.rows.findIndex((row) => row.line === line)
  const row = plan.rows[at]
  if (row === undefined) throw new Error(`line ${line} was not decided on`)
  const left = row.fields.filter((field) => !fields.includes(field))
  plan.rows[at] = {
    ...row,
    outcome: left.length > 0 ? 'changed' : 'refused',
    fields: left,
    problem: 'tree_conflict',
    detail: details.detail ?? details.errors?.[0]?.detail ?? message,
  }
}

async function closeAlone(tx: Tx, { id, on, successor }: PlannedClosing): Promise<void> {
  await rows(
    tx,
    `update organisations o set active = false, closed_on = coalesce($2::date, o.closed_on),
       succeeded_by_id = coalesce((select s.id from organisations s where s.code = $3), o.succeeded_by_id)
     where o.id = $1`,
    [id, on ?? null, successor ?? null],
    'close-alone',
  )
}
