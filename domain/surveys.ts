import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Db, inTransaction, row, rows, type Sql, type Tx, type Vault } from '../prisma/client.ts'
import { type CaseRow, caseById, contactOf, nameJson } from './case-rows.ts'
import { DomainError } from './errors.ts'
import type { Telling } from './events.ts'
import type { OrganisationName } from './organisations.ts'
import { type Outcome, recordOutcome } from './outcomes.ts'
import { newVersion } from './reporter-case.ts'
import { secretOf } from './secrets.ts'

/** The question about the outcome of one case; `answered` also when the receipt answered it. */
export type Survey = {
  id: number
  caseId: number
  reference: string
  organisation: OrganisationName
  closedAt: string
  answered: boolean
  expiresAt: string
}

const LIFETIME_MS = 30 * 24 * 3600_000
const MAC_BYTES = 16

/**
 * Asks the reporter of a held case that closes what they say of the outcome: once per case, when there is an e-mail
 * address to ask at. What was rejected or removed, is only tried out or came from a source is not asked about, nor what
 * was rated before. Returns who is to be told of it, for the event of the closing.
 */
export async function createSurvey(tx: Tx, theCase: CaseRow, now: Date): Promise<Telling[]> {
  if (!isAskedAbout(theCase) || !contactOf(tx.vault, theCase)?.email) return []
  const created = await row(
    tx,
    'insert into surveys (case_id, created_at, expires_at) values ($1, $2, $3) on conflict (case_id) do nothing returning id',
    [theCase.id, now, new Date(Math.floor((now.getTime() + LIFETIME_MS) / 1000) * 1000)],
    'create-survey',
  )
  return created === undefined ? [] : [{ kind: 'survey_for_reporter' }]
}

/** The survey of a case, or undefined when it has none that can be read. */
export async function surveyOf(sql: Sql, caseId: number): Promise<Survey | undefined> {
  return row<Survey>(sql, `${SURVEY} and v.case_id = $1`, [caseId], 'survey-of-case')
}

/** What stands in the link to a survey: which, until when, and a signature; it opens nothing else. */
export async function surveyToken(
  sql: Sql,
  vault: Vault,
  { id, expiresAt }: Pick<Survey, 'id' | 'expiresAt'>,
): Promise<string> {
  const signed = `${id.toString(36)}.${Math.floor(Date.parse(expiresAt) / 1000)}`
  return `${signed}.${signature(await secretOf(sql, vault, 'survey'), signed)}`
}

/** The key of the survey that a token names, or undefined when it is not ours or has expired. */
async function readSurveyToken(
  sql: Sql,
  vault: Vault,
  token: string,
  now: Date,
): Promise<number | undefined> {
  const [, id = '', expires = '', mac = ''] = /^([0-9a-z]{1,11})\.(\d{1,10})\.([\w-]{22})$/.exec(token) ?? []
  const right = Buffer.from(signature(await secretOf(sql, vault, 'survey'), `${id}.${expires}`))
  const given = Buffer.alloc(right.length)
  given.write(mac)
  const fits = timingSafeEqual(right, given) && mac !== ''
  return fits && Number(expires) * 1000 > now.getTime() ? Number.parseInt(id, 36) : undefined
}

/** The survey of a token; records nothing. Throws the same `not_found` for a forged, an expired and a taken back one. */
export async function getSurvey(db: Db, token: string, now: Date): Promise<Survey> {
  return surveyById(db.pool, await readSurveyToken(db.pool, db.vault, token, now))
}

/** Records the one answer to a survey. Throws as `getSurvey` does, and `already_answered` the second time. */
export async function answerSurvey(db: Db, token: string, outcome: Outcome, now: Date): Promise<Survey> {
  const id = await readSurveyToken(db.pool, db.vault, token, now)
  return inTransaction(db, async (tx) => {
    await rows(
      tx,
      'select 1 from cases c where c.id = (select case_id from surveys where id = $1) for no key update',
      [id],
      'lock-surveyed-case',
    )
    const survey = await surveyById(tx, id)
    const theCase = await caseById(tx, survey.caseId)
    await newVersion(tx, theCase, await recordOutcome(tx, theCase, outcome, now))
    await rows(tx, 'update surveys set answered_at = $2 where id = $1', [survey.id, now])
    return { ...survey, answered: true }
  })
}

async function surveyById(sql: Sql, id: number | undefined): Promise<Survey> {
  const survey =
    id === undefined ? undefined : await row<Survey>(sql, `${SURVEY} and v.id = $1`, [id], 'survey')
  if (survey === undefined) throw new DomainError('not_found')
  return survey
}

function isAskedAbout({ publication, channel, test, outcomeAt }: CaseRow): boolean {
  const unfit = publication === 'rejected' || publication === 'removed'
  return !unfit && !test && channel !== 'feed' && outcomeAt === null
}

function signature(secret: Buffer, signed: string): string {
  return createHmac('sha256', secret).update(signed).digest().subarray(0, MAC_BYTES).toString('base64url')
}

// What was taken back or turned away is not asked about any more.
const SURVEY = `
  select v.id, v.case_id as "caseId", c.reference, ${nameJson('o')} as organisation, c.closed_at as "closedAt",
         c.outcome_at is not null as answered, v.expires_at as "expiresAt"
  from surveys v join cases c on c.id = v.case_id join organisations o on o.id = c.organisation_id
  where c.status <> 'withdrawn' and c.publication not in ('rejected', 'removed')`
