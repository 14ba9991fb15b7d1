import { parseArgs } from 'node:util'
import { needOwnStore, readConfig } from '../config.ts'
import { roleScopes } from '../domain/callers.ts'
import { createClient } from '../domain/clients.ts'
import { findOrganisationId } from '../domain/organisations.ts'
import { closeDb, type Db, openDb, type Role, row } from './client.ts'

const USAGE = `npm run client:create -- --role <role> [--name <name>] [--organisation <ODS code>]… [--source <name>] [--origin <origin>]… [--brand <brand>]
roles: ${Object.keys(roleScopes).join(', ')}`

try {
  const { values } = parseArgs({
    options: {
      role: { type: 'string' },
      name: { type: 'string' },
      organisation: { type: 'string', multiple: true },
      source: { type: 'string' },
      origin: { type: 'string', multiple: true },
      brand: { type: 'string' },
    },
  })
  const role = (values.role === 'admin' ? 'administrator' : values.role) as Role | undefined
  if (role === undefined || !(role in roleScopes)) throw new Error(`--role is needed.\n${USAGE}`)
  if (role === 'form' && values.origin === undefined)
    throw new Error(`A form's key works from origins only: --origin https://www.example.org\n${USAGE}`)
  if ((role === 'feed_provider') !== (values.source !== undefined))
    throw new Error(`--source belongs to feed_provider, which needs it.\n${USAGE}`)
  const { databaseUrl, encryptionKeys } = needOwnStore(readConfig(process.env))
  const db = openDb({
    url: databaseUrl,
    vaultKeys: encryptionKeys,
    max: 2,
    applicationName: 'care-connect client:create',
  })
  try {
    const { key } = await createClient(db, {
      name: values.name ?? `${role} ${new Date().toISOString()}`,
      role,
      ...(values.brand !== undefined && { brand: values.brand }),
      origins: values.origin ?? [],
      organisationIds: await organisationIds(db, values.organisation ?? []),
      ...(values.source !== undefined && { sourceId: await sourceId(db, values.source) }),
    })
    console.log(`${key}\nThis is the only time that the key is shown.`)
  } finally {
    await closeDb(db)
  }
} catch (error) {
  const taken = error instanceof Error && 'code' in error && error.code === 'P2002'
  console.error(
    taken
      ? 'There is a client of that name already; give another with --name.'
      : error instanceof Error
        ? error.message
        : error,
  )
  process.exitCode = 1
}

async function organisationIds(db: Db, codes: readonly string[]): Promise<number[]> {
  return Promise.all(
    codes.map(async (code) => {
      const id = await findOrganisationId(db.pool, code)
      if (id === null) throw new Error(`There is no organisation with the code "${code}".`)
      return id
    }),
  )
}

async function sourceId(db: Db, name: string): Promise<number> {
  const found = await row<{ id: number }>(db.pool, 'select id from sources where name = $1', [name])
  if (found === undefined) throw new Error(`There is no source "${name}".`)
  return found.id
}
