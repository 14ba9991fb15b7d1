import { readFileSync } from 'node:fs'
import { type ClientCaller, roleScopes } from '../domain/callers.ts'
import { createClient, createKey, type NewClient } from '../domain/clients.ts'
import { getMapping, updateMapping } from '../domain/mapping.ts'
import { createSource, getSource, type SourceDraft, updateSource } from '../domain/sources.ts'
import { type Db, type OrganisationKind, type Role, rows, type Sector } from './client.ts'
import { examples, type SeedOrganisation, services, sites } from './seed-organisations.ts'

export type ExampleProvider = {
  url: string
  /** The provider's own ids of the trusts. */
  organisations: ReadonlyArray<{ choicesId: number; ods: string }>
}

/** The keys of the demo clients, by role; only ever made for an embedded store. */
export type DemoKeys = Partial<Record<Role, string>>

const PUSH_SOURCE = 'example-push'
const ATTRIBUTION = 'Invented by the example feedback provider; nobody said this about a real trust.'
/** What the example provider's tags mean here. "Thanks" means none of our categories. */
const TAGS = {
  Waiting: 'delays',
  Cleanliness: 'cleanliness',
  Staff: 'staff',
  Food: 'food',
  Parking: 'parking',
  Communication: 'communication',
  'Patient care': 'treatment',
}
const ORIGINS = ['http://localhost:8080', 'https://www.example.org']

/**
 * What a demonstration begins with: organisations, example sources, a client for each role. Each step may have been
 * done before, as a start that was killed leaves it half done; the clients get new keys, and their old ones end.
 */
export async function seedDemonstration(db: Db, provider: ExampleProvider, now: Date): Promise<DemoKeys> {
  await seedOrganisations(db)
  await seedExternalIds(db, provider)
  const administrator = await demoClient(db, { role: 'administrator' })
  const caller: ClientCaller = {
    kind: 'client',
    clientId: administrator.clientId,
    name: nameOf('administrator'),
    role: 'administrator',
    scopes: roleScopes.administrator,
    publishable: false,
    test: false,
    brand: null,
    organisationIds: [],
    sourceId: null,
    actingUser: 'seed',
  }
  await seedSources(db, caller, provider, now)
  return { administrator: administrator.key, ...(await seedClients(db)) }
}

/** Whether a client of each role is there. */
export async function isSeeded(db: Db): Promise<boolean> {
  const found = await db.prisma.apiClient.count({
    where: { name: { in: Object.keys(roleScopes).map((role) => nameOf(role)) } },
  })
  return found === Object.keys(roleScopes).length
}

/** Tells the example sources where the example provider is today. */
export async function pointExampleSources(db: Db, provider: ExampleProvider): Promise<void> {
  for (const { name, address } of polledSources(provider)) {
    await rows(db.pool, 'update sources set address_sealed = $2 where name = $1', [
      name,
      db.vault.seal(`sources.address:${name}`, address),
    ])
  }
}

async function seedOrganisations(db: Db): Promise<void> {
  for (const { parent, ...organisation } of [...pilotTrusts(), ...sites, ...examples]) {
    const told = parent === undefined && organisation.kind !== 'commissioner'
    const data = {
      ...organisation,
      ...(parent !== undefined && { parent: { connect: { code: parent } } }),
      // Invented, so that a demonstration has somebody to tell.
      ...(told && { notifyEmail: `pals.${organisation.code.toLowerCase()}@example.org` }),
    }
    await db.prisma.organisation.upsert({ where: { code: organisation.code }, create: data, update: {} })
  }
  await rows(
    db.pool,
    `insert into commissioning (organisation_id, commissioner_id, "primary")
     select o.id, c.id, true from organisations o
     join organisations c on c.code = case o.region when 'North' then 'XCM02' else 'XCM01' end
     where o.parent_id is null and o.kind <> 'commissioner' on conflict do nothing`,
  )
  await rows(
    db.pool,
    `insert into services (organisation_id, code, name)
     select o.id, s.code, s.name from json_to_recordset($1::json) as s(organisation text, code text, name text)
     join organisations o on o.code = s.organisation on conflict do nothing`,
    [JSON.stringify(services)],
  )
}

