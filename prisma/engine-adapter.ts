import type { EventEmitter } from 'node:events'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils'
import pg from 'pg'

export type EngineAdapter = SqlMigrationAwareDriverAdapterFactory & {
  /** What went wrong in our part; the engine itself passes on less. */
  readonly failure: Error | undefined
  dispose(): Promise<void>
}

/**
 * Lets Prisma's schema engine work through `pg`, with three things of PrismaPg mended that only migrations meet:
 * it cuts a script at each `;` (also inside the body of a function), does not know the type "char" of the
 * catalogue, and would make databases of its own for comparisons.
 */
export function engineAdapter(databaseUrl: string): EngineAdapter {
  const factory = new PrismaPg({ connectionString: databaseUrl, Client: CatalogueClient } as pg.PoolConfig)
  const opened: SqlDriverAdapter[] = []
  let failure: Error | undefined
  const fail = (error: Error): never => {
    failure = error
    throw error
  }
  const open = async () => {
    const adapter = mend(await factory.connect(), fail)
    opened.push(adapter)
    return adapter
  }
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: open,
    async connectToShadowDb() {
      const adapter = await open()
      if (!(await isEmpty(adapter)))
        fail(new Error('Comparing schema and migrations needs an empty database.'))
      return adapter
    },
    get failure() {
      return failure
    },
    async dispose() {
      // The engine disposes of some of them itself; ending a pool twice is an error, and none that matters.
      await Promise.allSettled(opened.map((adapter) => adapter.dispose()))
    },
  }
}

function mend(
  adapter: SqlDriverAdapter & { underlyingDriver(): pg.Pool },
  fail: (error: Error) => never,
): SqlDriverAdapter {
  const queryRaw = adapter.queryRaw.bind(adapter)
  adapter.queryRaw = async (query) => unmark(await queryRaw(query))
  // Without arguments `pg` sends the text as one simple query: PostgreSQL runs it whole or not at all.
  // A text without arguments is one simple query to `pg`: PostgreSQL runs it whole or not at all.
  adapter.executeScript = async (script) => {
    await adapter
      .underlyingDriver()
      .query(script)
      .catch((error) => fail(withLine(error, script)))
  }
  return adapter
}

/** The engine replays migrations in the database it is given for comparison: never in one that is in use. */
async function isEmpty(adapter: SqlDriverAdapter): Promise<boolean> {
  const sql = `select 1 from pg_class where relnamespace = 'public'::regnamespace limit 1`
  const { rows } = await adapter.queryRaw({ sql, args: [], argTypes: [] })
  return rows.length === 0
}

function withLine(cause: Error & { position?: string }, script: string): Error {
  if (!cause.position) return cause
  const line = script.slice(0, Number(cause.position) - 1).split('\n').length
  return new Error(`${cause.message} (line ${line})`, { cause })
}

const charType = 18
const textType = 25
const mark = '\u0000char'

/** Reads "char" as text and marks the column by its name, since PrismaPg passes on nothing else. */
class CatalogueClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    const { connection } = this as unknown as { connection: EventEmitter }
    connection.prependListener('rowDescription', (message: { fields: pg.FieldDef[] }) => {
      for (const field of message.fields.filter(({ dataTypeID }) => dataTypeID === charType)) {
        field.dataTypeID = textType
        field.name += mark
      }
    })
  }
}

function unmark(result: SqlResultSet): SqlResultSet {
  const { columnNames, columnTypes } = result
  return {
    ...result,
    columnNames: columnNames.map((name) => name.replace(mark, '')),
    columnTypes: columnTypes.map((type, index) =>
      columnNames[index]?.endsWith(mark) ? ColumnTypeEnum.Character : type,
    ),
  }
}
