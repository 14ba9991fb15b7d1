import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { createApp } from '../../api/app.ts'
import { readContract } from '../../api/contract/contract.ts'
import { applyLedger } from '../../domain/apply-ledger.ts'
import { indexCases } from '../../domain/case-index.ts'
import { createClient } from '../../domain/clients.ts'
import { openFileLedger } from '../../ledger/file-ledger.ts'
import { createLog } from '../../log.ts'
import { closeDb, type Db, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { startWorkers } from '../../workers/start.ts'
import { call, type Harness, ledgerFile, NOTIFY_TOKEN, PUBLIC_URL, SERVICE } from '../api/harness.ts'
import type { Keys } from '../api/prepared.ts'
import { copiedDatabase, preparedDatabase } from '../database.ts'
import { serve } from '../net/servers.ts'
import { until } from '../workers/poll-setting.ts'
import { doTheRest, operationOf } from './everything.ts'
import { type Door, decideMany, live, must, type Told, tell, tellSource } from './life.ts'
import { add, dumped, type Find, opened, publicly } from './looking.ts'
import { marksIn } from './marks.ts'
import { type Canary, canaries } from './people.ts'

// Invented people go through the service, a thousand with `npm run test:canaries`; then it is looked for their data wherever they might have come to light.
const PEOPLE = Number(process.env.CANARIES ?? 60)
const bySource: readonly Canary['path'][] = ['text_message', 'pushed', 'quarantined']
const contract = readContract()

t.test('what people tell comes to light nowhere, and is nowhere when it has been erased', async (t) => {
  const people = canaries(PEOPLE)
  const { url, keys } = await preparedDatabase(t)
  const vaultKeys = newVaultKey('canaries')
  const logged: string[] = []
  const mails = mkdtempSync(join(tmpdir(), 'care-connect-canaries-'))
  t.teardown(async () => rmSync(mails, { recursive: true, force: true }))
  const told = new Map<number, Told>()
  const received: string[] = []
  const ledger = ledgerFile(t)

  await t.test('they tell, and everything happens to their cases that can', async (t) => {
    const service = await open(t, { url, vaultKeys, keys, logged, ledger })
    const stopped = await work(t, { db: service.db, url, logged, mails, received, service })
    await rows(service.db.pool, 'update commissioning set "primary" = true')
    const [bySelf, brought] = [people.filter((one) => !isBrought(one)), people.filter(isBrought)]
    await inParts(t, 'told', bySelf, async (one) => {
      told.set(one.n, await tell(service, one))
    })
    for (const [n, one] of await tellSource(service, brought)) told.set(n, one)
    t.equal(told.size, PEOPLE, 'all of them have a case')
    const toDecide = people.map((one) => ({ ...(told.get(one.n) as Told), privacy: one.privacy }))
    await decideMany(service, toDecide)
    const whole = people.filter((one) => one.whole)
    await inParts(t, 'went through all', whole, (one) => live(service, one, told.get(one.n) as Told))
    for (const role of ['case_handler', 'provider', 'commissioner', 'integrator'] as const)
      await service.call({ url: '/v1/cases?view=mine&format=csv', key: keys[role] })
    t.same(await doTheRest(service, service.done), [], 'every operation was done')
    await settled(service.db)
    await stopped()
  })

  await t.test(
    'nothing of them is in a log, in a table in clear, in what anybody reads or is sent',
    async (t) => {
      const service = await open(t, { url, vaultKeys, keys, logged, ledger })
      const shown = await namesOf(service.db, people, told, SHOWN)
      const kept = await namesOf(service.db, people, told, `${SHOWN} or held_until is not null`)
      const chosen = new Set(people.filter((one) => one.privacy === 'named' || isBrought(one)).map(givenName))
      t.ok(shown.size > PEOPLE / 20, 'some are named in public, as they wanted')
      const references = [...told.values()].map(({ reference }) => reference)
      t.same(but(await dumped(url), kept), [], 'a dump has the names that the public has, and nothing else')
      t.same(but(await publicly(service.call, references), shown), [], 'so has what anybody reads')
      t.same(but(inText('webhooks', received), chosen), [], 'a supplier was sent them too')
      t.same(inText('logs', logged), [], 'the logs have nothing')
      t.ok(received.length > 100, 'a supplier was sent much')
      t.ok(logged.length > 1_000, 'much was logged')
      t.same(mailsThatSayMore(mails), [], 'mails name nobody but in the address')
    },
  )

  // Nobody is connected now: a copy like the backup of the day before.
  const yesterday = await copiedDatabase(t, url)
  await t.test('when all of them have been erased they are nowhere, and nobody is named', async (t) => {
    const service = await open(t, { url, vaultKeys, keys, logged, ledger })
    t.not((await opened(url, vaultKeys)).length, 0, 'there is something to erase')
    let erased = 0
    await inParts(t, 'were erased', people, async (one) => {
      erased += await erase(service, one, told.get(one.n) as Told)
    })
    t.equal(erased, PEOPLE)
    const references = [...told.values()].map(({ reference }) => reference)
    await indexCases(service.db)
    t.same(await dumped(url), [], 'no table has them in clear')
    t.same(await opened(url, vaultKeys), [], 'and none has them sealed')
    t.same(await publicly(service.call, references), [], 'nobody reads them')
    t.same(inText('logs', logged), [], 'the logs have nothing')
    t.same(inText('ledger', [readFileSync(ledger, 'utf8')]), [], 'nor has the ledger')
  })

  await t.test('also when the store of the day before has been restored', async (t) => {
    const { url } = yesterday
    t.not((await opened(url, vaultKeys)).length, 0, 'the backup has them')
    const db = openDb({ url, vaultKeys, max: 2, applicationName: 'canaries' })
    t.teardown(() => closeDb(db))
    await applyLedger(db, openFileLedger(ledger, db.vault), new Date())
    await indexCases(db)
    t.same(await dumped(url), [])
    t.same(await opened(url, vaultKeys), [])
  })
})

type Opening = { url: string; vaultKeys: string; keys: Keys; logged: string[]; ledger: string }

type Service = Harness & { done: Set<string> }

async function open(t: Test, { url, vaultKeys, keys, logged, ledger }: Opening): Promise<Service> {
  const db = openDb({ url, vaultKeys, max: 8, applicationName: 'canaries' })
  const app = await createApp({
    contract,
    db,
    publicUrl: PUBLIC_URL,
    logger: createLog('debug', lines(logged)),
    requestsPerMinute: 1_000_000,
    intakePerMinute: 1_000_000,
    service: SERVICE,
    dataVersion: false,
    ledger: openFileLedger(ledger, db.vault),
    notifyToken: NOTIFY_TOKEN,
  })
  t.teardown(async () => {
    await app.close()
    await closeDb(db)
  })
  const done = new Set<string>()
  return {
    app,
    db,
    keys,
    done,
    call: async (request) => {
      const answer = await call(app, request)
      const operation = operationOf(request)
      if (answer.status < 300 && operation !== undefined) done.add(operation)
      return answer
    },
    addClient: async (client) => (await createClient(db, client)).key,
    logged: () => logged.join(''),
  }
}

type Working = { db: Db; url: string; logged: string[]; mails: string; received: string[]; service: Door }

// The workers of a real process, on its own queue; a supplier has webhooks of all that is public.
async function work(
  t: Test,
  { db, url, logged, mails, received, service }: Working,
): Promise<() => Promise<void>> {
  const receiver = await serve(t, async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    if (request.url === '/') received.push(`${JSON.stringify(request.headers)}\n${Buffer.concat(parts)}`)
    response.writeHead(204).end()
  })
  await must(service, '/v1/subscriptions', service.keys.supplier, { url: receiver.url })
  await must(
    service,
    '/v1/subscriptions',
    service.keys.provider,
    { url: receiver.url.replace(/\/?$/, '/staff'), view: 'mine' },
    { 'acting-user': 'person-1' },
  )
  const workers = await startWorkers({
    db,
    queue: { kind: 'postgres', url, max: 4 },
    log: createLog('debug', lines(logged)),
    userAgent: 'care-connect-test/0.1',
    allowPrivate: [receiver.authority],
    runsEveryMs: 200,
    publicUrl: PUBLIC_URL,
    mail: {
      kind: 'folder',
      folder: mails,
      from: 'test@example.org',
      onCall: 'on-call@example.org',
      nationalContact: 'national-contact@example.org',
      notice: '',
    },
  })
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= workers.stop())
  t.teardown(stop)
  return stop
}

