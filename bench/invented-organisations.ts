import type { OrganisationKind, Sector } from '../prisma/client.ts'
import { between, type Chance, chanceFrom, normal, oneOf, weighted } from './chance.ts'

export type InventedOrganisation = {
  code: string
  name: string
  kind: OrganisationKind
  sector: Sector | null
  region: string
  town: string
  latitude: number | null
  longitude: number | null
  parent: string | null
  /** How many cases it has, compared with others. */
  weight: number
}

export type City = {
  name: string
  region: string
  latitude: number
  longitude: number
  /** Thousands who live in and around it. */
  people: number
}

/** Where people live; the places are real, what stands there is invented. */
export const CITIES: readonly City[] = [
  ...cities(
    'London',
    'London 51.51 -0.12 9000, Croydon 51.37 -0.1 390, Romford 51.58 0.18 250, Enfield 51.65 -0.08 330',
  ),
  ...cities(
    'South East',
    'Brighton 50.83 -0.14 480, Southampton 50.91 -1.4 860, Portsmouth 50.8 -1.09 400, Reading 51.45 -0.97 350, Oxford 51.75 -1.26 220, Slough 51.51 -0.59 160, Milton_Keynes 52.04 -0.76 260, Maidstone 51.27 0.52 170, Canterbury 51.28 1.08 150, Crawley 51.11 -0.19 180, Medway 51.38 0.54 280, Guildford 51.24 -0.57 150, Hastings 50.85 0.57 130, Basingstoke 51.27 -1.09 115',
  ),
  ...cities(
    'South West',
    'Bristol 51.45 -2.59 700, Plymouth 50.38 -4.14 270, Bournemouth 50.72 -1.88 470, Swindon 51.56 -1.78 230, Exeter 50.72 -3.53 130, Gloucester 51.86 -2.24 150, Cheltenham 51.9 -2.08 120, Bath 51.38 -2.36 95, Torquay 50.46 -3.53 115, Truro 50.26 -5.05 60, Taunton 51.02 -3.1 70',
  ),
  ...cities(
    'East of England',
    'Norwich 52.63 1.3 220, Cambridge 52.2 0.12 170, Ipswich 52.06 1.16 180, Peterborough 52.57 -0.24 200, Luton 51.88 -0.42 260, Southend 51.54 0.71 300, Colchester 51.89 0.9 130, Chelmsford 51.74 0.47 120, Bedford 52.14 -0.47 110, Watford 51.66 -0.4 140',
  ),
  ...cities(
    'Midlands',
    'Birmingham 52.48 -1.9 2500, Nottingham 52.95 -1.15 770, Leicester 52.64 -1.13 560, Coventry 52.41 -1.51 430, Stoke 53 -2.18 380, Derby 52.92 -1.47 280, Wolverhampton 52.59 -2.13 260, Northampton 52.24 -0.9 240, Lincoln 53.23 -0.54 130, Worcester 52.19 -2.22 105, Telford 52.68 -2.45 150, Shrewsbury 52.71 -2.75 75, Hereford 52.06 -2.72 60',
  ),
  ...cities(
    'North West',
    'Manchester 53.48 -2.24 2750, Liverpool 53.41 -2.98 900, Preston 53.76 -2.7 330, Blackpool 53.82 -3.05 240, Bolton 53.58 -2.43 200, Warrington 53.39 -2.6 180, Blackburn 53.75 -2.48 150, Chester 53.19 -2.89 90, Lancaster 54.05 -2.8 55, Carlisle 54.9 -2.93 75',
  ),
  ...cities(
    'North East and Yorkshire',
    'Leeds 53.8 -1.55 1800, Sheffield 53.38 -1.47 730, Newcastle 54.98 -1.61 800, Middlesbrough 54.57 -1.23 380, Hull 53.74 -0.34 320, Sunderland 54.91 -1.38 280, York 53.96 -1.08 160, Bradford 53.8 -1.75 350, Doncaster 53.52 -1.13 160, Huddersfield 53.65 -1.78 160, Scarborough 54.28 -0.4 60, Darlington 54.53 -1.55 95',
  ),
  ...cities(
    'Wales',
    'Cardiff 51.48 -3.18 480, Swansea 51.62 -3.94 300, Newport 51.58 -3 300, Wrexham 53.05 -2.99 65, Bangor 53.23 -4.13 20',
  ),
  ...cities(
    'Scotland',
    'Glasgow 55.86 -4.25 1000, Edinburgh 55.95 -3.19 530, Aberdeen 57.15 -2.1 220, Dundee 56.46 -2.97 150, Inverness 57.48 -4.22 50',
  ),
  ...cities('Northern Ireland', 'Belfast 54.6 -5.93 640, Derry 55 -7.32 85'),
]

