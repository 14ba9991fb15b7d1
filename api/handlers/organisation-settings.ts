import {
  getOrganisationSettings as getFromStore,
  updateOrganisationSettings as updateInStore,
} from '../../domain/organisation-settings.ts'
import { organisationSettingsView } from '../views/organisation-settings.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const getOrganisationSettings: Handle<'getOrganisationSettings'> = async ({ db, path }) => {
  const settings = await getFromStore(db, path.code)
  return { status: 200, body: organisationSettingsView(settings), version: settings.version }
}

export const updateOrganisationSettings: Handle<'updateOrganisationSettings'> = async (request) => {
  const { db, body, header, path } = request
  const version = versionIn(header['If-Match'])
  const settings = await updateInStore(db, clientOf(request), path.code, body, { version })
  return { status: 200, body: organisationSettingsView(settings), version: settings.version }
}
