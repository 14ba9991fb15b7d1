import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { applyLedger, resealLedger } from '../../domain/apply-ledger.ts'
import type { ClientCaller } from '../../domain/callers.ts'
import { eraseCases } from '../../domain/erase-cases.ts'
import type { ErasureLedger } from '../../domain/erasure-ledger.ts'
import { createErasure } from '../../domain/erasures.ts'
import { type IngestOptions, ingest } from '../../domain/ingest.ts'
import type { Entry, Reply, Story } from '../../domain/items.ts'
import { openFileLedger } from '../../ledger/file-ledger.ts'
import { closeDb, type Db, inTransaction, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { ledgerFile } from '../api/harness.ts'
import { copiedDatabase, preparedDatabase } from '../database.ts'

const OLD_KEY = newVaultKey('old')
const now = new Date('2026-11-26T10:00:00Z')
const options: IngestOptions = { now, readBy: 'pushed' }
const reason = 'request'

t.test('what was erased is gone after the day before was restored, and does not come back', async (t) => {
  const file = ledgerFile(t)
  const { url } = await preparedDatabase(t)
  const before = open(url)
  await applyLedger(before, ledgerOf(before, file), now)
  await ingest(
    before,
    await sourceId(before),
    [story('kept'), story('gone'), reply('gone-reply', 'gone')],
    options,
  )
  await closeDb(before)
  const yesterday = (await copiedDatabase(t, url)).url

  const today = open(url)
  t.teardown(() => closeDb(today))
  await ingest(today, await sourceId(today), [story('late'), reply('late-reply', 'late')], options)
  for (const name of ['gone', 'late']) {
    const erased = await erase(today, await referenceOf(today, name), ledgerOf(today, file))
    t.match(erased, { cases: 1, items: 2 })
  }

  const restored = open(yesterday)
  t.teardown(() => closeDb(restored))
  t.match(await everythingOf(restored, 'gone'), { text: String, sealed: 3 }, 'the backup has it')
  t.match(migrate(yesterday, file), /1 cases and 2 things of sources are gone/)
  t.match(await everythingOf(restored, 'gone'), { text: null, sealed: 0 }, 'and here it is gone')
  t.match(await everythingOf(restored, 'kept'), { text: String, sealed: 2 }, 'and nothing else')
  const events = await rows(restored.pool, `select 1 from events where type = 'case.erased'`)
  t.equal(events.length, 1)
  t.match(await applyLedger(restored, ledgerOf(restored, file), now), {
    lines: 0,
    cases: 0,
    items: 0,
    addresses: 0,
  })

  const source = await sourceId(restored)
  const polled = await ingest(
    restored,
    source,
    [story('late'), reply('late-reply', 'late'), reply('later-reply', 'late'), story('gone'), story('new')],
    options,
  )
  t.same(
    polled.results.map(({ outcome }) => outcome),
    ['deleted', 'deleted', 'ignored', 'ignored', 'created'],
    'a story that had not been polled yet is not taken, and nothing that answers it',
  )
  const again = await ingest(
    restored,
    source,
    [story('late'), { raw: '{"late"', externalId: 'late', problem: 'broken', place: 'line 1' }],
    options,
  )
  t.same(
    again.results.map(({ outcome }) => outcome),
    ['ignored', 'ignored'],
  )
  t.same(await rows(restored.pool, 'select 1 from quarantined_items'), [])
  t.notMatch(JSON.stringify(await rows(restored.pool, 'select * from items')), /Invented/)
})

t.test('a process that is killed between ledger and store leaves the rest to the next start', async (t) => {
  const { db, file } = await store(t)
  await ingest(db, await sourceId(db), [story('one'), story('two')], options)
  const reference = await referenceOf(db, 'one')
  await t.rejects(erase(db, reference, { ...ledgerOf(db, file), append: appendAndDie(db, file) }), /killed/)
  t.match(await everythingOf(db, 'one'), { text: String, sealed: 2 }, 'the store has it yet')
  t.match(await erase(db, await referenceOf(db, 'two'), ledgerOf(db, file)), { cases: 1 }, 'others go on')
  t.match(await applyLedger(db, ledgerOf(db, file), now), { lines: 4, cases: 1, items: 1 })
  t.match(await everythingOf(db, 'one'), { text: null, sealed: 0 })
  t.match(await applyLedger(db, ledgerOf(db, file), now), { lines: 0, cases: 0 })
})

t.test('half a line of a killed writer is skipped, and the next one begins a line of its own', async (t) => {
  const { db, file } = await store(t)
  await ingest(db, await sourceId(db), [story('one'), story('two')], options)
  await erase(db, await referenceOf(db, 'one'), ledgerOf(db, file))
  const [half = ''] = linesIn(file).slice(-1)
  appendFileSync(file, half.slice(0, 60))
  t.match(await applyLedger(db, ledgerOf(db, file), now), { lines: 0 })
  await erase(db, await referenceOf(db, 'two'), ledgerOf(db, file))
  t.equal((await ledgerOf(db, file).read())?.erased.length, 4)
  t.match(await applyLedger(db, ledgerOf(db, file), now), { lines: 0 })
})

t.test('a ledger that was changed, cut, or is another one stops the start in words', async (t) => {
  const { db, file } = await store(t)
  await ingest(db, await sourceId(db), [story('one'), story('two')], options)
  for (const name of ['one', 'two']) await erase(db, await referenceOf(db, name), ledgerOf(db, file))
  const whole = readFileSync(file, 'utf8')
  const lines = whole.trim().split('\n')
  const start = (text: string | null) => {
    if (text !== null) writeFileSync(file, text)
    return applyLedger(db, ledgerOf(db, file), now)
  }
  t.match(await start(whole), { lines: 0 })
  await t.rejects(
    start(`${lines.slice(0, -1).join('\n')}\n`),
    /has lost lines that this store has seen \(it has 4, the store has seen 5\)/,
  )
  await t.rejects(start(`${lines.toSpliced(2, 1).join('\n')}\n`), /Line 3 of the ledger .* does not fit/)
  await t.rejects(
    start(whole.replace('"kind":"item"', '"kind":"case"')),
    /Line 3 of the ledger .* does not fit/,
  )
  await t.rejects(start('something else\n'), /is no ledger of erasures/)
  writeFileSync(file, whole)
  await t.rejects(applyLedger(db, null, now), /This store has a ledger of erasures. Set ERASURE_LEDGER/)
  await t.rejects(applyLedger(db, ledgerOf(db, ledgerFile(t)), now), /is not there, and this store knows one/)
  const another = ledgerFile(t)
  await ledgerOf(db, another).make(now)
  await t.rejects(applyLedger(db, ledgerOf(db, another), now), /is another one than this store knows/)
  const stranger = openDb({
    url: 'postgresql://nobody@127.0.0.1:9/none',
    vaultKeys: newVaultKey('old'),
    max: 1,
    applicationName: 'test',
  })
  t.teardown(() => closeDb(stranger))
  await t.rejects(openFileLedger(file, stranger.vault).read(), /ENCRYPTION_KEYS do not open the ledger/)
  t.match(await start(null), { lines: 0 }, 'and it is as it was')
})

t.test('nothing in a ledger says who or what, and a new encryption key opens it', async (t) => {
  const { url, db, file } = await store(t)
  await ingest(db, await sourceId(db), [story('one'), story('two')], options)
  const reference = await referenceOf(db, 'one')
  await erase(db, reference, ledgerOf(db, file))
  t.notMatch(readFileSync(file, 'utf8'), new RegExp(`${reference}|pushed|"one"|person-1|Invented`))
  t.equal(await resealLedger(db, ledgerOf(db, file), now), false, 'sealed with the first key already')

  const newKey = newVaultKey('new')
  const both = open(url, `${newKey},${OLD_KEY}`)
  t.teardown(() => closeDb(both))
  t.equal(await resealLedger(both, ledgerOf(both, file), now), true)
  t.equal(await resealLedger(both, ledgerOf(both, file), now), false, 'once')
  const alone = open(url, newKey)
  t.teardown(() => closeDb(alone))
  t.equal((await ledgerOf(alone, file).read())?.erased.length, 2)
  t.match(await erase(both, await referenceOf(both, 'two'), ledgerOf(both, file)), { cases: 1 })
  t.match(await applyLedger(both, ledgerOf(both, file), now), { lines: 0 })
})

t.test('several start at once, and one of them makes the ledger', async (t) => {
  const { db, file } = await store(t, { applied: false })
  await Promise.all([1, 2, 3, 4].map(() => applyLedger(db, ledgerOf(db, file), now)))
  t.equal(linesIn(file).length, 1)
  const nowhere = openFileLedger('/nowhere (invented)/ledger', db.vault)
  await t.rejects(nowhere.make(now), /cannot be made at .nowhere/)
})

t.test('erasing a case that has all of it leaves no personal column', async (t) => {
  const { db } = await store(t)
  await ingest(db, await sourceId(db), [story('one')], options)
  const [{ id } = { id: 0 }] = await rows<{ id: number }>(db.pool, 'select case_id as id from items')
  await inTransaction(db, (tx) => eraseCases(tx, [id], { caller: null, now }))
  const [left] = await rows<Record<string, unknown>>(db.pool, 'select * from cases where id = $1', [id])
  const personal = [
    'original_sealed',
    'contact_sealed',
    'email_index',
    'phone_index',
    'moderated_title',
    'moderated_text',
  ]
  for (const name of [...personal, 'public_name', 'visit_month', 'language', 'source_link', 'assignee'])
    t.equal(left?.[name], null, name)
  t.same([left?.tags, left?.ratings], [[], []])
})

async function store(t: Test, { applied = true } = {}): Promise<{ url: string; db: Db; file: string }> {
  const { url } = await preparedDatabase(t)
  const db = open(url)
  t.teardown(() => closeDb(db))
  const file = ledgerFile(t)
  if (applied) await applyLedger(db, ledgerOf(db, file), now)
  return { url, db, file }
}

function open(url: string, vaultKeys = OLD_KEY): Db {
  return openDb({ url, vaultKeys, max: 4, applicationName: 'test' })
}

function ledgerOf({ vault }: Db, file: string): ErasureLedger {
  return openFileLedger(file, vault)
}

/** Writes all of it, and does not come to the commit. */
function appendAndDie(db: Db, file: string): ErasureLedger['append'] {
  return async (...what) => {
    await ledgerOf(db, file).append(...what)
    throw new Error('killed (invented)')
  }
}

/** What `npm run migrate` says. */
function migrate(url: string, file: string): string {
  const env = { PATH: process.env.PATH, DATABASE_URL: url, ENCRYPTION_KEYS: OLD_KEY, ERASURE_LEDGER: file }
  const root = join(import.meta.dirname, '../..')
  return execFileSync(process.execPath, ['prisma/migrate.ts'], { cwd: root, encoding: 'utf8', env })
}

function linesIn(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split('\n')
}

async function erase(db: Db, reference: string, ledger: ErasureLedger) {
  const [client] = await rows<{ id: number }>(
    db.pool,
    `select id from api_clients where role = 'administrator'`,
  )
  const administrator = { kind: 'client', clientId: client?.id, actingUser: 'person-1', test: false }
  return createErasure(db, administrator as ClientCaller, { case: reference, reason }, { ledger, now })
}

async function sourceId(db: Db): Promise<number> {
  const [source] = await rows<{ id: number }>(db.pool, `select id from sources where name = 'pushed'`)
  return source?.id ?? 0
}

async function referenceOf(db: Db, externalId: string): Promise<string> {
  const [found] = await rows<{ reference: string }>(
    db.pool,
    'select c.reference from items i join cases c on c.id = i.case_id where i.external_id = $1',
    [externalId],
  )
  return found?.reference ?? ''
}

/** What the store has of a story: whether it has its text, and how many sealed texts of it and of its replies. */
async function everythingOf(db: Db, externalId: string): Promise<unknown> {
  const [found] = await rows(
    db.pool,
    `select c.original_sealed as text, num_nonnulls(c.original_sealed, c.contact_sealed)
       + (select count(raw_sealed)::int from items where case_id = c.id) as sealed
     from items i join cases c on c.id = i.case_id where i.external_id = $1`,
    [externalId],
  )
  return found
}

function story(externalId: string): Entry {
  const item: Story = {
    type: 'story',
    externalId,
    title: null,
    text: `They explained everything, ${externalId}. (Invented.)`,
    organisations: [{ scheme: 'ods', code: 'T01' }],
    service: null,
    visitMonth: null,
    tags: [],
    ratings: [],
    position: null,
    language: null,
    ...core('2026-11-20T09:00:00Z'),
  }
  return { item, raw: JSON.stringify(item) }
}

function reply(externalId: string, inReplyTo: string): Entry {
  const text = 'Thank you. (Invented.)'
  const published = core('2026-11-21T09:00:00Z')
  const item: Reply = { type: 'reply', externalId, inReplyTo, text, organisations: [], ...published }
  return { item, raw: JSON.stringify(item) }
}

function core(publishedAt: string) {
  return { authorName: null, publishedAt, updatedAt: null, link: null, warnings: [] }
}