// A hundred at a time, so that it is seen to go on.
async function inParts(
  t: Test,
  what: string,
  people: readonly Canary[],
  each: (one: Canary) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < people.length; from += 100) {
    for (const one of people.slice(from, from + 100)) await each(one)
    t.pass(`${Math.min(from + 100, people.length)} ${what}`)
  }
}

function isBrought({ path }: Canary): boolean {
  return bySource.includes(path)
}

function lines(logged: string[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk))
      done()
    },
  })
}

async function settled(db: Db): Promise<void> {
  await until('the workers have done all', async () => {
    const [left] = await rows<{ left: boolean }>(
      db.pool,
      `select exists (select 1 from events where position is null)
         or exists (select 1 from notifications where state = 'waiting')
         or exists (select 1 from deliveries where state = 'waiting' and attempts = 0)
         or (select placed > position from log_state)
         or exists (select 1 from runs where state in ('waiting', 'running')) as left`,
    )
    return left?.left === false
  })
}

const SHOWN = `publication = 'published' and privacy = 'named'`

// Whoever wants to be named is, once their case is published.
async function namesOf(
  db: Db,
  people: readonly Canary[],
  told: ReadonlyMap<number, Told>,
  which: string,
): Promise<Set<string>> {
  const found = await rows<{ reference: string }>(
    db.pool,
    `select reference from cases where public_name is not null and (${which})`,
  )
  const references = new Set(found.map(({ reference }) => reference))
  return new Set(people.filter(({ n }) => references.has(told.get(n)?.reference ?? '')).map(givenName))
}

