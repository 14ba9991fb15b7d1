import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { holdCase } from './case-changes.ts'
import type { CaseRow } from './case-rows.ts'
import { allowedDecisions } from './case-rules.ts'
import { refuseOwnReferral } from './decisions.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'

/** Who is deciding on a case, and until when. */
export type Claim = { actingUser: string; until: string }

/**
 * Claims a case for the acting user while there is something for them to decide; their own claim becomes longer, one
 * that has run out is taken over. Throws `claimed_by_other` while somebody else's runs. The version stays.
 */
export async function claimCase(
  db: Db,
  client: ClientCaller,
  reference: string,
  minutes: number,
): Promise<Claim> {
  return inTransaction(db, async (tx) => {
    const { theCase, relation } = await holdCase(tx, client, reference, undefined, 'createClaim')
    await refuseOwnReferral(tx, client, theCase, relation)
    if (allowedDecisions(theCase, relation).length === 0) {
      throw new DomainError('move_not_allowed', {
        allowed: [],
        detail: `The case is ${theCase.publication}; there is nothing for you to decide.`,
      })
    }
    const claim = await row<Claim>(
      tx,
      `insert into case_claims as l (case_id, client_id, acting_user, until)
       values ($1, $2, $3, now() + make_interval(mins => $4))
       on conflict (case_id) do update
         set client_id = excluded.client_id, acting_user = excluded.acting_user, until = greatest(l.until, excluded.until)
         where l.acting_user = excluded.acting_user or l.until <= now()
       returning acting_user as "actingUser", until`,
      [theCase.id, client.clientId, client.actingUser, minutes],
      'claim-case',
    )
    if (claim === undefined) throw claimedByOther(theCase)
    if (theCase.claim === null) {
      const { id: caseId, reference: caseReference, organisationId, version: caseVersion } = theCase
      await recordEvents(tx, client, [
        { type: 'case.claimed', caseId, caseReference, organisationId, caseVersion },
      ])
    }
    return claim
  })
}

/** Ends the acting user's claim, if there is one. */
export async function endClaim(db: Db, client: ClientCaller, reference: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { theCase } = await holdCase(tx, client, reference, undefined, 'createClaim')
    await rows(tx, 'delete from case_claims where case_id = $1 and acting_user = $2', [
      theCase.id,
      client.actingUser,
    ])
  })
}

/** Throws `claimed_by_other` while somebody else's claim on a held case runs. */
export function refuseOthersClaim(client: ClientCaller, theCase: CaseRow): void {
  if (theCase.claim !== null && theCase.claim.actingUser !== client.actingUser) throw claimedByOther(theCase)
}

/** Forgets the claim on a held case that was decided. */
export async function forgetClaim(tx: Tx, theCase: CaseRow): Promise<void> {
  await rows(tx, 'delete from case_claims where case_id = $1', [theCase.id], 'forget-claim')
}

function claimedByOther({ claim }: CaseRow): DomainError {
  const who = claim?.actingUser ?? 'Somebody else'
  const until = claim === null ? '' : ` until ${claim.until}`
  return new DomainError('claimed_by_other', {
    detail: `${who} is deciding on it${until}. Take another, or wait until they have decided or given it back.`,
  })
}
