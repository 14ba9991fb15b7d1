import {
  getOrganisation as getOrganisationFromStore,
  listOrganisations as listFromStore,
} from '../../domain/organisations.ts'
import { organisationView } from '../views/organisation.ts'
import type { Handle } from './context.ts'

export const listOrganisations: Handle<'listOrganisations'> = async ({ db, query, publicUrl }) => {
  const { items, next } = await listFromStore(db, { ...query, limit: query.limit ?? 20 })
  return {
    status: 200,
    body: { items: items.map((organisation) => organisationView(organisation, publicUrl)), next },
    next,
  }
}

export const getOrganisation: Handle<'getOrganisation'> = async ({ db, path, publicUrl }) => {
  const organisation = await getOrganisationFromStore(db, path.code)
  return { status: 200, body: organisationView(organisation, publicUrl) }
}
