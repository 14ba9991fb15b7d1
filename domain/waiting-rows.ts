import type { EscalationState, ExtensionState, Vault } from '../prisma/client.ts'
import { jsonObject } from './json-sql.ts'
import type { OrganisationName } from './organisations.ts'

/** Since when the clock for the answer stands still, and until when at the latest. */
export type PauseRow = { since: string; until: string }

/** More time for the answer, asked for or agreed to; what the reporter reads is still sealed. */
export type ExtensionRow = {
  reference: string
  workingDays: number
  reasonSealed: string
  consent: string
  state: ExtensionState
  createdAt: string
  answeredAt: string | null
}

/** That somebody above is to see to a case; what is said of it is still sealed. */
export type EscalationRow = {
  reference: string
  /** The commissioner; null for the national contact. */
  toId: number | null
  to: OrganisationName | null
  reason: string
  textSealed: string | null
  answerSealed: string | null
  state: EscalationState
  actingUser: string | null
  createdAt: string
  dueAt: string
  acknowledgedAt: string | null
  resolvedAt: string | null
}

/** An escalation as the people read it between whom it is. */
export type Escalation = Omit<EscalationRow, 'textSealed' | 'answerSealed' | 'toId'> & {
  text: string | null
  answer: string | null
}

/** An extension, opened. */
export type Extension = Omit<ExtensionRow, 'reasonSealed'> & { reason: string }

/** SQL by field for an escalation `e`, with the commissioner joined as `et`. */
export const ESCALATION_FIELDS = {
  reference: 'e.reference',
  toId: 'e.to_id',
  to: `case when et.id is not null then ${jsonObject({ code: 'et.code', name: 'et.name' })} end`,
  reason: 'e.reason',
  textSealed: 'e.text_sealed',
  answerSealed: 'e.answer_sealed',
  state: 'e.state',
  actingUser: 'e.acting_user',
  createdAt: 'utc(e.created_at)',
  dueAt: 'utc(e.due_at)',
  acknowledgedAt: 'utc(e.acknowledged_at)',
  resolvedAt: 'utc(e.resolved_at)',
}

/** SQL for the last escalation of a case `c`, or null. */
export const LAST_ESCALATION = `(select ${jsonObject(ESCALATION_FIELDS)}
   from escalations e left join organisations et on et.id = e.to_id where e.case_id = c.id order by e.id desc limit 1)`

/** SQL for the last extension of a case `c`, or null. */
export const LAST_EXTENSION = `(select ${jsonObject({
  reference: 'x.reference',
  workingDays: 'x.working_days',
  reasonSealed: 'x.reason_sealed',
  consent: 'x.consent',
  state: 'x.state',
  createdAt: 'utc(x.created_at)',
  answeredAt: 'utc(x.answered_at)',
})} from extensions x where x.case_id = c.id order by x.id desc limit 1)`

/** SQL for the pause in which a case `c` is, or null. */
export const PAUSE = `case when c.paused_at is not null then
  (select ${jsonObject({ since: 'utc(p.since)', until: 'utc(p.until)' })} from pauses p where p.case_id = c.id and p.ended_at is null) end`

/** Seals one of the two texts of an escalation, bound to its reference. */
export function sealEscalation(
  vault: Vault,
  which: 'text' | 'answer',
  reference: string,
  text: string | undefined,
): string | null {
  return text === undefined ? null : vault.seal(`escalations.${which}:${reference}`, text)
}

/** The escalation with its texts, for those between whom it is; without them for everybody else who works on the case. */
export function openEscalation(
  vault: Vault,
  { textSealed, answerSealed, toId: _, ...escalation }: EscalationRow,
  between: boolean,
): Escalation {
  const open = (which: 'text' | 'answer', sealed: string | null) =>
    between && sealed !== null ? vault.open(`escalations.${which}:${escalation.reference}`, sealed) : null
  return { ...escalation, text: open('text', textSealed), answer: open('answer', answerSealed) }
}

/** Seals why an answer takes longer, bound to the extension. */
export function sealExtension(vault: Vault, reference: string, reason: string): string {
  return vault.seal(`extensions.reason:${reference}`, reason)
}

/** The extension with why. */
export function openExtension(vault: Vault, { reasonSealed, ...extension }: ExtensionRow): Extension {
  return { ...extension, reason: vault.open(`extensions.reason:${extension.reference}`, reasonSealed) }
}
