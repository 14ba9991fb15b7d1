import {
  type Db,
  type FeedbackNotice,
  inTransaction,
  type ResponseModeration,
  row,
  rows,
  type Sql,
} from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { findOrganisationId, type OrganisationName } from './organisations.ts'
import { isSucceeded, nextUp } from './succession.ts'

/** How an organisation works with the service. */
export type OrganisationSettings = {
  organisation: OrganisationName
  notifyEmail: string | null
  notifyEmail2: string | null
  responseModeration: ResponseModeration
  feedbackNotice: FeedbackNotice
  /** A day, as 2026-12-01. */
  acceptsCasesFrom: string | null
  whereToTurn: string | null
  /** Address template of its tool for one case. */
  respondUrl: string | null
  version: number
}

/** What to change: absent means leave, null means clear. */
export type OrganisationSettingsChange = {
  notifyEmail?: string | null | undefined
  notifyEmail2?: string | null | undefined
  responseModeration?: ResponseModeration | undefined
  feedbackNotice?: FeedbackNotice | undefined
  acceptsCasesFrom?: string | null | undefined
  whereToTurn?: string | null | undefined
  respondUrl?: string | null | undefined
}

/** The settings of the organisation with this code, in any form; throws `not_found`. */
export async function getOrganisationSettings(db: Db, code: string): Promise<OrganisationSettings> {
  return settingsOf(db.pool, await organisationId(db.pool, code))
}

/** Whom to tell about what concerns an organisation, and how. */
export type ToldOrganisation = Pick<
  OrganisationSettings,
  'notifyEmail' | 'notifyEmail2' | 'feedbackNotice' | 'respondUrl'
> & { id: number }

/**
 * The organisation itself, or the nearest one above it, that has an address to be told at; the organisation itself when
 * none has. The address of its tool is the nearest one, too. In the place of one that is closed stands what came after it.
 */
export async function toldOrganisation(sql: Sql, organisationId: number): Promise<ToldOrganisation> {
  const found = await row<ToldOrganisation>(
    sql,
    `with recursive up as (
       select o.*, 0 as depth from organisations o where o.id = $1
       union all
       select o.*, up.depth + 1 from organisations o join up on o.id = ${nextUp('up')}
     ), told as (
       select * from up where not ${isSucceeded('up')}
     )
     select id, notify_email as "notifyEmail", notify_email_2 as "notifyEmail2", feedback_notice as "feedbackNotice",
       (select u.respond_url from told u where u.respond_url is not null order by u.depth limit 1) as "respondUrl"
     from told order by notify_email is null and notify_email_2 is null, depth limit 1`,
    [organisationId],
    'told-organisation',
  )
  return found as ToldOrganisation
}

/** Changes the settings of an organisation; throws `version_stale` when they have changed since `version`. */
export async function updateOrganisationSettings(
  db: Db,
  client: ClientCaller,
  code: string,
  change: OrganisationSettingsChange,
  { version }: { version: number },
): Promise<OrganisationSettings> {
  if (change.respondUrl != null) checkRespondUrl(change.respondUrl)
  return inTransaction(db, async (tx) => {
    const id = await organisationId(tx, code)
    await rows(tx, 'select 1 from organisations where id = $1 for no key update', [id])
    const before = await settingsOf(tx, id)
    if (before.version !== version) {
      throw new DomainError('version_stale', {
        currentVersion: before.version,
        detail: `You sent version ${version}; it is ${before.version} now. Read it again and decide again.`,
      })
    }
    const after: OrganisationSettings = { ...before, ...givenIn(change) }
    await rows(
      tx,
      `update organisations set notify_email = $2, notify_email_2 = $3, response_moderation = $4, feedback_notice = $5,
         accepts_cases_from = $6, where_to_turn = $7, respond_url = $8, settings_version = settings_version + 1, updated_at = now()
       where id = $1`,
      [
        id,
        after.notifyEmail,
        after.notifyEmail2,
        after.responseModeration,
        after.feedbackNotice,
        after.acceptsCasesFrom,
        after.whereToTurn,
        after.respondUrl,
      ],
    )
    await recordEvents(tx, client, [
      {
        type: 'organisation.settings_changed',
        organisationId: id,
        fields: Object.keys(givenIn(change)).sort(),
      },
    ])
    return settingsOf(tx, id)
  })
}

async function organisationId(sql: Sql, code: string): Promise<number> {
  const id = await findOrganisationId(sql, code)
  if (id !== null) return id
  throw new DomainError('not_found', { detail: `There is no organisation with the code "${code}".` })
}

async function settingsOf(sql: Sql, id: number): Promise<OrganisationSettings> {
  const found = await row<OrganisationSettings>(
    sql,
    `select json_build_object('code', code, 'name', name) as organisation, notify_email as "notifyEmail",
       notify_email_2 as "notifyEmail2", response_moderation as "responseModeration", feedback_notice as "feedbackNotice",
       to_char(accepts_cases_from, 'YYYY-MM-DD') as "acceptsCasesFrom", where_to_turn as "whereToTurn",
       respond_url as "respondUrl", settings_version as version
     from organisations where id = $1`,
    [id],
    'organisation-settings',
  )
  return found as OrganisationSettings
}

// What is absent must not overwrite what is there.
function givenIn(change: OrganisationSettingsChange): Partial<OrganisationSettings> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}

function checkRespondUrl(template: string): void {
  const address = template.replaceAll('{reference}', 'K7QD-M2XW-9TRB-H')
  if (template.includes('{reference}') && URL.canParse(address) && !/[{}]/.test(address)) return
  throw invalid({
    pointer: '/respondUrl',
    code: 'not_a_template',
    detail:
      'An address with {reference} where the reference goes, and no other braces: https://tool.example/cases/{reference}.',
  })
}
