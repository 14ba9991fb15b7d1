import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createApp } from '../../api/app.ts'
import { applyLedger } from '../../domain/apply-ledger.ts'
import { claimDelivery, settleDelivery } from '../../domain/delivery-claims.ts'
import { noCursor, openCursor, sealCursor } from '../../domain/poll-cursors.ts'
import { countSealed, firstKeyOf, resealAll } from '../../domain/reseal.ts'
import { SEALED_COLUMNS } from '../../domain/sealed-columns.ts'
import { openFileLedger } from '../../ledger/file-ledger.ts'
import { createLog } from '../../log.ts'
import { checkStore, closeDb, type Db, openDb, row, rows } from '../../prisma/client.ts'
import { newVaultKey, openVault } from '../../prisma/vault.ts'
import {
  call as ask,
  createCase,
  draft,
  type Harness,
  PUBLIC_URL,
  SERVICE,
  staff,
  startHarness,
} from '../api/harness.ts'
import { asks } from '../api/permission-asks.ts'
import { build, type Place } from '../api/permission-fixtures.ts'
import { testDatabase } from '../database.ts'

const nameOf = ({ table, column }: { table: string; column: string }) => `${table}.${column}`

t.test('every sealed column of the store is in the list, and nothing else', async (t) => {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 2, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  const found = await rows<{ table: string; column: string }>(
    db.pool,
    `select table_name as "table", column_name as "column" from information_schema.columns
     where table_schema = 'public' and (column_name ~ '(^|_)sealed$' or (table_name, column_name) = ('idempotency_records', 'result'))`,
  )
  t.same(SEALED_COLUMNS.map(nameOf).sort(), found.map(nameOf).sort())
  const keys = await rows<{ table: string; key: string[] }>(
    db.pool,
    `select table_name as "table", array_agg(column_name::text order by ordinal_position) as key
     from information_schema.key_column_usage join information_schema.table_constraints using (constraint_name, table_name)
     where constraint_type = 'PRIMARY KEY' group by 1`,
  )
  for (const column of SEALED_COLUMNS)
    t.same(
      Object.keys(column.key),
      keys.find(({ table }) => table === column.table)?.key,
      `the key of ${nameOf(column)}`,
    )
})

