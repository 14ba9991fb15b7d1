import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { csvLine } from '../../api/csv.ts'
import { newReference } from '../../domain/references.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, type Harness, publishedCase, staff, startHarness } from './harness.ts'
import { asks } from './permission-asks.ts'
import { build } from './permission-fixtures.ts'
import { callers, rows as permissions, wanted } from './permission-table.ts'
import { placesIn, rowOf, tableIn, tableOf } from './tables.ts'

const lists = readContract().operations.filter(({ parameters }) =>
  parameters.some(({ name }) => name === 'format'),
)

const ownLists = ['listDigests', 'listQueries', 'listSubscriptions']

t.test('a record of CSV', async (t) => {
  const cells: Record<string, [unknown, string]> = {
    'a text': ['plain', 'plain'],
    'nothing and an empty text differ': [null, ''],
    'an empty text': ['', '""'],
    'a comma': ['a,b', '"a,b"'],
    quotes: ['say "no"', '"say ""no"""'],
    lines: ['a\r\nb\nc', '"a\r\nb\nc"'],
    'blanks at the edge': [' a ', '" a "'],
    emoji: ['🦄 é', '🦄 é'],
    'a number is one': [-1.5, '-1.5'],
    'true is true': [true, 'true'],
    '=': ['=1+1', "'=1+1"],
    '+': ['+44 20', "'+44 20"],
    '-': ['-1', "'-1"],
    '@': ['@SUM(A1)', "'@SUM(A1)"],
    'a tab': ['\tx', "'\tx"],
    'a carriage return': ['\rx', `"'\rx"`],
    'blanks before': ['  =1', "'  =1"],
    'odd blanks before': ['\u00a0\u200b\ufeff=1', "'\u00a0\u200b\ufeff=1"],
    'a line before': ['\n=1', `"'\n=1"`],
    'wide signs': ['＝1', "'＝1"],
    'a formula with quotes': ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
    'a sign further on': ['1-1', '1-1'],
  }
  for (const [name, [cell, written]] of Object.entries(cells))
    t.equal(csvLine([cell as string]), `${written}\r\n`, name)
  t.equal(csvLine([1, null, 'x']), '1,,x\r\n')
})

