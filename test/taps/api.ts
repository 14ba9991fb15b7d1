// An API process that the test kills: node test/taps/api.ts
import { createApp } from '../../api/app.ts'
import { openDb } from '../../prisma/client.ts'
import { SERVICE } from '../api/harness.ts'

const { TAPS_DATABASE = '', TAPS_KEYS = '', TAPS_PORT = '' } = process.env
const db = openDb({ url: TAPS_DATABASE, vaultKeys: TAPS_KEYS, max: 10, applicationName: 'taps api' })

// PostgreSQL may be away just now.
process.on('unhandledRejection', () => undefined)
const app = await createApp({
  db,
  publicUrl: `http://127.0.0.1:${TAPS_PORT}`,
  logger: false,
  requestsPerMinute: 10_000_000,
  intakePerMinute: 10_000_000,
  service: SERVICE,
})
await app.listen({ host: '127.0.0.1', port: Number(TAPS_PORT) })
process.stdout.write('ready\n')
