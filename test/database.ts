import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Keys } from './api/prepared.ts'

/**
 * What `test/run.ts` tells each test file: an administrator's address, the migrated database to clone, and one that has what
 * most tests of the API begin with (test/api/prepared.ts), with the keys to it.
 */
export const serverVariable = 'CARE_TEST_SERVER'
export const templateVariable = 'CARE_TEST_TEMPLATE'
export const preparedVariable = 'CARE_TEST_PREPARED'
export const keysVariable = 'CARE_TEST_KEYS'

type Owner = { teardown(work: () => Promise<void>): unknown }

/** Gives the test a database of its own, migrated and empty, that goes when the test ends. */
export async function testDatabase(t: Owner): Promise<{ url: string }> {
  return clonedFrom(t, setting(templateVariable))
}

/** The same, with what most tests of the API begin with, and the keys to it. */
export async function preparedDatabase(t: Owner): Promise<{ url: string; keys: Keys }> {
  const { url } = await clonedFrom(t, setting(preparedVariable))
  return { url, keys: JSON.parse(setting(keysVariable)) as Keys }
}

async function clonedFrom(t: Owner, template: string): Promise<{ url: string }> {
  const server = setting(serverVariable)
  const name = `${template}_${randomBytes(6).toString('hex')}`
  await asAdministrator(server, (client) => clone(client, template, name))
  t.teardown(() => asAdministrator(server, (client) => dropDatabase(client, name)))
  return { url: databaseUrl(server, name) }
}

/** A copy of a database as it is, as a backup is one; nobody may be connected to it meanwhile. */
export async function copiedDatabase(t: Owner, url: string): Promise<{ url: string }> {
  return clonedFrom(t, decodeURIComponent(new URL(url).pathname.slice(1)))
}

/** Gives the test an empty database of its own, without tables. */
export async function emptyDatabase(t: Owner): Promise<{ url: string }> {
  const server = setting(serverVariable)
  const name = `${setting(templateVariable)}_${randomBytes(6).toString('hex')}`
  await asAdministrator(server, (client) => createDatabase(client, name))
  t.teardown(() => asAdministrator(server, (client) => dropDatabase(client, name)))
  return { url: databaseUrl(server, name) }
}

/** Runs `work` with one connection to the server. */
export async function asAdministrator<T>(
  server: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Makes an empty UTF-8 database, also on a server whose own databases are something else. */
export async function createDatabase(client: pg.Client, name: string): Promise<void> {
  const create = `create database ${pg.escapeIdentifier(name)} template template0 encoding 'UTF8'`
  await client.query(`${create} locale 'C.UTF-8'`).catch((error: { code?: string }) => {
    if (error.code !== '22023' && error.code !== '42809') throw error
    return client.query(create)
  })
}

/** Drops the database and whoever is still connected to it. */
export async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
}

/** The same server, another database. */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${encodeURIComponent(name)}`
  return url.href
}

const objectInUse = '55006'

/** PostgreSQL clones only what nobody is connected to, and another test may be cloning at this moment. */
async function clone(client: pg.Client, template: string, name: string): Promise<void> {
  const sql = `create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(template)}`
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(sql)
      return
    } catch (error) {
      if ((error as { code?: string }).code !== objectInUse || attempt === 50) throw error
      await sleep(100)
    }
  }
}

function setting(name: string): string {
  const value = process.env[name]
  if (value) return value
  throw new Error(`This test needs a database. Run it with: npm test -- ${process.argv[1] ?? '<file>'}`)
}
