import t from 'tap'
import { casesShown } from '../../api/accesses.ts'
import { readContract, type Schema } from '../../api/contract/contract.ts'
import { createCase, type Harness, publishedCase, staff, startHarness } from './harness.ts'

type Line = { at: string; client: string; actingUser: string | null; operation: string; cases: string[] }

t.test('the access log', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const log = (query = '?limit=100') => linesOf(harness, query)

  t.test('O05 whoever of the staff reads five cases is in the log five times, with the person', async (t) => {
    const references: string[] = []
    for (let n = 0; n < 5; n++) references.push((await createCase(harness)).reference)
    for (const reference of references)
      await call({
        url: `/v1/cases/${reference.toLowerCase()}`,
        key: keys.case_handler,
        headers: { 'acting-user': 'person-5' },
      })
    const lines = await log()
    t.same(
      lines
        .slice(0, 5)
        .map(({ client, actingUser, operation, cases }) => [client, actingUser, operation, cases]),
      references.reverse().map((reference) => ['case handler', 'person-5', 'getCase', [reference]]),
      'newest first',
    )
    for (const reference of references)
      t.equal((await log(`?case=${reference.toLowerCase()}`)).length, 1, 'by case, written in any way')
  })

  t.test('O05 nobody but an administrator reads the log', async (t) => {
    t.equal((await call({ url: '/v1/accesses' })).status, 401)
    for (const [role, key] of Object.entries(keys)) {
      const { status } = await call({ url: '/v1/accesses', key })
      t.equal(status, role === 'administrator' ? 200 : 403, role)
    }
  })

  t.test('every answer with a staff view is one line with all its cases', async (t) => {
    const one = await createCase(harness)
    const two = await createCase(harness)
    const { body } = await call({ url: '/v1/cases?view=mine&limit=2', key: keys.provider })
    t.same(
      body.items.map(({ reference }: { reference: string }) => reference).sort(),
      [one, two].map(({ reference }) => reference).sort(),
    )
    const [line] = await log()
    t.equal(line?.operation, 'listCases')
    t.equal(line?.client, 'provider')
    t.equal(line?.actingUser, null)
    t.same([...(line?.cases ?? [])].sort(), [one.reference, two.reference].sort())
  })

  t.test(
    'a write that answers with the case counts, and a commissioner who reads it without contact',
    async (t) => {
      const { reference } = await publishedCase(harness)
      await call({ url: `/v1/cases/${reference}`, key: keys.commissioner })
      t.same(
        (await log(`?case=${reference}`)).map(({ client, operation }) => `${client} ${operation}`),
        ['commissioner getCase', 'case handler createDecision'],
      )
    },
  )

  t.test('what everybody may read, and what its reporter reads, is not noted', async (t) => {
    const { reference, receipt } = await publishedCase(harness)
    const before = (await log()).length
    await call({ url: `/v1/cases/${reference}` })
    await call({ url: `/v1/cases/${reference}`, key: keys.other_provider })
    await call({ url: `/v1/cases/${reference}`, key: keys.integrator })
    await call({ url: `/v1/cases/${reference}`, headers: { 'case-receipt': receipt } })
    await call({ url: '/v1/cases', key: keys.case_handler })
    await call({ url: `/v1/cases/${reference}/responses`, key: keys.provider })
    t.equal((await log()).length, before)
  })

  t.test('what is refused shows nothing and is not noted', async (t) => {
    const { reference, version } = await createCase(harness)
    const before = (await log()).length
    const url = `/v1/cases/${reference}/decisions`
    const body = { action: 'keep_private', reason: 'not_for_publication', commissioned: 'locally' }
    await call({ url: `/v1/cases/${reference}`, key: keys.second_tier })
    await call({ method: 'POST', url, key: keys.case_handler, headers: staff(version + 5), body })
    t.equal((await log()).length, before)
  })

  t.test('what cannot be noted is not shown', async (t) => {
    const { reference } = await createCase(harness)
    await db.pool.query('alter table accesses rename to accesses_away')
    t.teardown(() => db.pool.query('alter table accesses_away rename to accesses'))
    const { status, text } = await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })
    t.equal(status, 500)
    t.notMatch(text, /Invented/)
    t.equal((await call({ url: `/v1/cases/${reference}` })).status, 200, 'the public reads on')
  })

  t.test('pages newest first, and by client', async (t) => {
    const { rows } = await db.pool.query(`select id from api_clients where name = 'provider'`)
    const mine = await log(`?client=${rows[0].id}&limit=100`)
    t.ok(mine.length > 0)
    t.ok(mine.every(({ client }) => client === 'provider'))
    const all: Line[] = []
    let after: string | null = null
    do {
      const { body, headers } = await call({
        url: `/v1/accesses?limit=3${after === null ? '' : `&after=${after}`}`,
        key: keys.administrator,
      })
      all.push(...body.items)
      after = body.next
      t.equal(headers.link !== undefined, after !== null)
    } while (after !== null)
    t.same(all, await log('?limit=100'))
    t.same(
      [...all].sort((a, b) => (a.at < b.at ? 1 : -1)).map(({ at }) => at),
      all.map(({ at }) => at),
    )
  })

  t.test('filters that no case and no client meets find nothing, and broken ones are refused', async (t) => {
    t.same(await log('?client=2147483647'), [])
    t.same(await log('?case=P123'), [])
    for (const query of ['client=0', 'client=x', 'case=%00', 'after=rubbish', 'who=me'])
      t.equal((await call({ url: `/v1/accesses?${query}`, key: keys.administrator })).status, 400, query)
  })

  t.test('a line holds nothing of what was read', async (t) => {
    await createCase(harness, { contact: { name: 'Canary Person', email: 'canary@example.org' } })
    await call({ url: '/v1/cases?view=mine', key: keys.case_handler })
    const { text } = await call({ url: '/v1/accesses?limit=100', key: keys.administrator })
    t.notMatch(text, /canary|Invented/i)
  })
})

