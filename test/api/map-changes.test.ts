import t from 'tap'
import { indexCases, rebuildCaseIndex } from '../../domain/case-index.ts'
import { refused } from './answers.ts'
import { type Answer, publishedCase, staff, startHarness } from './harness.ts'

t.test('what has changed on the map', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const changes = (query = ''): Promise<Answer> => call({ url: `/v1/geo-feed/changes${query}` })
  const here = async (): Promise<string> => (await changes()).body.next
  const since = async (
    after: string,
    more = '',
  ): Promise<{ changed: string[]; removed: string[]; body: Answer['body'] }> => {
    await indexCases(db)
    const { body } = await changes(`?after=${after}${more}`)
    return { changed: body.changed.map(({ id }: { id: string }) => id), removed: body.removed, body }
  }
  const change = async ({ reference, version }: { reference: string; version: number }, body: object) => {
    const answer = await call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body,
    })
    if (answer.status !== 200) throw new Error(answer.text)
    return { reference, version: answer.body.version as number }
  }

  await t.test('each case once, as it is now', async (t) => {
    await publishedCase(harness)
    await indexCases(db)
    const start = await here()
    t.match((await since(start)).body, { changed: [], removed: [], more: false, next: start })
    const first = await publishedCase(harness, { organisation: 'T0101' })
    const second = await publishedCase(harness, { organisation: 'T02' })
    await change(first, { status: 'in_progress' })
    const { changed, removed, body } = await since(start)
    t.same(changed, [second.reference, first.reference])
    t.same(removed, [])
    t.equal(body.changed[1].properties.status, 'in_progress')
    t.same((await since(body.next)).changed, [])
  })

  await t.test('only of the box, unless it has left it', async (t) => {
    const start = await here()
    const london = '&bbox=-1,51,1,52'
    const one = await publishedCase(harness, { organisation: 'T01' })
    const north = await publishedCase(harness, { organisation: 'T02' })
    const seen = await since(start, london)
    t.same(seen.changed, [one.reference])
    t.same(seen.removed, [])
    await change(one, { organisation: 'T02' })
    await change(north, { status: 'resolved' })
    const left = await since(seen.body.next, london)
    t.same(left.changed, [])
    t.same(left.removed, [one.reference])
  })

  await t.test('what leaves the public, or the filter, is told; what never was public is not', async (t) => {
    const start = await here()
    const one = await publishedCase(harness)
    const two = await publishedCase(harness)
    const read = await since(start, '&status=open')
    t.same(read.changed.sort(), [one.reference, two.reference].sort())
    await change(one, { status: 'resolved' })
    await call({
      method: 'POST',
      url: `/v1/cases/${two.reference}/decisions`,
      key: keys.case_handler,
      headers: staff(two.version),
      body: { action: 'remove', reason: 'vexatious' },
    })
    await call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.integrator,
      body: { kind: 'feedback', organisation: 'T01', text: 'Fine. (Invented.)', acceptsTerms: true },
    })
    const after = await since(read.body.next, '&status=open')
    t.same(after.changed, [])
    t.same(after.removed.sort(), [one.reference, two.reference].sort())
    t.notMatch(JSON.stringify(after.body), /Fine|slow|vexatious/)
  })

  await t.test('in pages, with more to come said', async (t) => {
    const start = await here()
    const made: string[] = []
    for (let n = 0; n < 5; n++) made.push((await publishedCase(harness)).reference)
    await indexCases(db)
    const found: string[] = []
    let after = start
    let pages = 0
    for (;;) {
      const { body, headers } = await changes(`?after=${after}&limit=2`)
      found.push(...body.changed.map(({ id }: { id: string }) => id))
      after = body.next
      pages += 1
      t.equal(headers.link === undefined, body.more === false)
      if (!body.more) break
    }
    t.same(found, made)
    t.equal(pages, 3)
  })

  await t.test('over the antimeridian; and a cursor that is none, or has ended', async (t) => {
    const start = await here()
    await db.prisma.organisation.create({
      data: { code: 'FIJI', name: 'Fiji', kind: 'trust', latitude: -17, longitude: 179.5 },
    })
    const { reference } = await publishedCase(harness, { organisation: 'FIJI' })
    t.same((await since(start, '&bbox=179,-20,-179,-10')).changed, [reference])
    t.same((await since(start, '&bbox=-179,-20,179,-10')).changed, [])
    for (const after of ['abc', 'W10', 'WyJhIiwiYiJd'])
      refused(t, await changes(`?after=${after}`), 400, 'validation_failed', ['query /after unknown_cursor'])
    await rebuildCaseIndex(db)
    refused(t, await changes(`?after=${start}`), 400, 'validation_failed', ['query /after cursor_ended'])
  })
})