t.test('a store that is full of sealed texts gets another key', async (t) => {
  const harness = await startHarness(t)
  const { db } = harness
  await checkStore(db)
  const place = await fill(harness)
  const before = await countSealed(db.pool)
  t.same(
    [...new Set(before.map(nameOf))].sort(),
    SEALED_COLUMNS.map(nameOf).sort(),
    'there is something in every column',
  )
  t.same([...new Set(before.map(({ key }) => key))], ['test'])
  const total = before.reduce((all, { texts }) => all + texts, 0)
  const next = newVaultKey('next')
  const { seal, open } = openVault(next)
  const both: Db = {
    ...db,
    vault: {
      seal,
      open: (at, text) => (text.startsWith('v1.next.') ? open(at, text) : db.vault.open(at, text)),
    },
  }
  const under = async (key: string) =>
    (await countSealed(db.pool)).reduce((all, one) => (one.key === key ? all + one.texts : all), 0)
  t.equal(firstKeyOf(both.vault), 'next')

  await t.test('it may be stopped anywhere, and writers go on meanwhile', async (t) => {
    for (const batches of [1, 4, 9]) {
      const stop = new AbortController()
      let left = batches
      const progress = () => {
        left -= 1
        if (left === 0) stop.abort()
      }
      await resealAll(both, { batch: 1, signal: stop.signal, progress })
      t.ok((await under('next')) > 0 && (await under('test')) > 0)
    }
    const held = await db.pool.connect()
    await held.query('begin')
    await held.query('select 1 from digests for update')
    // A writer that does not have the new keys yet.
    const [done] = await Promise.all([resealAll(both, { batch: 2 }), createCase(harness)])
    t.ok(done.every(({ unreadable }) => unreadable === 0))
    t.ok(
      (await countSealed(held)).some(({ table, key }) => table === 'digests' && key === 'test'),
      'no waiting',
    )
    await held.query('rollback')
    held.release()
    await resealAll(both)
    t.equal(await under('test'), 0)
    t.ok((await under('next')) >= total)
    t.ok(
      (await resealAll(both)).every(({ resealed }) => resealed === 0),
      'a second time changes nothing',
    )
  })

  await t.test('the new key alone opens everything, and receipts go on', async (t) => {
    for (const { table, column, joins = '', place, json } of SEALED_COLUMNS) {
      const text = json ? `t.${column} #>> '{}'` : `t.${column}`
      const found = await rows<{ place: string; sealed: string }>(
        db.pool,
        `select ${place} as place, ${text} as sealed from ${table} t ${joins} where ${text} is not null`,
      )
      for (const one of found) open(one.place, one.sealed)
    }
    const alone = openDb({
      url: String(db.pool.options.connectionString),
      vaultKeys: next,
      max: 4,
      applicationName: 'test',
    })
    const options = { publicUrl: PUBLIC_URL, requestsPerMinute: 1_000, intakePerMinute: 1_000 }
    const app = await createApp({ db: alone, logger: createLog('silent'), service: SERVICE, ...options })
    t.teardown(async () => {
      await app.close()
      await closeDb(alone)
    })
    await checkStore(alone)
    const { url, receipt, image } = place
    const mine = await ask(app, { url, headers: { 'case-receipt': receipt } })
    t.equal(mine.status, 200)
    t.equal(mine.body.original.text, draft().text)
    const theirs = await ask(app, { url, key: harness.keys.case_handler })
    t.match(theirs.body, { contact: { email: /@/ } })
    t.equal((await ask(app, { url: `${url}/images/${image}` })).status, 200)
    t.same((await ask(app, { url: `${url}/notes`, key: harness.keys.case_handler })).body.items.length, 1)
    const listed = await ask(app, { url: '/v1/subscriptions', key: harness.keys.supplier })
    t.match(listed.body.items[0].url, /^https:/)
    const again = await ask(app, replayed(harness))
    t.equal(again.status, 201, 'an answer is repeated')
    const source = await row<{ name: string; sealed: string }>(
      db.pool,
      'select name, cursor_sealed as sealed from sources where cursor_sealed is not null',
    )
    t.match(openCursor(alone.vault, source?.name ?? '', source?.sealed ?? null), { pages: 3 })
  })

  await t.test('what no key opens is counted, and left', async (t) => {
    await rows(
      db.pool,
      `update notes set text_sealed = 'v1.lost.AAAA.AAAA.AAAA' where id = (select min(id) from notes)`,
    )
    const done = await resealAll(both)
    t.match(
      done.find(({ table }) => table === 'notes'),
      { resealed: 0, unreadable: 1 },
    )
    t.match(
      (await countSealed(db.pool)).filter(({ key }) => key === 'lost'),
      [{ table: 'notes', column: 'text_sealed', texts: 1 }],
    )
  })
})