t.test('lists as tables', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  await hostileCases(harness)
  const published = await build(harness, 'published')
  const { url, version } = published
  await call({
    method: 'POST',
    url: `${url}/notes`,
    key: keys.case_handler,
    headers: staff(version),
    body: { text: '=1, "noted". (Invented.)' },
  })
  const report = { reason: 'vexatious' }
  await call({ method: 'POST', url: `${url}/reports`, headers: { origin: 'x' }, body: report })
  await build(harness, 'requested')
  const pushed = { ...(await build(harness, 'quarantined')) }
  const { source } = await build(harness, 'signer')
  const { subscription } = await build(harness, 'subscribed')
  const { key: imported } = await build(harness, 'imported')
  for (const fixture of ['queried', 'ordered', 'failed', 'retained'] as const) await build(harness, fixture)
  const place = {
    ...published,
    run: pushed.run as string,
    source: source as string,
    subscription,
    key: imported as string,
  }

  await t.test('every list is a table with its items, each with all that it holds', async (t) => {
    t.equal(lists.length, 49)
    for (const { id } of lists) {
      const key = keyFor(id, harness)
      const address = asks[id]?.(place, 0).url ?? ''
      const items = await pagesOf(harness, address, key)
      const { headings, rows } = tableIn(t, await call({ url: withQuery(address, 'format=csv'), ...key }))
      t.equal(new Set(headings).size, headings.length, `${id} names each column once`)
      t.same(
        rows,
        items.map((item) => rowOf(item, headings)),
        id,
      )
      for (const item of items)
        t.same(
          placesIn(item).filter((name) => !headings.includes(name)),
          [],
          `${id} leaves nothing out`,
        )
    }
  })

  await t.test('whoever asks gets the cases as their own list shows them', async (t) => {
    for (const role of ['provider', 'commissioner', 'integrator', 'case_handler', 'second_tier'] as const)
      for (const query of ['view=mine', 'view=mine&status=open&order=oldest', 'view=public&kind=concern']) {
        const key = { key: keys[role] }
        const items = await pagesOf(harness, `/v1/cases?${query}`, key)
        const table = tableIn(t, await call({ url: `/v1/cases?format=csv&${query}`, ...key }))
        t.same(
          table.rows,
          items.map((item) => rowOf(item, table.headings)),
          `${role} ${query}`,
        )
        t.same(
          items.flatMap((item) => placesIn(item)).filter((name) => !table.headings.includes(name)),
          [],
        )
      }
  })

  await t.test('fields chooses the columns and their order', async (t) => {
    const of = async (query: string, key = {}) =>
      tableIn(t, await call({ url: `/v1/cases?format=csv&${query}`, ...key })).headings
    t.same(await of('fields=status,organisation,reference'), [
      'status',
      'organisation.code',
      'organisation.name',
      'reference',
    ])
    t.same(await of('view=mine&fields=version,contact', { key: keys.provider }), [
      'version',
      'contact.name',
      'contact.email',
      'contact.phone',
      'contact.preferred',
    ])
    refused(t, await call({ url: '/v1/cases?format=csv&fields=colour' }), 400, 'validation_failed', [
      'query /fields unknown_field',
    ])
    const whole = await pagesOf(harness, '/v1/cases', {})
    const picked = tableIn(t, await call({ url: '/v1/cases?format=csv&fields=title,tags' }))
    t.same(
      picked.rows,
      whole.map((item) => rowOf(item, ['title', 'tags'])),
    )
  })

  await t.test('a table goes on from a cursor to the end, whatever the limit', async (t) => {
    const whole = await pagesOf(harness, '/v1/cases', {})
    const { body } = await call({ url: '/v1/cases?limit=3' })
    const { rows, headings } = tableIn(
      t,
      await call({ url: `/v1/cases?format=csv&limit=1&after=${body.next}` }),
    )
    t.same(
      rows,
      whole.slice(3).map((item) => rowOf(item, headings)),
    )
  })

  await t.test('nothing found is the headings alone', async (t) => {
    const answer = await call({ url: '/v1/cases?format=csv&category=parking' })
    t.same(tableIn(t, answer).rows, [])
    t.equal(answer.text.split('\r\n').length, 2)
  })

  await t.test('what cannot be is a problem document, as for JSON', async (t) => {
    refused(t, await call({ url: '/v1/cases?format=xml' }), 400, 'validation_failed', [
      'query /format unknown_value',
    ])
    refused(t, await call({ url: '/v1/cases?format=csv&organisation=ZZ999' }), 400, 'validation_failed')
    refused(t, await call({ url: '/v1/cases?format=csv&after=abc' }), 400, 'validation_failed')
    refused(t, await call({ url: '/v1/cases?format=csv&include=sources' }), 400, 'validation_failed', [
      'query /include not_in_csv',
    ])
    refused(t, await call({ url: '/v1/accesses?format=csv' }), 401, 'key_missing')
    refused(
      t,
      await call({ url: '/v1/sources/none/runs?format=csv', key: keys.administrator }),
      404,
      'not_found',
    )
  })

  await t.test(
    'its head is sent without it; no ETag, no Link, and its name says what and when',
    async (t) => {
      const head = await harness.app.inject({
        method: 'HEAD',
        url: '/v1/removal-requests?format=csv',
        headers: { authorization: `Bearer ${keys.case_handler}` },
      })
      t.equal(head.statusCode, 200)
      t.equal(head.payload, '')
      const whole = await call({ url: '/v1/removal-requests?format=csv', key: keys.case_handler })
      for (const { headers } of [head, whole]) {
        t.equal(headers.etag, undefined)
        t.equal(headers.link, undefined)
        t.equal(headers['cache-control'], 'private, no-cache')
        t.equal(headers['content-type'], 'text/csv; charset=utf-8; header=present')
        t.equal(
          headers['content-disposition'],
          `attachment; filename="removal-requests-${new Date().toISOString().slice(0, 10)}.csv"`,
        )
      }
      t.equal((await call({ url: '/v1/cases?format=csv' })).headers['cache-control'], 'public, no-cache')
    },
  )

  await t.test('a case whose words are formulas is text for every spreadsheet', async (t) => {
    const { text } = await call({ url: '/v1/cases?format=csv&fields=title,text,tags,authorName,visitMonth' })
    t.match(text, `"'=HYPERLINK(""http://x.example"",""y"")"`)
    for (const { title, text: words } of tableOf(Buffer.from(text)).rows)
      for (const cell of [title, words]) t.notMatch(cell, /^\s*[=+\-@]/)
  })
})

