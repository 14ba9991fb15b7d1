import { type Db, type Publication, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, changedCase, holdCase, nextVersion } from './case-changes.ts'
import { type CaseRow, sealRemark, TAKEN_BACK } from './case-rows.ts'
import {
  allowedResponseDecisions,
  type Relation,
  type ResponseAction,
  responsePublications,
} from './case-rules.ts'
import { recordDecision } from './decisions.ts'
import { DomainError, invalid } from './errors.ts'
import { type EventType, recordEvents, type Telling } from './events.ts'
import { once } from './idempotency.ts'
import { parseReference } from './references.ts'
import type { SeenCase } from './seen-case.ts'

export type ResponseDecision = { action: ResponseAction; reason: string; text?: string }

/**
 * Decides what the public sees of an answer, and edits it when `publish` comes with a text; what it said before is
 * kept. Throws `not_found` for an answer that the case does not have, `move_not_allowed` with what may be decided, and
 * otherwise as `holdCase` does.
 */
export async function decideResponse(
  db: Db,
  client: ClientCaller,
  { reference, response }: { reference: string; response: string },
  decision: ResponseDecision,
  { key, version }: { key: string | undefined; version: number },
): Promise<SeenCase> {
  checkText(decision)
  const operation = `createResponseDecision ${parseReference(reference)} ${parseReference(response)}`
  const { caseId } = await once(db, client, { key, operation, body: decision }, async (tx) => {
    const { theCase, relation } = await holdCase(tx, client, reference, version, 'createResponseDecision')
    const held = await holdResponse(tx, theCase, response)
    const edits = decision.text !== undefined && decision.text !== held.text
    checkMove(held, relation, decision.action, edits)
    if (edits) await keepText(tx, client, held)
    const publication = responsePublications[decision.action]
    await rows(
      tx,
      'update responses set publication = $2, text = coalesce($3, text), updated_at = now() where id = $1',
      [held.id, publication, decision.text ?? null],
    )
    const { action, reason } = decision
    await recordDecision(tx, client, { caseId: theCase.id, responseId: held.id, action, reason })
    await nextVersion(tx, theCase)
    const types: EventType[] = [
      ...(edits ? (['response.changed'] as const) : []),
      ...(publication === held.publication ? [] : [eventOf[decision.action]]),
    ]
    await recordEvents(
      tx,
      client,
      types.map((type) => ({
        ...about(theCase),
        type,
        reason: decision.reason,
        fields: ['responses'],
        tells: type === 'response.published' && !held.fromSource ? tellsOfAnswer(held.reference) : [],
      })),
    )
    return { caseId: theCase.id }
  })
  return changedCase(db, client, caseId)
}

/** The reporter is to be told of an answer that has become public, once for each. */
export function tellsOfAnswer(response: string): Telling[] {
  return [{ kind: 'response_for_reporter', once: response }]
}

/** Keeps what answers said on which a person has decided, before their source gives them another text. */
export async function keepDecidedTexts(
  tx: Tx,
  edits: ReadonlyArray<{ id: number | null; text: string }>,
): Promise<void> {
  const decided = await rows<{ id: number; reference: string; text: string }>(
    tx,
    `select r.id, r.reference, r.text from responses r join json_to_recordset($1::json) as d(id bigint, text text) on d.id = r.id
     where r.text <> d.text and exists (select 1 from decisions s where s.response_id = r.id)
     order by r.id for no key update of r`,
    [JSON.stringify(edits.map(({ id, text }) => ({ id, text })))],
    'decided-responses',
  )
  for (const response of decided) await keepText(tx, null, response)
}

type HeldResponse = {
  id: number
  reference: string
  publication: Publication
  text: string
  fromSource: boolean
  takenBack: boolean
}

const eventOf = {
  publish: 'response.published',
  reject: 'response.rejected',
  remove: 'response.removed',
} as const satisfies Record<ResponseAction, EventType>

async function holdResponse(tx: Tx, theCase: CaseRow, response: string): Promise<HeldResponse> {
  const found = await row<HeldResponse>(
    tx,
    `select r.id, r.reference, r.publication, r.text, r.source_id is not null as "fromSource",
       ${TAKEN_BACK} as "takenBack"
     from responses r where r.case_id = $1 and r.reference = $2 for no key update`,
    [theCase.id, parseReference(response)],
    'hold-response',
  )
  if (found === undefined) throw new DomainError('not_found')
  return found
}

function checkText({ action, text }: ResponseDecision): void {
  if (action === 'publish' || text === undefined) return
  throw invalid({
    pointer: '/text',
    code: 'text_not_taken',
    detail: 'Only what is published is edited: leave the text out, or publish.',
  })
}

function checkMove(held: HeldResponse, relation: Relation, action: ResponseAction, edits: boolean): void {
  const allowed = allowedResponseDecisions(held, relation)
  if (!allowed.includes(action)) {
    const detail = held.takenBack
      ? 'Its source has taken this answer back; it stays away.'
      : `The answer is ${held.publication}.`
    throw new DomainError('move_not_allowed', { allowed, detail })
  }
  if (action === 'publish' && held.publication === 'published' && !edits) {
    throw new DomainError('move_not_allowed', {
      allowed,
      detail: 'The answer is published as it is; send another text to edit it.',
    })
  }
}

async function keepText(
  tx: Tx,
  client: ClientCaller | null,
  { id, reference, text }: Pick<HeldResponse, 'id' | 'reference' | 'text'>,
): Promise<void> {
  await rows(tx, 'insert into response_edits (response_id, text_sealed, acting_user) values ($1, $2, $3)', [
    id,
    sealRemark(tx.vault, reference, text),
    client?.actingUser ?? null,
  ])
}
