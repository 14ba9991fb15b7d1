import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createApp } from '../../api/app.ts'
import { readConfig } from '../../config.ts'
import { createReader } from '../../connectors/reader.ts'
import { indexCases } from '../../domain/case-index.ts'
import { ORGANISATIONS } from '../../examples/provider/organisations.ts'
import { startProvider } from '../../examples/provider/server.ts'
import { openFileLedger } from '../../ledger/file-ledger.ts'
import { createLog } from '../../log.ts'
import { createFetcher } from '../../net/fetch.ts'
import { closeDb, type Db, openDb } from '../../prisma/client.ts'
import { type DemoKeys, seedDemonstration } from '../../prisma/seed.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { type Context, defaultPollSettings } from '../../workers/context.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { probeSource } from '../../workers/probe-source.ts'
import { ledgerFile } from '../api/harness.ts'
import { testDatabase } from '../database.ts'

const root = join(import.meta.dirname, '..', '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const steps = tourSteps(readme)

t.test('examples/tour.sh is the tour of the README, word by word', async (t) => {
  const [, ...blocks] = readFileSync(join(root, 'examples', 'tour.sh'), 'utf8').split('\n\n')
  t.equal(blocks.join('\n\n'), steps.map(({ commands }) => commands).join('\n'))
})

t.test('the tour of the README runs, and shows what the README shows', async (t) => {
  const { url, keys } = await demonstration(t)
  const outputs = await runTour(t, url, keys)
  t.equal(outputs.length, steps.length)
  for (const [n, { commands, shown }] of steps.entries()) {
    if (shown === null) continue
    const last = outputs[n]?.trim().split('\n').at(-1) ?? ''
    t.match(shape(JSON.parse(last)), shape(JSON.parse(shown)), `the answer to\n${commands}`)
  }
  const created = steps.findIndex(({ commands }) => commands.includes('Idempotency-Key'))
  const references = outputs.slice(created, created + 2).map((output) => JSON.parse(output).reference)
  t.equal(references[0], references[1], 'the repeat gave the same case')
  t.match(outputs.at(-1), /^HTTP\/1\.1 400 /)
})

type Step = { commands: string; shown: string | null }

/** The commands of the tour, each with the answer that is shown for its last one. */
function tourSteps(page: string): Step[] {
  const tour = page.slice(page.indexOf('\n## A tour'), page.indexOf('\n## Where things are'))
  const blocks = tour.matchAll(/```sh\n(?<commands>.*?)```\n(?:```json\n(?<shown>.*?)```)?/gs)
  return [...blocks].map(({ groups }) => ({ commands: groups?.commands ?? '', shown: groups?.shown ?? null }))
}

/** What is another each time stands for any of its kind. */
function shape(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value)
      .replaceAll(/"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]"/g, '"<reference>"')
      .replaceAll(/"\d{4}-W\d\d"/g, '"<week>"'),
  )
}

/** The service as `npm start` has it, but for the queue: the example sources have been polled once. */
async function demonstration(t: Test): Promise<{ url: string; keys: DemoKeys }> {
  const { url: databaseUrl } = await testDatabase(t)
  const db = openDb({ url: databaseUrl, vaultKeys: newVaultKey('test'), max: 8, applicationName: 'test' })
  const provider = await startProvider({ port: 0, host: '127.0.0.1', growEveryMs: 0 })
  const keys = await seedDemonstration(db, { url: provider.url, organisations: ORGANISATIONS }, new Date())
  if (keys === null) throw new Error('the store was not empty')
  await pollOnce(db, provider.url)
  await indexCases(db)
  const app = await createApp({
    db,
    ledger: openFileLedger(ledgerFile(t), db.vault),
    publicUrl: 'https://api.test.example',
    logger: false,
    requestsPerMinute: 1_000,
    intakePerMinute: 1_000,
    service: readConfig({}).service,
  })
  t.teardown(async () => {
    await app.close()
    await provider.close()
    await closeDb(db)
  })
  return { url: await app.listen({ host: '127.0.0.1', port: 0 }), keys }
}

async function pollOnce(db: Db, providerUrl: string): Promise<void> {
  const reader = createReader()
  const fetcher = createFetcher({
    allowPrivate: [new URL(providerUrl).host],
    userAgent: 'test',
    politeness: { gapMs: 0 },
  })
  const context: Context = {
    db,
    fetcher,
    reader,
    log: createLog('silent'),
    now: () => new Date(),
    random: () => 0.5,
    signal: new AbortController().signal,
    settings: defaultPollSettings,
  }
  const { id } = await db.prisma.source.findUniqueOrThrow({ where: { name: 'example-choices' } })
  await probeSource(context, id)
  await pollSource(context, id)
  await fetcher.close()
  await reader.close()
}

const MARK = '--- next step ---'

async function runTour(t: Test, url: string, keys: DemoKeys): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'care-connect-tour-'))
  t.teardown(async () => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, '.data'))
  const lines = Object.entries(keys).map(([role, key]) => `${role.toUpperCase()}_KEY=${key}\n`)
  writeFileSync(join(folder, '.data', 'demo-keys'), lines.join(''))

  const script = steps.map(({ commands }) => commands).join(`echo '${MARK}'\n`)
  const shell = spawn('sh', ['-euc', script], {
    cwd: folder,
    env: { PATH: process.env.PATH, API: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise((resolve) => shell.once('close', resolve))
  const [output, complaints] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  t.equal(await ended, 0, 'every command succeeds')
  t.equal(complaints, '')
  return output.split(`${MARK}\n`)
}
