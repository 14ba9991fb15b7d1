import { createClient, type NewClient } from '../../domain/clients.ts'
import type { Db, Role } from '../../prisma/client.ts'

export const ORIGIN = 'https://www.example.org'

export type Keys = Record<Role | 'other_provider' | 'other_commissioner', string>

/** Two trusts, their sites, a commissioner, two sources, and a client for each role; the keys of the clients. */
export async function prepare(db: Db): Promise<Keys> {
  const create = (data: object) => db.prisma.organisation.create({ data: data as never })
  const t01 = await create({
    code: 'T01',
    name: 'Example Trust One',
    kind: 'trust',
    sector: 'acute',
    region: 'London',
    latitude: 51.5,
    longitude: -0.12,
  })
  const t02 = await create({
    code: 'T02',
    name: 'Example Trust Two',
    kind: 'trust',
    sector: 'community',
    region: 'North',
    latitude: 54.97,
    longitude: -1.61,
  })
  const site = await create({
    code: 'T0101',
    name: 'Example Site',
    kind: 'site',
    parentId: t01.id,
    latitude: 51.51,
    longitude: -0.1,
  })
  await create({ code: 'T09', name: 'Example Closed Trust', kind: 'trust', active: false })
  await create({
    code: 'T0901',
    name: 'Example Site of a Closed Trust',
    kind: 'site',
    parentId: (await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T09' } })).id,
  })
  const commissioner = await create({ code: 'XCM01', name: 'Example Commissioner', kind: 'commissioner' })
  await db.prisma.service.create({ data: { organisationId: site.id, code: 'SRV1', name: 'Example Ward' } })
  await db.prisma.commissioning.create({ data: { organisationId: t01.id, commissionerId: commissioner.id } })
  await db.prisma.organisationExternalId.create({
    data: { scheme: 'ods-former', code: 'OLD1', organisationId: t01.id },
  })
  const source = await db.prisma.source.create({
    data: { name: 'pushed', title: 'Example Source', organisationScheme: 'pushed', state: 'active' },
  })
  await db.prisma.source.create({
    data: { name: 'elsewhere', title: 'Another Source', organisationScheme: 'elsewhere', state: 'active' },
  })

  const clients: NewClient[] = [
    { name: 'form', role: 'form', brand: 'choices', origins: [ORIGIN] },
    { name: 'integrator', role: 'integrator', brand: 'myhealthlondon' },
    { name: 'case handler', role: 'case_handler' },
    { name: 'second tier', role: 'second_tier' },
    { name: 'provider', role: 'provider', organisationIds: [t01.id] },
    { name: 'commissioner', role: 'commissioner', organisationIds: [commissioner.id] },
    { name: 'feed provider', role: 'feed_provider', sourceId: source.id },
    { name: 'supplier', role: 'supplier' },
    { name: 'administrator', role: 'administrator' },
  ]
  const keys: Partial<Keys> = {}
  for (const client of clients) keys[client.role] = (await createClient(db, client)).key
  const other = { name: 'other provider', role: 'provider', organisationIds: [t02.id] } as const
  keys.other_provider = (await createClient(db, other)).key
  const elsewhere = await create({ code: 'XCM02', name: 'Another Commissioner', kind: 'commissioner' })
  const another = {
    name: 'other commissioner',
    role: 'commissioner',
    organisationIds: [elsewhere.id],
  } as const
  keys.other_commissioner = (await createClient(db, another)).key
  return keys as Keys
}
