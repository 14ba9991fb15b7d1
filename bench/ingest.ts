// npm run bench:ingest [-- <items>]: from a document to committed cases. Figures are ratios of one run.
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createReader, type Reader } from '../connectors/reader.ts'
import { ingest } from '../domain/ingest.ts'
import { newReference } from '../domain/references.ts'
import { addCounts, noCounts, type RunCounts } from '../domain/runs.ts'
import type { Db } from '../prisma/client.ts'
import { rssDocument, withChanges } from './rss-document.ts'
import { median, printTable, type Setting, startSetting } from './setting.ts'

const ITEMS = Number(process.argv[2] ?? 50_000)
const ROUNDS = 3
const UPSERTS = 1_000
const CODES = Array.from({ length: 50 }, (_, number) => `B${String(number).padStart(2, '0')}`)
const SETTINGS = { organisationCategory: { domain: 'urn:ods', scheme: 'ods' } }

const folder = mkdtempSync(join(tmpdir(), 'care-connect-bench-'))
// The server may be another user.
chmodSync(folder, 0o777)
try {
  await benchReading()
  await benchIngest()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

type ReadOnce = { items: number; seconds: number; extraBytes: number }

async function benchReading(): Promise<void> {
  const many = fileOf(rssDocument(ITEMS, CODES), 'many.rss')
  const few = fileOf(rssDocument(1_000, CODES), 'few.rss')
  const ours: ReadOnce[] = []
  const theirs: ReadOnce[] = []
  const small: ReadOnce[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await readOnce('ours', many))
    theirs.push(await readOnce('rss-parser', many))
    small.push(await readOnce('ours', few))
  }
  const rate = (one: ReadOnce) => one.items / one.seconds
  const pairs = ours.map((one, n) => [one, theirs[n] as ReadOnce] as const)
  const faster = median(pairs.map(([one, other]) => rate(one) / rate(other)))
  const lighter = median(pairs.map(([one, other]) => one.extraBytes / other.extraBytes))
  console.log(`\nReading and normalising a document of ${ITEMS} RSS items\n`)
  printTable(
    ['reader', 'items/s', 'memory above idle', 'ratio to rss-parser'],
    [
      [
        'ours, in a thread',
        whole(median(ours.map(rate))),
        megabytes(ours),
        `${two(faster)} × rate, ${two(lighter)} × memory`,
      ],
      ['rss-parser parseString', whole(median(theirs.map(rate))), megabytes(theirs), '1'],
      ['ours, 1,000 items', whole(median(small.map(rate))), megabytes(small), ''],
    ],
  )
}

async function benchIngest(): Promise<void> {
  const setting = await startSetting()
  const reader = createReader({ threads: 1, milliseconds: 60_000, megabytes: 1_024 })
  try {
    await addOrganisations(setting.db)
    const rounds: Round[] = []
    for (let round = 0; round < ROUNDS; round++) rounds.push(await oneRound(setting, reader, round))
    const of = (name: keyof Round) => rounds.map((round) => round[name])
    const ratio = (name: keyof Round, base: keyof Round) =>
      two(median(rounds.map((round) => round[name] / round[base])), 3)
    console.log(`\nFrom a document of ${ITEMS} items to committed cases\n`)
    printTable(
      ['what', 'items/s', 'ratio'],
      [
        ['COPY of the same rows into a bare table', whole(median(of('copy'))), '1'],
        ['first import', whole(median(of('first'))), `${ratio('first', 'copy')} × COPY`],
        [
          'Prisma upserts row by row, case and event',
          whole(median(of('upsert'))),
          `first import ${ratio('first', 'upsert')} ×`,
        ],
        ['reading and normalising alone', whole(median(of('read'))), '1'],
        [
          're-import, one irrelevant byte changed',
          whole(median(of('again'))),
          `${ratio('again', 'read')} × reading alone`,
        ],
        [
          're-import, 1 % of the items changed',
          whole(median(of('changed'))),
          `${ratio('changed', 'read')} × reading alone`,
        ],
      ],
    )
  } finally {
    await reader.close()
    await setting.stop()
  }
}

/** Items in a second. */
type Round = Record<'first' | 'copy' | 'read' | 'again' | 'changed' | 'upsert', number>

async function oneRound({ db }: Setting, reader: Reader, round: number): Promise<Round> {
  const source = await db.prisma.source.create({
    data: {
      name: `bench-${round}`,
      title: 'Invented',
      organisationScheme: 'bench',
      state: 'active',
      trusted: true,
    },
  })
  const document = rssDocument(ITEMS, CODES)
  const take = (bytes: Buffer) => timed(() => importDocument(db, reader, source.id, bytes))
  const first = await take(document)
  expectCounts(first.result, { created: ITEMS })
  const file = await exportCases(db, source.id)
  const copy = await timed(() => db.pool.query(`copy bare_cases from '${file}'`))
  const read = await timed(() => importDocument(null, reader, source.id, document))
  const again = await take(rssDocument(ITEMS, CODES, 'x'))
  expectCounts(again.result, { unchanged: ITEMS })
  const changed = await take(withChanges(document, 100))
  expectCounts(changed.result, { changed: Math.ceil(ITEMS / 100) })
  const upsert = await timed(() => upsertCases(db, source.id))
  await db.pool.query('truncate cases, items, events, item_versions, run_results cascade')
  return {
    first: ITEMS / first.seconds,
    copy: ITEMS / copy.seconds,
    read: ITEMS / read.seconds,
    again: ITEMS / again.seconds,
    changed: ITEMS / changed.seconds,
    upsert: UPSERTS / upsert.seconds,
  }
}

