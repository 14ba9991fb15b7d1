import { row, type Tx } from '../prisma/client.ts'
import { type Accepted, loadAccepted } from './accepted.ts'
import { normalisedPhone } from './contact-index.ts'
import type { Refused } from './ingest-entries.ts'
import type { HeldSource } from './ingest-items.ts'
import { findOrganisationId } from './organisations.ts'
import { leadingCode, type ReceivedText } from './text-rules.ts'

/** Whom a text is about and what it says to them, or why it is for nobody. */
export type Addressee =
  | { refused: null; accepted: Accepted; words: string }
  | { refused: Pick<Refused, 'reason' | 'detail'> }

/**
 * Whom a text message is about: the organisation whose code it begins with, in any form, and then without that word; else
 * the one to which the number belongs that it was sent to; else the source's own. Refused are an empty message, one about
 * an organisation that takes no cases, and one about nobody who is known.
 */
export async function findAddressee(
  tx: Tx,
  source: HeldSource,
  text: ReceivedText,
  now: Date,
): Promise<Addressee> {
  const message = text.message.trim()
  if (message === '') return { refused: { reason: 'malformed', detail: 'message: it says nothing' } }

  const named = await namedIn(tx, message)
  const organisationId = named?.id ?? (await behindNumber(tx, source, text)) ?? source.organisationId
  if (organisationId === null) return { refused: unknown(source, text) }
  const { accepted, refused } = await loadAccepted(tx, await codeOf(tx, organisationId), now)
  if (accepted === null) return { refused: { reason: 'organisation_unknown', detail: refused.detail } }
  return { refused: null, accepted, words: named?.words ?? message }
}

async function namedIn(tx: Tx, message: string): Promise<{ id: number; words: string } | null> {
  const leading = leadingCode(message)
  const id = leading === null ? null : await findOrganisationId(tx, leading.code)
  if (leading === null || id === null) return null
  // Who sends nothing but a code has said that much.
  return { id, words: leading.rest === '' ? message : leading.rest }
}

async function behindNumber(tx: Tx, source: HeldSource, text: ReceivedText): Promise<number | null> {
  const found = await row<{ id: number }>(
    tx,
    'select organisation_id as id from organisation_external_ids where scheme = $1 and code = $2',
    [source.organisationScheme, normalisedPhone(text.destination_number)],
    'organisation-behind-number',
  )
  return found?.id ?? null
}

async function codeOf(tx: Tx, organisationId: number): Promise<string> {
  const found = await row<{ code: string }>(
    tx,
    'select code from organisations where id = $1',
    [organisationId],
    'code-of-organisation',
  )
  return (found as { code: string }).code
}

function unknown(
  source: HeldSource,
  { destination_number }: ReceivedText,
): Pick<Refused, 'reason' | 'detail'> {
  const number = normalisedPhone(destination_number) || 'a number without digits'
  return {
    reason: 'organisation_unknown',
    detail: `It begins with no organisation's code, and ${number}, which it was sent to, is no organisation's number for ${source.name}: make it an alias, and try it again.`,
  }
}
