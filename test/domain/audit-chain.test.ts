import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import {
  type ChainedEvent,
  chainHead,
  eventText,
  sealAfter,
  sealEvents,
  sealSome,
} from '../../domain/audit-chain.ts'
import { type ChainCheck, verifyChain } from '../../domain/audit-check.ts'
import { placeEvents } from '../../domain/change-log.ts'
import { closeDb, type Db, inTransaction, openDb, row, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { startPlacing } from '../../workers/keep-log.ts'
import { startSealing } from '../../workers/seal-log.ts'
import { testDatabase } from '../database.ts'
import { logTo } from '../workers/poll-setting.ts'

const now = new Date()
const ODD = `O'Neill "said" \\ {a,b} 🦄 é\n\t,5:x,`

const PLAIN: ChainedEvent = {
  position: 4711,
  id: 5000,
  type: 'case.published',
  at: '2026-11-26T10:00:00.000Z',
  caseId: 3_560_000_000_000_000,
  caseReference: 'K7QD-M2XW-9TRB-H',
  organisationId: 1,
  sourceId: null,
  clientId: 2,
  actingUser: 'person-é',
  reason: null,
  fields: ['publication', 'moderatedText'],
  caseVersion: 3,
  aboutClientId: null,
  tells: null,
}

t.test('the text of an event is that of the decision record', (t) => {
  t.equal(
    eventText(PLAIN),
    '2:v1,4:4711,4:5000,14:case.published,24:2026-11-26T10:00:00.000Z,16:3560000000000000,16:K7QD-M2XW-9TRB-H,' +
      '1:1,-,1:2,9:person-é,-,32:11:publication,13:moderatedText,,1:3,-,-,',
  )
  const hash = sealAfter(Buffer.alloc(32), PLAIN)
  t.equal(
    hash.toString('hex'),
    createHash('sha256').update(Buffer.alloc(32)).update(eventText(PLAIN)).digest('hex'),
  )
  t.equal(hash.toString('hex'), 'b58facb1ce0d0b8283d6e77055c74aeee97086528c2f44c92dd826856aa654d8')
  t.end()
})

t.test('every field counts, and where it ends', (t) => {
  const seal = (event: ChainedEvent) => sealAfter(Buffer.alloc(32), event).toString('hex')
  const changes: Partial<ChainedEvent>[] = [
    ...[{ position: 4712 }, { id: 5001 }, { type: 'case.removed' }, { at: '2026-11-26T10:00:00.001Z' }],
    ...[{ caseId: null }, { caseReference: null }, { organisationId: 2 }, { sourceId: 1 }, { clientId: 3 }],
    ...[{ clientId: null }, { actingUser: null }, { actingUser: '' }, { reason: '' }, { reason: 'x' }],
    ...[{ fields: [] }, { fields: null }, { fields: ['publicationmoderatedText'] }, { fields: [null] }],
    ...[{ fields: ['publication', 'moderatedText', ''] }, { caseVersion: 4 }, { aboutClientId: 0 }],
    ...[{ tells: '[]' }, { actingUser: 'person-é,-,', reason: null }, { sourceId: 2, clientId: null }],
  ]
  const all = [PLAIN, ...changes.map((change) => ({ ...PLAIN, ...change }))].map(seal)
  t.equal(new Set(all).size, all.length)
  t.end()
})

t.test(
  'the log is sealed in steps, also one of before, and PostgreSQL comes to the same hashes',
  async (t) => {
    const db = await open(t)
    await write(db, 25)
    t.equal(await sealEvents(db), 0, 'without a position there is nothing to seal')
    await placeEvents(db)
    t.match(await sealSome(db, 10), { sealed: 10, head: { position: 10 } })
    t.equal(await sealEvents(db, 10), 15)
    t.equal(await sealEvents(db), 0)
    t.same(
      await sealsOf(db),
      (await rows<{ hash: string }>(db.pool, IN_SQL)).map(({ hash }) => hash),
    )
    const report = await verifyChain(db, { now, batch: 7 })
    t.match(report, { problem: null, checked: 25, waiting: 0, head: await chainHead(db.pool) })
    t.match(await verifyChain(db, { now, from: 20 }), { problem: null, checked: 6 })
  },
)

t.test('several that seal at a time, killed anywhere, make one chain', async (t) => {
  const db = await open(t)
  await write(db, 200)
  await placeEvents(db)
  const connection = await db.pool.connect()
  await connection.query('begin')
  await connection.query(`insert into event_seals values (1, sha256('half'))`)
  await connection.query('rollback')
  connection.release()
  await Promise.all(Array.from({ length: 4 }, () => sealEvents(db, 9)))
  await sealEvents(db, 9)
  t.match(await verifyChain(db, { now }), { problem: null, checked: 200 })
})

t.test('whoever gives positions has them sealed', async (t) => {
  const db = await open(t)
  const log = logTo([])
  const sealing = startSealing({ db, log })
  const placing = startPlacing({ db, log }, undefined, sealing.wake)
  t.teardown(() => Promise.all([placing.stop(), sealing.stop()]))
  await write(db, 3)
  for (let waited = 0; (await chainHead(db.pool)).position < 3 && waited < 200; waited++)
    await new Promise((resolve) => setTimeout(resolve, 25))
  t.match(await verifyChain(db, { now }), { problem: null, checked: 3 })
})

t.test('seals and events only grow', async (t) => {
  const db = await sealedLog(t)
  for (const statement of [
    `update event_seals set hash = sha256('x') where position = 1`,
    'delete from event_seals where position = 1',
    'truncate event_seals',
    `update events set reason = 'x' where position = 1`,
  ])
    await t.rejects(db.pool.query(statement), { code: '23001' }, statement)
})

t.test('each kind of tampering is found, and the row named', async (t) => {
  const whole = await sealedLog(t)
  const head = await chainHead(whole.pool)
  const ids = (await rows<{ id: number }>(whole.pool, 'select id from events order by position')).map(
    ({ id }) => id,
  )
  const idAt = (position: number) => ids[position - 1]
  const found = async (
    name: string,
    statement: string,
    problem: object | null,
    check: Partial<ChainCheck> = {},
  ) => {
    await inTransaction(whole, async (pool) => {
      await pool.query('alter table events disable trigger user')
      await pool.query('alter table event_seals disable trigger user')
      await pool.query(statement)
      t.match((await verifyChain({ pool }, { now, batch: 4, ...check })).problem, problem, name)
      throw new Error('undone')
    }).catch((error: Error) => {
      if (error.message !== 'undone') throw error
    })
  }
  const expect = [head]
  const at = (what: string, position: number) => ({ what, position, id: idAt(position) ?? null })

  await found('nothing', 'select 1', null, { expect })
  await found('a word', `update events set reason = 'x' where position = 9`, at('changed', 9))
  await found('a field', `update events set fields = '{}' where position = 7`, at('changed', 7))
  await found('a time', `update events set at = at + interval '1 ms' where position = 1`, at('changed', 1))
  await found('who did it', `update events set acting_user = 'x' where position = 12`, at('changed', 12))
  await found('its number', 'update events set id = 999999 where position = 12', {
    ...at('changed', 12),
    id: 999999,
  })
  await found('a seal', `update event_seals set hash = sha256('x') where position = 5`, at('changed', 5))
  await found(
    'two rows that change places',
    `update events set position = -1 where position = 6; update events set position = 6 where position = 7;
     update events set position = 7 where position = -1`,
    { what: 'changed', position: 6, id: idAt(7) },
  )
  await found('a row that goes', 'delete from events where position = 6', {
    what: 'missing',
    position: 6,
    id: null,
  })
  await found(
    'a row that goes with its seal',
    'delete from events where position = 6; delete from event_seals where position = 6',
    { what: 'missing', position: 6, id: null },
  )
  await found('the first row', 'delete from events where position = 1', { what: 'missing', position: 1 })
  await found(
    'a row that goes, and the rest moves up',
    `delete from events where position = 6;
     update events set position = -position where position > 6; update events set position = -position - 1 where position < 0;
     update log_state set placed = placed - 1`,
    { what: 'changed', position: 6, id: idAt(7) },
  )
  await found(
    'a row that is put in',
    `update events set position = -position where position > 6; update events set position = -position + 1 where position < 0;
     insert into events (id, type, position) values (-7, 'case.changed', 7); update log_state set placed = placed + 1`,
    { what: 'changed', position: 7, id: -7 },
  )
  await found(
    'a row before the first',
    `insert into events (id, type, position) values (-7, 'case.changed', 0)`,
    { what: 'added', position: 0, id: -7 },
  )
  await found(
    'a row behind the end',
    `insert into events (id, type, position) values (-7, 'case.changed', 17)`,
    { what: 'added', position: 17, id: -7 },
  )
  await found('the last row', 'delete from events where position = 16', { what: 'missing', position: 16 })
  const cut = `delete from events where position > 14; update log_state set placed = 14`
  await found('the end, but not its seals', cut, { what: 'missing', position: 15 })
  await found('the end, its seals too', `${cut}; delete from event_seals where position > 14`, null)
  await found(
    'the same, where the head was noted',
    `${cut}; delete from event_seals where position > 14`,
    { what: 'missing', position: 15, id: null },
    { expect },
  )
  await found('a seal in between', 'delete from event_seals where position = 10', at('seal_missing', 10))
  await found(
    'the seal to begin with',
    'delete from event_seals where position = 10',
    {
      what: 'seal_missing',
      position: 10,
    },
    { from: 11 },
  )
  const unsealed = 'delete from event_seals where position > 12'
  await found('seals at the end, just now', unsealed, null)
  await found('the same where the head was noted', unsealed, at('not_sealed', 16), { expect })
  await found('the same a day later', unsealed, at('not_sealed', 13), {
    now: new Date(now.getTime() + 86_400_000),
  })
  await found(
    'the log as a whole, where the head was noted',
    'delete from events; delete from event_seals; update log_state set placed = 0',
    {
      what: 'missing',
      position: 1,
    },
    { expect },
  )

  // Who owns the database can seal all anew; only a head that was noted elsewhere shows it.
  const anew = `update events set reason = 'x' where position = 9; delete from event_seals where position >= 9;
    insert into event_seals select position, decode(hash, 'hex') from (${IN_SQL}) as made where position >= 9`
  await found('all sealed anew', anew, null)
  await found('the same where the head was noted', anew, at('sealed_anew', 16), { expect })
  t.match(await verifyChain(whole, { now, expect }), { problem: null, checked: 16 }, 'all of it was undone')
})

async function open(t: Test): Promise<Db> {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 8, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  return db
}

async function sealedLog(t: Test): Promise<Db> {
  const db = await open(t)
  await write(db, 16)
  await placeEvents(db)
  await sealEvents(db)
  return db
}

// One event in two is plain, the other has everything, and that odd.
async function write(db: Db, count: number): Promise<void> {
  const has = await row<{ id: number }>(db.pool, 'select id from organisations limit 1')
  if (has === undefined)
    await db.prisma.organisation.create({
      data: { code: 'T01', name: 'Example Trust', kind: 'trust' } as never,
    })
  await rows(
    db.pool,
    `insert into events (type, case_id, case_reference, organisation_id, acting_user, reason, fields, case_version, about_client_id, tells)
     select case n % 2 when 0 then 'policy.changed' else 'case.changed' end, case n % 2 when 1 then n end,
       case n % 2 when 1 then $2 end, case n % 2 when 1 then (select id from organisations limit 1) end,
       case n % 2 when 1 then $2 end, case n % 3 when 0 then '' when 1 then $2 end,
       case n % 4 when 0 then '{}'::text[] else array[$2, 'text', ''] end, case n % 2 when 1 then n end,
       case n % 5 when 0 then n end, case n % 3 when 1 then jsonb_build_array(jsonb_build_object('once', n, 'kind', $2)) end
     from generate_series(1, $1::int) n`,
    [count, ODD],
  )
}

async function sealsOf(db: Db): Promise<string[]> {
  const found = await rows<{ hash: string }>(
    db.pool,
    `select encode(hash, 'hex') as hash from event_seals order by position`,
  )
  return found.map(({ hash }) => hash)
}

// The same format by other means: whoever checks need not take our word.
const net = (value: string): string => `coalesce(octet_length(${value}) || ':' || ${value} || ',', '-,')`
const IN_SQL = `
  with recursive texts as materialized (
    select position, ${net(`'v1'::text`)} || ${[
      ...[
        'position::text',
        'id::text',
        'type',
        'utc(at)',
        'case_id::text',
        'case_reference',
        'organisation_id::text',
      ],
      ...['source_id::text', 'client_id::text', 'acting_user', 'reason'],
      `(select coalesce(string_agg(${net('f')}, '' order by n), '') from unnest(fields) with ordinality as u(f, n))`,
      ...['case_version::text', 'about_client_id::text', 'tells::text'],
    ]
      .map(net)
      .join(' || ')} as text
    from events),
  chain as (
    select 0::bigint as position, decode(repeat('00', 32), 'hex') as hash
    union all
    select t.position, sha256(c.hash || convert_to(t.text, 'UTF8')) from chain c join texts t on t.position = c.position + 1)
  select position, encode(hash, 'hex') as hash from chain where position > 0 order by position`