t.test('long tables', async (t) => {
  const harness = await startHarness(t)
  const { app, db, keys, call } = harness
  const { reference } = await publishedCase(harness)
  await copies(harness, reference, 450)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const mine = `http://127.0.0.1:${port}/v1/cases?format=csv&view=mine`
  const authorization = `Bearer ${keys.provider}`
  const fetchMine = (signal?: AbortSignal) =>
    fetch(mine, { headers: { authorization }, ...(signal && { signal }) })

  await t.test('all pages come, each once, and each is noted as read', async (t) => {
    const { rows } = tableOf(Buffer.from(await (await fetchMine()).arrayBuffer()))
    t.equal(rows.length, 451)
    t.equal(new Set(rows.map((row) => row.reference)).size, 451)
    const { rows: noted } = await db.pool.query(
      `select operation, array_length(cases, 1) as n from accesses where client_id = (select id from api_clients where name = 'provider') order by id`,
    )
    t.same(
      noted,
      [100, 100, 100, 100, 51].map((n) => ({ operation: 'listCases', n })),
    )
    const open = tableIn(t, await call({ url: '/v1/cases?format=csv' }))
    t.equal(open.rows.length, 451)
  })

  const gate = await gateBehind(harness, reference)

  await t.test('who goes away ends it', async (t) => {
    await gate.close()
    const [before, leaving] = [await gate.passed(), new AbortController()]
    const closed = socketClosed(harness)
    const response = await fetchMine(leaving.signal)
    await response.body?.getReader().read()
    leaving.abort()
    await closed
    await gate.open()
    for (let n = 0; n < 5; n++) await call({ url: '/v1/cases?limit=100' })
    t.equal(await gate.passed(), before + 2, 'the page that it was at was the last')
  })

  await t.test('a caller reads some tables at once, and is told when it is too many', async (t) => {
    await gate.close()
    const four = await Promise.all([1, 2, 3, 4].map(() => fetchMine()))
    const fifth = await call({ url: '/v1/cases?format=csv&view=mine', key: keys.provider })
    refused(t, fifth, 429, 'too_many_requests')
    t.ok(Number(fifth.headers['retry-after']) > 0)
    t.equal((await call({ url: '/v1/cases?format=csv' })).status, 200, 'others read on')
    await gate.open()
    for (const response of four) t.equal(tableOf(Buffer.from(await response.arrayBuffer())).rows.length, 451)
    t.equal((await fetchMine().then((response) => response.arrayBuffer())).byteLength > 0, true)
  })

  await t.test('what goes wrong on the way breaks the connection off', async (t) => {
    await gate.setBroken(true)
    const response = await fetchMine()
    t.equal(response.status, 200)
    await t.rejects(response.arrayBuffer())
    t.match(harness.logged(), /a request failed/)
    await gate.setBroken(false)
  })

  await t.test('the end of the service does not wait for it', async (t) => {
    await gate.close()
    const response = await fetchMine()
    const ended = app.close()
    await gate.open()
    gate.end()
    await t.rejects(response.arrayBuffer())
    await ended
  })
})

type Key = { key?: string }

function keyFor(operation: string, { keys }: Harness): Key {
  const row = permissions.find((one) => one.operation === operation)
  const usual = ['case_handler', 'administrator', 'provider', 'integrator', 'supplier', 'public'] as const
  // What everybody has of their own, the supplier has here.
  const order = ownLists.includes(operation) ? (['supplier'] as const) : usual
  const caller =
    row && order.find((one) => callers.includes(one as never) && wanted(row, one as never) === 'yes')
  if (caller === undefined) throw new Error(`nobody reads ${operation}`)
  return caller === 'public' ? {} : { key: keys[caller] }
}

