import type { Db } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { privacyOf } from './case-rules.ts'
import type { Problem } from './errors.ts'
import type { CaseDraft } from './intake-rules.ts'
import { type PersonalData, personalDataIn } from './personal-data.ts'
import { type FormRules, judgeDraft } from './submit-case.ts'

/** A case as far as it is written. */
export type PreviewDraft = Partial<Omit<CaseDraft, 'moderation'>> & { text: string }

/** How a case would look in public, null for what stays private, and what to look at again. */
export type Preview = {
  public: { title: string | null; text: string; authorName: string | null } | null
  personalData: PersonalData[]
  /** What the intake would refuse; null where kind or organisation is not said. */
  warnings: Problem[] | null
}

/** What a draft would look like in public if a moderator changed nothing of it, and what is wrong with it. Stores nothing. */
export async function previewCase(
  db: Db,
  client: ClientCaller,
  draft: PreviewDraft,
  { now, forms }: { now: Date; forms: FormRules },
): Promise<Preview> {
  const words = { title: draft.title ?? null, text: draft.text }
  const privacy = privacyOf(draft.privacy ?? 'private', draft.under16 ?? false)
  const authorName = privacy === 'named' ? (draft.contact?.name ?? null) : null
  return {
    public: privacy === 'private' ? null : { ...words, authorName },
    personalData: personalDataIn(words, now),
    warnings: await warningsOf(db, client, draft, { now, forms }),
  }
}

async function warningsOf(
  db: Db,
  client: ClientCaller,
  draft: PreviewDraft,
  { now, forms }: { now: Date; forms: FormRules },
): Promise<Problem[] | null> {
  const { kind, organisation } = draft
  if (kind === undefined || organisation === undefined) return null
  const { problems } = await judgeDraft(db.pool, client, { ...draft, kind, organisation }, now, forms)
  // What a case handler decides comes with the case alone.
  return problems.filter(({ pointer }) => !pointer.startsWith('/moderation'))
}