/** Reads a document as a worker does and takes its entries, or only reads it. */
async function importDocument(
  db: Db | null,
  reader: Reader,
  sourceId: number,
  bytes: Buffer,
): Promise<RunCounts> {
  const document = {
    bytes: Buffer.from(bytes),
    contentType: 'application/rss+xml',
    status: 200,
    url: 'https://stories.example/feed',
  }
  const reading = await reader.read('feed', document, SETTINGS, {
    limits: { entries: Number.POSITIVE_INFINITY },
  })
  if ('failure' in reading) throw new Error(reading.detail)
  let counts: RunCounts = noCounts
  for await (const batch of reading.batches()) {
    if (db === null) continue
    const taken = await ingest(db, sourceId, batch, { now: new Date(), readBy: 'feed' })
    counts = addCounts(counts, taken.counts)
  }
  return counts
}

/** Writes the source's cases to a file that the server reads again. */
async function exportCases(db: Db, sourceId: number): Promise<string> {
  const file = join(folder, `cases-${sourceId}.copy`)
  await db.pool.query('drop table if exists bare_cases')
  await db.pool.query('create table bare_cases (like cases including defaults)')
  await db.pool.query('alter table bare_cases add primary key (id)')
  await db.pool.query(`copy (select * from cases where source_id = ${sourceId}) to '${file}'`)
  return file
}

/** What most services would do: an upsert for each item, with an event for each new one. */
async function upsertCases(db: Db, sourceId: number): Promise<void> {
  const organisation = await db.prisma.organisation.findFirstOrThrow()
  const firstKey = 2n ** 52n
  for (let number = 0; number < UPSERTS; number++) {
    const id = firstKey + BigInt(number)
    const reference = newReference()
    const text = `An invented text of a story. ${'It went well. '.repeat(20)}`
    const sealed = db.vault.seal(`bench:${reference}`, text)
    await db.prisma.case.upsert({
      where: { id },
      update: { moderatedText: text },
      create: {
        id,
        reference,
        kind: 'feedback',
        channel: 'feed',
        status: 'no_action_needed',
        publication: 'published',
        privacy: 'anonymous',
        privacyChosen: 'anonymous',
        organisationId: organisation.id,
        categoryCode: 'other',
        originalSealed: sealed,
        moderatedText: text,
        sourceId,
        reportedAt: new Date(),
      },
    })
    await db.prisma.item.upsert({
      where: { sourceId_externalId: { sourceId, externalId: reference } },
      update: {},
      create: {
        sourceId,
        externalId: reference,
        type: 'story',
        state: 'live',
        fingerprint: Buffer.from(reference),
        rawSealed: sealed,
        readBy: 'feed',
        caseId: id,
      },
    })
    await db.prisma.event.create({
      data: { type: 'case.created', caseId: id, caseReference: reference, sourceId },
    })
  }
}

async function addOrganisations(db: Db): Promise<void> {
  await db.prisma.organisation.createMany({
    data: CODES.map((code, n) => ({
      code,
      name: `Invented ${code}`,
      kind: 'trust' as const,
      latitude: 51 + n / 25,
      longitude: -2 + n / 25,
    })),
  })
}

async function readOnce(engine: string, file: string): Promise<ReadOnce> {
  const script = join(import.meta.dirname, 'read-once.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, engine, file])
  return JSON.parse(stdout) as ReadOnce
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const started = performance.now()
  const result = await work()
  return { result, seconds: (performance.now() - started) / 1_000 }
}

function expectCounts(counts: RunCounts, wanted: Partial<RunCounts>): void {
  for (const [name, count] of Object.entries(wanted)) {
    const had = counts[name as keyof RunCounts]
    if (had !== count) throw new Error(`${name}: ${had} instead of ${count}: the figures would mean nothing`)
  }
}

function fileOf(document: Buffer, name: string): string {
  const file = join(folder, name)
  writeFileSync(file, document)
  return file
}

function megabytes(reads: readonly ReadOnce[]): string {
  return `${whole(median(reads.map(({ extraBytes }) => extraBytes)) / 1e6)} MB`
}

function whole(figure: number): string {
  return Math.round(figure).toLocaleString('en-GB')
}

function two(figure: number, digits = 2): string {
  return figure.toFixed(digits)
}
