import { listOrganisations as listFromStore } from '../../domain/organisation-search.ts'
import { getOrganisation as getOrganisationFromStore } from '../../domain/organisations.ts'
import { organisationView } from '../views/organisation.ts'
import { placeOf } from './case-filter.ts'
import type { Handle } from './context.ts'

export const listOrganisations: Handle<'listOrganisations'> = async ({ db, query, geocoder, publicUrl }) => {
  const { fields, include, limit = 20, ...filter } = query
  const near = await placeOf(geocoder, query)
  const figures = fields === undefined ? include !== undefined : fields.includes('figures')
  const { items, next } = await listFromStore(db, { ...filter, near, limit, figures })
  return {
    status: 200,
    body: { items: items.map((organisation) => organisationView(organisation, publicUrl)), next },
    next,
    fields,
  }
}

export const getOrganisation: Handle<'getOrganisation'> = async ({ db, path, publicUrl }) => {
  const organisation = await getOrganisationFromStore(db, path.code)
  return { status: 200, body: organisationView(organisation, publicUrl) }
}