// By whatever there is to find them by.
async function erase(service: Door, one: Canary, { reference }: Told): Promise<number> {
  const { n, path, email, phone } = one
  // Only an address leads to the digests that it gets, and a form takes no number.
  const byEmail = path === 'searched' || path === 'second_tier' || n % 3 === 1
  const byCase = isBrought(one) || (n % 3 === 0 && path !== 'searched')
  const by = byCase ? { case: reference } : byEmail ? { email } : { phone }
  const { cases } = await must(service, '/v1/erasures', service.keys.administrator, {
    ...by,
    reason: 'request',
  })
  return cases
}

function givenName({ name }: Canary): string {
  return (name.split(' ')[0] ?? '').toLowerCase()
}

function inText(where: string, texts: readonly string[]): Find[] {
  const finds: Find[] = []
  add(finds, where, marksIn(texts.join('\n')))
  return finds
}

function but(finds: readonly Find[], allowed: ReadonlySet<string>): Find[] {
  return finds
    .map(({ where, marks }) => ({ where, marks: marks.filter((mark) => !allowed.has(mark)) }))
    .filter(({ marks }) => marks.length > 0)
}

function mailsThatSayMore(folder: string): string[] {
  return readdirSync(folder).filter((file) => {
    const text = readFileSync(join(folder, file), 'utf8')
    const others = text.split('\n').filter((line) => !/^to: /i.test(line))
    return marksIn(others.join('\n')).size > 0
  })
}
