import type { OrganisationSettings } from '../../domain/organisation-settings.ts'
import type { Schemas } from '../contract/handler.ts'

/** The settings of an organisation on the wire. */
export function organisationSettingsView(settings: OrganisationSettings): Schemas['OrganisationSettings'] {
  return {
    organisation: settings.organisation,
    notifyEmail: settings.notifyEmail,
    notifyEmail2: settings.notifyEmail2,
    responseModeration: settings.responseModeration,
    feedbackNotice: settings.feedbackNotice,
    acceptsCasesFrom: settings.acceptsCasesFrom,
    whereToTurn: settings.whereToTurn,
    respondUrl: settings.respondUrl,
    version: settings.version,
  }
}