t.test('npm run keys:rotate', async (t) => {
  const { url } = await testDatabase(t)
  const [old, next] = [newVaultKey('old'), newVaultKey('next')]
  const db = openDb({ url, vaultKeys: old, max: 2, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  await checkStore(db)
  const folder = mkdtempSync(join(tmpdir(), 'care-connect-keys-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const ledger = join(folder, 'ledger')
  await applyLedger(db, openFileLedger(ledger, db.vault), new Date())
  const run = (keys: string, ...args: string[]) =>
    ended(args, {
      DATABASE_URL: url,
      ENCRYPTION_KEYS: keys,
      ERASURE_LEDGER: ledger,
      PATH: process.env.PATH ?? '',
    })
  const dry = await run(`${next},${old}`, '--dry-run')
  t.equal(dry.code, 0, dry.error)
  t.match(dry.said, /^vault_probe\.sealed +old +1$/m)
  t.match(dry.said, /The first key is next; 2 texts are under another\.\nA dry run: nothing has changed\./)
  t.match(await run(`${next},${old}`), {
    code: 0,
    said: /The key of the ledger of erasures is sealed anew\.\nAll that is sealed is under the key next\./,
  })
  t.ok((await countSealed(db.pool)).every(({ key }) => key === 'next'))
  t.ok(await openFileLedger(ledger, openVault(next)).read(), 'the new key opens the ledger')
  t.match(await run(next, '--everything'), { code: 1, error: /--everything/ })
})

const KEY = 'invented-key-1'

function replayed({ keys }: Harness) {
  const headers = { 'idempotency-key': KEY }
  return { method: 'POST', url: '/v1/cases', key: keys.integrator, headers, body: draft() } as const
}

// Something in every sealed column, made as it is made in earnest wherever that is possible.
async function fill(harness: Harness): Promise<Place> {
  const { call, db, keys } = harness
  await db.pool.query('update commissioning set "primary" = true')
  await must(harness, replayed(harness))
  const place = await build(harness, 'published')
  const step = async (under: string, body: object, key = keys.case_handler): Promise<void> => {
    const { version } = (await call({ url: place.url, key: keys.case_handler })).body
    await must(harness, {
      method: 'POST',
      url: `${place.url}/${under}`,
      key,
      headers: staff(version, 'p'),
      body,
    })
  }
  await step('notes', { text: 'A note. (Invented.)' })
  await step('messages', { text: 'When was it? (Invented.)' })
  await step('extensions', { workingDays: 5, reason: 'They are away. (Invented.)', consent: 'phone' })
  await step('escalations', { reason: 'no_response', text: 'Nobody answers. (Invented.)' })
  await step('escalation-answers', { answer: 'acknowledged', text: 'We ask. (Invented.)' }, keys.commissioner)
  await step(`responses/${place.response}/decisions`, {
    ...{ action: 'publish', reason: 'fit_to_publish', text: 'Sorry for that. (Invented.)' },
  })
  await step('decisions', {
    ...{ action: 'publish', reason: 'fit_to_publish', commissioned: 'locally' },
    ...{ moderatedText: 'They waited. (Invented.)', note: 'It is fit. (Invented.)' },
  })
  for (const fixture of ['requested', 'retained', 'imported', 'quarantined', 'signer', 'ordered'] as const)
    await build(harness, fixture)
  const push = asks.pushDocument?.(place, 0)
  await must(harness, { ...push, url: push?.url ?? '', key: keys.feed_provider })
  const found = { type: 'story', externalId: 'found', text: 'Found, again. (Invented.)', organisation: 'T01' }
  await must(harness, {
    ...{ method: 'POST', url: '/v1/sources/pushed/items', key: keys.feed_provider },
    body: { items: [found] },
  })
  await rows(db.pool, `update sources set cursor_sealed = $1 where name = 'elsewhere'`, [
    sealCursor(db.vault, 'elsewhere', { ...noCursor, pages: 3 }),
  ])
  await delivered(harness)
  return place
}

async function delivered(harness: Harness): Promise<void> {
  const { db, keys } = harness
  const body = { url: 'https://receiver.example.org/in', noticeEmail: 'operations@receiver.example.org' }
  const { id } = await must(harness, { method: 'POST', url: '/v1/subscriptions', key: keys.supplier, body })
  await must(harness, { method: 'POST', url: `/v1/subscriptions/${id}/tests`, key: keys.supplier })
  const made = await row<{ id: number }>(db.pool, 'select id from subscriptions where reference = $1', [id])
  const at = new Date(Date.now() + 1_000)
  const claimed = await claimDelivery(db, made?.id ?? 0, at)
  if (claimed === undefined) throw new Error('there was nothing to deliver')
  const attempt = { at, milliseconds: 1, status: 200, problem: null, answer: 'Thank you. (Invented.)' }
  await settleDelivery(db, claimed, { state: 'delivered', attempt })
}

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer.
async function must({ call }: Harness, request: Parameters<Harness['call']>[0]): Promise<any> {
  const { body, status, text } = await call(request)
  if (status >= 300) throw new Error(`${request.url}: ${text}`)
  return body
}

type Ended = { code: number | null; said: string; error: string }

async function ended(args: string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const command = join(import.meta.dirname, '../../workers/reseal-command.ts')
  const child = spawn(process.execPath, [command, ...args], { env })
  let [said, error] = ['', '']
  child.stdout.on('data', (part) => {
    said += part
  })
  child.stderr.on('data', (part) => {
    error += part
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, said, error }
}