/** Some ten thousand organisations, mostly where many people live: trusts with sites, surgeries with branches, councils, commissioners. */
export function inventOrganisations(seed: number, count: number): InventedOrganisation[] {
  const chance = chanceFrom(seed)
  const some = (share: number) => Math.max(1, Math.round(count * share))
  const trusts = few(some(0.022), (n) => single(chance, 'trust', n, 0.11))
  const sites = few(some(0.13), (n) => belowOne(chance, oneOf(chance, trusts), 'site', n, 0.1))
  const surgeries = few(some(0.709), (n) => single(chance, 'gp_practice', n, 0.06))
  const branches = few(some(0.12), (n) => belowOne(chance, oneOf(chance, surgeries), 'gp_branch', n, 0.03))
  const councils = few(some(0.015), (n) => single(chance, 'local_authority', n, 0.05))
  const commissioners = few(some(0.004), (n) => single(chance, 'commissioner', n, 0.05))
  return [
    ...weighed(trusts, 0.12, chance),
    ...weighed(sites, 0.55, chance),
    ...weighed(surgeries, 0.3, chance),
    // Its surgery has its cases.
    ...weighed(branches, 0, chance),
    ...weighed(councils, 0.03, chance),
    ...weighed(commissioners, 0, chance),
  ]
}

function few<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n + 1))
}

type Unweighed = Omit<InventedOrganisation, 'weight'>

const WORDS = [
  'Riverside',
  'Park',
  'Hill',
  'Market Street',
  'Abbey',
  'Castle',
  'Meadow',
  'Bridge',
  'Station',
  'Green',
]
const CALLED: Record<OrganisationKind, [letters: string, what: string]> = {
  trust: ['XT', 'Trust'],
  site: ['XS', 'Hospital'],
  gp_practice: ['XG', 'Surgery'],
  gp_branch: ['XB', 'Branch Surgery'],
  local_authority: ['XL', 'Council'],
  commissioner: ['XC', 'Commissioner'],
}
const SECTORS: readonly Sector[] = ['acute', 'acute', 'community', 'mental_health']

const cityOf = weighted(CITIES.map((city) => [city, city.people] as const))
// The rest of the country: in part between two towns, as villages are.
const BETWEEN_TOWNS = 0.15

function single(chance: Chance, kind: OrganisationKind, n: number, spread: number): Unweighed {
  const city = cityOf(chance)
  const place =
    chance() < BETWEEN_TOWNS ? onTheWay(chance, city) : around(chance, city, spread * sizeOf(city))
  return {
    ...named(chance, kind, n, city.name),
    region: city.region,
    town: city.name,
    ...(chance() < 0.01 ? { latitude: null, longitude: null } : place),
    parent: null,
  }
}

function belowOne(
  chance: Chance,
  parent: Unweighed,
  kind: OrganisationKind,
  n: number,
  spread: number,
): Unweighed {
  const { latitude, longitude, region, town } = parent
  return {
    ...named(chance, kind, n, town),
    region,
    town,
    ...(latitude === null || longitude === null
      ? { latitude: null, longitude: null }
      : around(chance, { latitude, longitude }, spread)),
    parent: parent.code,
  }
}

function named(chance: Chance, kind: OrganisationKind, n: number, where: string) {
  const [letters, what] = CALLED[kind]
  return {
    code: `${letters}${String(n).padStart(5, '0')}`,
    name: `Invented ${where} ${oneOf(chance, WORDS)} ${what}`,
    kind,
    sector: kind === 'trust' || kind === 'site' ? oneOf(chance, SECTORS) : null,
  }
}

function sizeOf({ people }: City): number {
  return Math.min(2, Math.max(0.3, Math.sqrt(people / 1_000)))
}

function around(
  chance: Chance,
  { latitude, longitude }: { latitude: number; longitude: number },
  spread: number,
) {
  return {
    latitude: rounded(latitude + normal(chance) * spread * 0.62),
    longitude: rounded(longitude + normal(chance) * spread),
  }
}

function onTheWay(chance: Chance, city: City) {
  const near = CITIES.filter(
    ({ latitude, longitude }) => Math.hypot(latitude - city.latitude, longitude - city.longitude) < 2,
  )
  const other = oneOf(chance, near)
  const share = chance()
  const middle = {
    latitude: city.latitude + (other.latitude - city.latitude) * share,
    longitude: city.longitude + (other.longitude - city.longitude) * share,
  }
  return around(chance, middle, 0.15)
}

function rounded(degrees: number): number {
  return Math.round(degrees * 10_000) / 10_000
}

// Of each kind a few have very many cases and most have few.
function weighed(organisations: readonly Unweighed[], share: number, chance: Chance): InventedOrganisation[] {
  const weights = organisations.map((_, n) => 1 / (n + 1 + between(chance, 0, 3)) ** 0.8)
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  return organisations.map((organisation, n) => ({
    ...organisation,
    weight: (share * (weights[n] as number)) / all,
  }))
}

function cities(region: string, list: string): City[] {
  return list.split(', ').map((line) => {
    const [name = '', latitude, longitude, people] = line.split(' ')
    return {
      name: name.replace('_', ' '),
      region,
      latitude: Number(latitude),
      longitude: Number(longitude),
      people: Number(people),
    }
  })
}
