import { readFileSync } from 'node:fs'
import { type ClientCaller, roleScopes } from '../domain/callers.ts'
import { createClient } from '../domain/clients.ts'
import { createSource, getSource, updateSource } from '../domain/sources.ts'
import { type Db, type OrganisationKind, type Role, row, rows, type Sector } from './client.ts'
import { examples, type SeedOrganisation, services, sites } from './seed-organisations.ts'

export type ExampleProvider = {
  url: string
  /** The provider's own ids of the trusts. */
  organisations: ReadonlyArray<{ choicesId: number; ods: string }>
}

/** The keys of the demo clients, by role; only ever made for an embedded store. */
export type DemoKeys = Partial<Record<Role, string>>

const ORIGINS = ['http://localhost:8080', 'https://www.example.org']

/** What a demonstration begins with: organisations, example sources, a client for each role. Null when it was done before. */
export async function seedDemonstration(
  db: Db,
  provider: ExampleProvider,
  now: Date,
): Promise<DemoKeys | null> {
  const before = await row<{ n: number }>(db.pool, 'select count(*) as n from api_clients')
  if ((before?.n ?? 0) > 0) return null

  await seedOrganisations(db)
  await seedExternalIds(db, provider)
  const administrator = await createClient(db, { name: 'demo administrator', role: 'administrator' })
  const caller: ClientCaller = {
    kind: 'client',
    clientId: administrator.clientId,
    name: 'demo administrator',
    role: 'administrator',
    scopes: roleScopes.administrator,
    publishable: false,
    brand: null,
    organisationIds: [],
    sourceId: null,
    actingUser: 'seed',
  }
  await seedSources(db, caller, provider, now)
  return { administrator: administrator.key, ...(await seedClients(db)) }
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
  for (const organisation of [...pilotTrusts(), ...sites, ...examples])
    await createOrganisation(db, organisation)
  await rows(
    db.pool,
    `insert into commissioning (organisation_id, commissioner_id, "primary")
     select o.id, c.id, true from organisations o
     join organisations c on c.code = case o.region when 'North' then 'XCM02' else 'XCM01' end
     where o.parent_id is null and o.kind <> 'commissioner' on conflict do nothing`,
  )
  for (const { organisation, code, name } of services) {
    await db.prisma.service.create({
      data: { code, name, organisation: { connect: { code: organisation } } },
    })
  }
}

async function createOrganisation(
  db: Db,
  { parent, ...organisation }: SeedOrganisation & { sector?: Sector },
): Promise<void> {
  await db.prisma.organisation.create({
    data: { ...organisation, ...(parent !== undefined && { parent: { connect: { code: parent } } }) },
  })
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
    await createSource(
      db,
      administrator,
      {
        ...source,
        intervalMinutes: 1,
        maxAgeDays: 730,
        attribution: 'Invented by the example feedback provider; nobody said this about a real trust.',
        licence: 'CC0 1.0',
      },
      { key: undefined, now },
    )
    const { version } = await getSource(db, administrator, source.name)
    await updateSource(db, administrator, source.name, { trusted: true }, { version, now })
  }
  await createSource(
    db,
    administrator,
    { name: 'example-push', title: 'Example Push (invented items)', attribution: 'Invented.' },
    { key: undefined, now },
  )
}

async function seedClients(db: Db): Promise<DemoKeys> {
  const idOf = async (code: string) =>
    (await db.prisma.organisation.findUniqueOrThrow({ where: { code } })).id
  const source = await db.prisma.source.findUniqueOrThrow({ where: { name: 'example-push' } })
  const clients: Array<{
    role: Role
    brand?: string
    origins?: string[]
    organisationIds?: number[]
    sourceId?: number
  }> = [
    { role: 'form', brand: 'choices', origins: ORIGINS },
    { role: 'integrator', brand: 'myhealthlondon' },
    { role: 'case_handler' },
    { role: 'second_tier' },
    { role: 'provider', organisationIds: [await idOf('RJ1')] },
    { role: 'commissioner', organisationIds: [await idOf('XCM01')] },
    { role: 'feed_provider', sourceId: source.id },
    { role: 'supplier' },
  ]
  const keys: DemoKeys = {}
  for (const client of clients)
    keys[client.role] = (await createClient(db, { name: `demo ${client.role}`, ...client })).key
  return keys
}
