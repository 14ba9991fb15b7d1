import { needOwnStore, readConfig } from '../config.ts'
import { indexCases, rebuildCaseIndex } from '../domain/case-index.ts'
import { checkStore, closeDb, openDb } from '../prisma/client.ts'

try {
  const { databaseUrl, encryptionKeys } = needOwnStore(readConfig(process.env))
  const db = openDb({
    url: databaseUrl,
    vaultKeys: encryptionKeys,
    max: 2,
    applicationName: 'care-connect index',
  })
  try {
    await checkStore(db)
    const cases = await rebuildCaseIndex(db)
    await indexCases(db)
    process.stdout.write(`The index of ${cases} cases is made anew.\n`)
  } finally {
    await closeDb(db)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