function pilotTrusts(): Array<SeedOrganisation & { sector: Sector }> {
  const [, ...lines] = readFileSync(new URL('./pilot-trusts.csv', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => {
    const [code = '', name = '', kind, sector, region = '', latitude, longitude] = line.trim().split(',')
    return {
      code,
      name,
      kind: kind as OrganisationKind,
      sector: sector as Sector,
      region,
      latitude: Number(latitude),
      longitude: Number(longitude),
    }
  })
}

async function seedExternalIds(db: Db, provider: ExampleProvider): Promise<void> {
  await rows(
    db.pool,
    `insert into organisation_external_ids (scheme, code, organisation_id)
     select 'example-choices', 'hospitals/' || x.choices_id, o.id
     from unnest($1::int[], $2::text[]) as x(choices_id, ods) join organisations o on o.code = x.ods on conflict do nothing`,
    [provider.organisations.map(({ choicesId }) => choicesId), provider.organisations.map(({ ods }) => ods)],
  )
}

function polledSources({ url }: ExampleProvider) {
  return [
    {
      name: 'example-choices',
      title: 'Example Choices (invented comments)',
      connector: 'nhs-choices',
      address: `${url}/organisations/hospitals?apikey=example`,
    },
    {
      name: 'example-stories',
      title: 'Example Stories (invented stories)',
      connector: 'feed',
      address: `${url}/stories.rss`,
      settings: {
        organisationCategory: { domain: 'https://feedback-provider.example/ods', scheme: 'ods' as const },
      },
    },
  ]
}

async function seedSources(
  db: Db,
  administrator: ClientCaller,
  provider: ExampleProvider,
  now: Date,
): Promise<void> {
  for (const source of polledSources(provider)) {
    await registerOnce(
      db,
      administrator,
      { ...source, intervalMinutes: 1, maxAgeDays: 730, attribution: ATTRIBUTION, licence: 'CC0 1.0' },
      now,
    )
    const { version, trusted } = await getSource(db, administrator, source.name)
    if (!trusted) await updateSource(db, administrator, source.name, { trusted: true }, { version, now })
    await mapOnce(db, administrator, source.name)
  }
  await registerOnce(
    db,
    administrator,
    { name: PUSH_SOURCE, title: 'Example Push (invented items)', attribution: 'Invented.' },
    now,
  )
}

async function registerOnce(
  db: Db,
  administrator: ClientCaller,
  source: SourceDraft,
  now: Date,
): Promise<void> {
  if ((await db.prisma.source.count({ where: { name: source.name } })) > 0) return
  await createSource(db, administrator, source, { key: undefined, now })
}

async function mapOnce(db: Db, administrator: ClientCaller, name: string): Promise<void> {
  const { version } = await getMapping(db, administrator, name)
  if (version > 1) return
  const entries = Object.entries(TAGS).map(([term, category]) => ({ kind: 'tag' as const, term, category }))
  await updateMapping(db, administrator, name, entries, { version })
}

async function seedClients(db: Db): Promise<DemoKeys> {
  const idOf = async (code: string) =>
    (await db.prisma.organisation.findUniqueOrThrow({ where: { code } })).id
  const source = await db.prisma.source.findUniqueOrThrow({ where: { name: PUSH_SOURCE } })
  const clients: Array<Omit<NewClient, 'name'>> = [
    { role: 'form', brand: 'choices', origins: ORIGINS, ...pagesAt('https://forms.example.org') },
    { role: 'integrator', brand: 'myhealthlondon', ...pagesAt('https://app.example.org') },
    { role: 'case_handler' },
    { role: 'second_tier' },
    { role: 'provider', organisationIds: [await idOf('RJ1')] },
    { role: 'commissioner', organisationIds: [await idOf('XCM01')] },
    { role: 'feed_provider', sourceId: source.id },
    { role: 'supplier' },
  ]
  const keys: DemoKeys = {}
  for (const client of clients) keys[client.role] = (await demoClient(db, client)).key
  return keys
}

// Where the links in mails lead; nobody is there.
function pagesAt(address: string): Pick<NewClient, 'followUrl' | 'surveyUrl' | 'digestUrl'> {
  return {
    followUrl: `${address}/follow/{reference}`,
    surveyUrl: `${address}/survey/{token}`,
    digestUrl: `${address}/digest/{token}`,
  }
}

async function demoClient(
  db: Db,
  client: Omit<NewClient, 'name'>,
): Promise<{ clientId: number; key: string }> {
  const name = nameOf(client.role)
  const known = await db.prisma.apiClient.findUnique({ where: { name } })
  if (known === null) return createClient(db, { name, ...client })
  await db.prisma.apiKey.updateMany({
    where: { clientId: known.id, revokedAt: null },
    data: { revokedAt: new Date() },
  })
  return { clientId: known.id, key: await createKey(db, known.id, client.role) }
}

function nameOf(role: string): string {
  return `demo ${role}`
}