function withQuery(address: string, query: string): string {
  return `${address}${address.includes('?') ? '&' : '?'}${query}`
}

/** All items of a list as JSON, page by page. */
async function pagesOf({ call }: Harness, address: string, key: Key): Promise<unknown[]> {
  const items: unknown[] = []
  let next: string | null = null
  do {
    const url: string = next === null ? address : withQuery(address, `after=${next}`)
    const { status, body, text }: Answer = await call({ url, ...key })
    if (status !== 200) throw new Error(`${url}: ${status} ${text}`)
    items.push(...body.items)
    next = body.next
  } while (next !== null)
  return items
}

/** Cases whose words a spreadsheet or a bad reader would stumble over. (Invented.) */
async function hostileCases(harness: Harness): Promise<void> {
  const words: [string | null, string, string[]][] = [
    ['=HYPERLINK("http://x.example","y")', '+1, "quoted"\r\nsecond line\nthird', ['a, b', '-c']],
    ['@SUM(A1:A9)', '  -2+3|cmd', ['=x']],
    [null, '\tbehind a tab 🦄 é', []],
    ['', '\r\n=behind a line', ['plain', 'quiet']],
  ]
  for (const [title, text, tags] of words) {
    const { reference } = await publishedCase(harness)
    await harness.db.pool.query(
      `update cases set moderated_title = $2, moderated_text = $3, tags = $4 where reference = $1`,
      [reference, title, text, tags],
    )
  }
  await createCase(harness)
}

async function copies({ db }: Harness, reference: string, count: number): Promise<void> {
  const references = Array.from({ length: count }, () => newReference())
  const { rows } = await db.pool.query(
    `select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns
     where table_name = 'cases' and column_name not in ('id', 'reference', 'original_sealed') and is_generated = 'NEVER'`,
  )
  const names = rows[0].names
  const sealed = references.map((one) =>
    db.vault.seal(`cases.original:${one}`, JSON.stringify({ title: null, text: 'Slow. (Invented.)' })),
  )
  await db.pool.query(
    `insert into cases (id, reference, original_sealed, ${names})
     select c.id - n.n, n.reference, n.sealed, ${names} from cases c,
       unnest($2::text[], $3::text[]) with ordinality as n(reference, sealed, n) where c.reference = $1`,
    [reference, references, sealed],
  )
  await db.pool.query(`update cases set contact_sealed = null where reference = any($1)`, [references])
}

/** Holds up, or breaks, the noting of every page but the first, which has the case `newest`. */
async function gateBehind({ db }: Harness, newest: string) {
  await db.pool.query(`
    create table gate (broken boolean not null);
    insert into gate values (false);
    create function pass() returns trigger language plpgsql as $$
    begin
      if not new.cases @> array['${newest}'] then
        if (select broken from gate) then raise exception 'invented failure'; end if;
        perform pg_advisory_xact_lock_shared(42);
      end if;
      return new;
    end $$;
    create trigger gate before insert on accesses for each row execute function pass()`)
  const holder = await db.pool.connect()
  const doing = async (sql: string): Promise<void> => void (await holder.query(sql))
  return {
    close: () => doing('select pg_advisory_lock(42)'),
    open: () => doing('select pg_advisory_unlock(42)'),
    setBroken: (broken: boolean) => doing(`update gate set broken = ${broken}`),
    passed: async (): Promise<number> =>
      Number((await holder.query('select count(*) as n from accesses')).rows[0].n),
    end: () => holder.release(),
  }
}

async function socketClosed({ app }: Harness): Promise<void> {
  const [request] = (await once(app.server, 'request')) as [IncomingMessage]
  // Who goes away with much unread resets the connection: that is an error before it is the end.
  await new Promise((resolve) => request.socket.once('close', resolve))
}