t.test('every operation that can show more than the public reads is looked into', async (t) => {
  const { document, operations } = readContract()
  const { schemas } = document.components
  // By hand: what shows a remark or a picture of a case without the case.
  const remarks: Record<string, unknown> = {
    listNotes: { items: [{}] },
    listDecisions: { items: [{ note: null, edits: [], actingUser: 'x' }] },
    listReports: { items: [{ case: REFERENCE }] },
    listRemovalRequests: { items: [{ case: REFERENCE }] },
    listEscalations: { items: [{ case: REFERENCE }] },
    decideRemoval: { case: REFERENCE },
    getImage: Buffer.from('picture'),
  }
  for (const [operation, body] of Object.entries(remarks))
    t.same(casesShown({ operation, path: { reference: REFERENCE } }, body), [REFERENCE], operation)

  // What whoever writes it has just said themselves is no reading.
  const own = ['createNote', 'createRemovalRequest']
  for (const { id, responses } of operations) {
    const shown = Object.entries(responses)
      .filter(([status]) => status.startsWith('2'))
      .flatMap(([, { content = {} }]) => Object.values(content).map(({ schema }) => schema))
    const reaches = (names: string[]) => shown.some((schema) => reachesOne(schema, names, schemas, new Set()))
    if (reaches(['StaffCase'])) {
      t.notOk(id in remarks, `${id}: a case is found by itself`)
      continue
    }
    if (reaches(['Note', 'Objection', 'Decision'])) t.ok(id in remarks || own.includes(id), `${id} is noted`)
    if (reaches(['ItemVersion', 'QuarantinedEntryWithRaw']))
      t.ok(['getQuarantined', 'listItemVersions'].includes(id), `${id}: noted as a text that its source sent`)
  }
})

const REFERENCE = 'K7QD-M2XW-9TRB-H'

function reachesOne(
  schema: unknown,
  names: string[],
  schemas: Record<string, Schema>,
  seen: Set<string>,
): boolean {
  if (typeof schema !== 'object' || schema === null) return false
  if ('$ref' in schema) {
    const name = String(schema.$ref).split('/').at(-1) as string
    if (names.includes(name)) return true
    if (seen.has(name)) return false
    seen.add(name)
    return reachesOne(schemas[name], names, schemas, seen)
  }
  return Object.values(schema).some((value) => reachesOne(value, names, schemas, seen))
}

async function linesOf({ call, keys }: Harness, query: string): Promise<Line[]> {
  return (await call({ url: `/v1/accesses${query}`, key: keys.administrator })).body.items
}
