import type { OrganisationKind } from './client.ts'

export type SeedOrganisation = {
  code: string
  name: string
  kind: OrganisationKind
  parent?: string
  region: string
  latitude?: number
  longitude?: number
}

/** Main sites of the pilot trusts. The codes are the trust's and a number, not those of the national register, which an import brings. */
export const sites: readonly SeedOrganisation[] = [
  site('RYJ', 1, "St Mary's Hospital", 51.5173, -0.1744),
  site('RYJ', 2, 'Charing Cross Hospital', 51.487, -0.219),
  site('RYJ', 3, 'Hammersmith Hospital', 51.517, -0.234),
  site('RQM', 1, 'Chelsea and Westminster Hospital', 51.4843, -0.1817),
  site('RJ1', 1, "St Thomas' Hospital", 51.4988, -0.1188),
  site('RJ1', 2, "Guy's Hospital", 51.5033, -0.087),
  site('RAT', 1, 'Goodmayes Hospital', 51.5588, 0.1057),
  site('RAL', 1, 'Royal Free Hospital', 51.553, -0.1654),
  site('RKE', 1, 'Whittington Hospital', 51.5665, -0.1393),
  site('RAP', 1, 'North Middlesex Hospital', 51.6136, -0.0741),
  site('RQY', 1, 'Springfield Hospital', 51.4451, -0.1745),
  site('RJ7', 1, "St George's Hospital", 51.4268, -0.1747),
  site('RYX', 1, 'Central London Community Healthcare, main base', 51.4962, -0.1397),
  site('RAX', 1, 'Kingston Hospital', 51.4148, -0.2829),
  site('RVR', 1, 'St Helier Hospital', 51.3804, -0.1833),
  site('RVR', 2, 'Epsom Hospital', 51.3256, -0.273),
  site('RP6', 1, 'Moorfields Eye Hospital, City Road', 51.5273, -0.0896),
  site('RPY', 1, 'The Royal Marsden Hospital, Chelsea', 51.4907, -0.1729),
  site('RPY', 2, 'The Royal Marsden Hospital, Sutton', 51.343, -0.19),
  site('RY9', 1, 'Teddington Memorial Hospital', 51.4225, -0.3385),
  site('RP4', 1, 'Great Ormond Street Hospital', 51.5221, -0.1203),
  site('RR7', 1, 'Queen Elizabeth Hospital, Gateshead', 54.9393, -1.579, 'North'),
  site('RTD', 1, 'Freeman Hospital', 55.003, -1.593, 'North'),
  site('RTD', 2, 'Royal Victoria Infirmary', 54.98, -1.619, 'North'),
]

/** Invented ones, so that every kind is there. */
export const examples: readonly SeedOrganisation[] = [
  { code: 'XCM01', name: 'Example London Commissioner', kind: 'commissioner', region: 'London' },
  { code: 'XCM02', name: 'Example North Commissioner', kind: 'commissioner', region: 'North' },
  {
    code: 'XGP001',
    name: 'Example Riverside Surgery',
    kind: 'gp_practice',
    region: 'London',
    latitude: 51.497,
    longitude: -0.108,
  },
  {
    code: 'XGP001A',
    name: 'Example Riverside Surgery, Hill Branch',
    kind: 'gp_branch',
    parent: 'XGP001',
    region: 'London',
    latitude: 51.491,
    longitude: -0.101,
  },
  {
    code: 'XGP002',
    name: 'Example Market Street Practice',
    kind: 'gp_practice',
    region: 'London',
    latitude: 51.548,
    longitude: -0.076,
  },
  {
    code: 'XGP003',
    name: 'Example Tyne Bridge Practice',
    kind: 'gp_practice',
    region: 'North',
    latitude: 54.968,
    longitude: -1.606,
  },
  {
    code: 'XLA01',
    name: 'Example Borough Council, Adult Social Care',
    kind: 'local_authority',
    region: 'London',
    latitude: 51.461,
    longitude: -0.116,
  },
]

/** Departments of some sites, so that forms have something to choose from. */
export const services: ReadonlyArray<{ organisation: string; code: string; name: string }> = [
  { organisation: 'RJ101', code: 'SRV0017', name: 'Accident and emergency' },
  { organisation: 'RJ101', code: 'SRV0062', name: 'Maternity' },
  { organisation: 'RJ102', code: 'SRV0064', name: 'Outpatients' },
  { organisation: 'RP401', code: 'SRV0071', name: "Children's surgery" },
  { organisation: 'RYJ01', code: 'SRV0017', name: 'Accident and emergency' },
  { organisation: 'RTD02', code: 'SRV0017', name: 'Accident and emergency' },
]

function site(
  trust: string,
  n: number,
  name: string,
  latitude: number,
  longitude: number,
  region = 'London',
): SeedOrganisation {
  return {
    code: `${trust}${String(n).padStart(2, '0')}`,
    name,
    kind: 'site',
    parent: trust,
    region,
    latitude,
    longitude,
  }
}
