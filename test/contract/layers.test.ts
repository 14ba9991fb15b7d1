import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

type Cruise = { summary: { violations: Array<{ from: string; rule: { name: string } }> } }

const root = join(import.meta.dirname, '../..')
const nothing = 'export const x = 1\nexport type X = number\n'
const value = (module: string): string => `import { x } from '${module}'\nexport const y = x\n`
const type = (module: string): string => `import type { X } from '${module}'\nexport type Y = X\n`

const modules = [
  'api/app.ts',
  'api/contract/handler.ts',
  'api/contract/routes.ts',
  'api/contract/types.gen.ts',
  'api/handlers/context.ts',
  'api/views/case.ts',
  'config.ts',
  'connectors/feed.ts',
  'domain/cases.ts',
  'ledger/file-ledger.ts',
  'net/fetch.ts',
  'operations/metrics.ts',
  'prisma/client.ts',
  'workers/queues.ts',
]

// Each file imports one thing that its layer must not, and is to be caught by that rule.
const forbidden: Array<[file: string, text: string, rule: string]> = [
  ['domain/v01.ts', value('../api/app.ts'), 'domain-may-import'],
  ['domain/v02.ts', value('../workers/queues.ts'), 'domain-may-import'],
  ['domain/v03.ts', value('../net/fetch.ts'), 'domain-may-import'],
  ['domain/v04.ts', value('../config.ts'), 'domain-may-import'],
  ['domain/v05.ts', value('fastify'), 'domain-never'],
  ['domain/v06.ts', value('bullmq'), 'domain-never'],
  ['domain/v07.ts', value('ioredis'), 'domain-never'],
  ['domain/v08.ts', value('../connectors/feed.ts'), 'domain-may-import'],
  ['domain/v09.ts', type('../api/app.ts'), 'domain-may-import'],
  ['domain/v10.ts', value('./v11.ts'), 'no-cycles'],
  ['connectors/v01.ts', value('../prisma/client.ts'), 'connectors-may-import'],
  ['connectors/v02.ts', value('../domain/cases.ts'), 'connectors-types-only'],
  ['connectors/v03.ts', value('@prisma/client'), 'connectors-never'],
  ['connectors/v04.ts', value('pg'), 'connectors-never'],
  ['connectors/v05.ts', value('../net/fetch.ts'), 'connectors-may-import'],
  ['connectors/v06.ts', value('fastify'), 'connectors-never'],
  ['net/v01.ts', value('../domain/cases.ts'), 'net-types-only'],
  ['net/v02.ts', value('bullmq'), 'net-never'],
  ['net/v03.ts', value('../connectors/feed.ts'), 'net-may-import'],
  ['ledger/v01.ts', value('../domain/cases.ts'), 'ledger-types-only'],
  ['ledger/v02.ts', value('../prisma/client.ts'), 'ledger-types-only'],
  ['ledger/v03.ts', value('../net/fetch.ts'), 'ledger-may-import'],
  ['ledger/v04.ts', value('pg'), 'ledger-never'],
  ['domain/v13.ts', type('../ledger/file-ledger.ts'), 'domain-may-import'],
  ['api/contract/v01.ts', value('../../domain/cases.ts'), 'contract-may-import'],
  ['api/contract/v02.ts', type('../handlers/context.ts'), 'contract-may-import'],
  ['api/views/v01.ts', value('../../domain/cases.ts'), 'views-types-only'],
  ['api/views/v02.ts', value('../../prisma/client.ts'), 'views-may-import'],
  ['api/views/v03.ts', value('fastify'), 'views-never'],
  ['api/views/v04.ts', value('../contract/handler.ts'), 'views-types-only'],
  ['api/handlers/v01.ts', value('bullmq'), 'handlers-never'],
  ['api/handlers/v02.ts', value('pg'), 'handlers-never'],
  ['api/handlers/v03.ts', value('../../net/fetch.ts'), 'handlers-may-import'],
  ['api/handlers/v04.ts', value('../../workers/queues.ts'), 'handlers-may-import'],
  ['api/handlers/v05.ts', type('../../prisma/client.ts'), 'handlers-may-import'],
  ['api/handlers/v06.ts', value('../contract/routes.ts'), 'handlers-may-import'],
  ['api/v01.ts', value('../prisma/client.ts'), 'api-types-only'],
  ['api/v02.ts', value('../workers/queues.ts'), 'api-may-import'],
  ['api/v03.ts', value('bullmq'), 'api-never'],
  ['workers/v01.ts', value('../api/app.ts'), 'workers-may-import'],
  ['workers/v02.ts', value('fastify'), 'workers-never'],
  ['operations/v01.ts', value('../api/app.ts'), 'operations-types-only'],
  ['operations/v02.ts', value('../workers/queues.ts'), 'operations-types-only'],
  ['operations/v03.ts', value('pg'), 'operations-never'],
  ['domain/v12.ts', value('../operations/metrics.ts'), 'domain-may-import'],
  ['prisma/v01.ts', value('../domain/cases.ts'), 'store-may-import'],
  ['examples/v01.ts', value('../domain/cases.ts'), 'examples-may-import'],
]

const allowed: Array<[file: string, text: string]> = [
  ['ledger/a1.ts', type('../domain/cases.ts')],
  ['domain/a1.ts', value('../prisma/client.ts')],
  ['connectors/a1.ts', type('../domain/cases.ts')],
  ['net/a1.ts', type('../domain/cases.ts')],
  ['api/views/a1.ts', type('../../domain/cases.ts')],
  ['api/handlers/a1.ts', value('../../domain/cases.ts')],
  ['api/handlers/a2.ts', value('../../connectors/feed.ts')],
  ['api/handlers/a3.ts', value('../views/case.ts')],
  ['api/a1.ts', type('../prisma/client.ts')],
  ['workers/a1.ts', value('../net/fetch.ts')],
  ['workers/a2.ts', value('bullmq')],
  ['api/server.ts', value('../config.ts')],
  ['operations/a1.ts', value('../domain/cases.ts')],
  ['operations/a2.ts', type('../workers/queues.ts')],
]

t.test('every forbidden import is caught by its rule, and no allowed one by any', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'layers-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    copyFileSync(join(root, file), join(folder, file))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const file of modules) write(folder, file, nothing)
  write(folder, 'domain/v11.ts', `export * from './v10.ts'\n${nothing}`)
  for (const [file, text] of [...forbidden, ...allowed]) write(folder, file, text)

  const { summary } = await cruise(folder)
  const caught = summary.violations.map(({ from, rule }) => `${from} ${rule.name}`)
  for (const [file, , rule] of forbidden)
    t.ok(caught.includes(`${file} ${rule}`), `${file} is caught by ${rule}`)
  const innocent = [...modules, ...allowed.map(([file]) => file)]
  t.same(
    summary.violations.filter(({ from }) => innocent.includes(from)),
    [],
    'what is allowed is not caught',
  )
})

function write(folder: string, file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}

async function cruise(folder: string): Promise<Cruise> {
  const cli = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
  const args = [cli, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', '.']
  const options = { cwd: folder, maxBuffer: 64 * 1024 * 1024 }
  const run = promisify(execFile)(process.execPath, args, options)
  // It ends with the number of violations.
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  return JSON.parse(stdout) as Cruise
}
