import type { OrganisationDetail, OrganisationFigures } from '../../domain/organisations.ts'
import type { Schemas } from '../contract/handler.ts'

/** An organisation on the wire. */
export function organisationView(
  organisation: OrganisationDetail,
  publicUrl: string,
): Schemas['Organisation'] {
  return {
    code: organisation.code,
    url: `${publicUrl}/v1/organisations/${organisation.code}`,
    name: organisation.name,
    kind: organisation.kind,
    sector: organisation.sector,
    region: organisation.region,
    address: organisation.address,
    postcode: organisation.postcode,
    website: organisation.website,
    active: organisation.active,
    closedOn: organisation.closedOn,
    version: organisation.version,
    position: positionView(organisation.latitude, organisation.longitude),
    parent: organisation.parent,
    successor: organisation.successor,
    services: organisation.services,
    commissioners: organisation.commissioners,
    ...(organisation.distanceMetres !== undefined && { distanceMetres: organisation.distanceMetres }),
    ...(organisation.figures !== undefined && { figures: figuresView(organisation.figures) }),
  }
}

function figuresView({ open, closed, overdue, asOf }: OrganisationFigures): Schemas['OrganisationFigures'] {
  return { open, closed, overdue, asOf }
}

/** A place on the wire, or null when it is not known. */
export function positionView(latitude: number | null, longitude: number | null): Schemas['Position'] | null {
  return latitude === null || longitude === null ? null : { latitude, longitude }
}
