import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { type Harness, PUBLIC_URL, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

/*
 * Readers go through everything while cases are written, published and removed: they miss none that was there all the
 * time, and see none twice. Whoever follows the map's changes ends with what is there.
 */

const START = Date.UTC(2026, 0, 1)
const HOUR = 3_600_000
const KEPT = 240

t.test('paging while things change', async (t) => {
  const harness = await startHarness(t)
  const { db } = harness
  const before = await makeCases(
    db,
    Array.from({ length: 2 * KEPT }, (_, n) => made(n)),
  )
  // Every second one goes while others read; the rest is there all the time.
  const stay = before.filter((_, n) => n % 2 === 0)
  const goes = before.filter((_, n) => n % 2 === 1)
  await indexCases(db)
  const start = (await harness.call({ url: '/v1/geo-feed/changes' })).body.next as string
  const map = new Set(await pagesOf(harness, '/v1/geo-feed?limit=1000', 'features'))

  let reading = true
  const readers = Promise.all([
    pagesOf(harness, '/v1/cases?limit=11', 'items'),
    pagesOf(harness, '/v1/cases?limit=13&order=oldest', 'items'),
    pagesOf(harness, '/v1/geo-feed?limit=19&bbox=-10,49,2,61', 'features'),
    pagesOf(harness, '/v1/cases?limit=9&q=soup', 'items'),
    pagesOf(harness, '/v1/cases?limit=10&organisation=T01&organisation=T02', 'items'),
    pagesOf(harness, '/ogc/collections/cases/items?limit=23', 'features'),
  ]).finally(() => {
    reading = false
  })
  let changing = true
  const followed = follow(harness, start, map, () => changing)
  const appeared = await change(harness, goes, () => reading)
  changing = false
  const seen = await readers

  for (const [n, references] of seen.entries()) {
    t.equal(new Set(references).size, references.length, `reader ${n} saw none twice`)
    const missed = stay.filter((one) => !references.includes(one))
    t.same(missed, [], `reader ${n} missed none`)
  }
  t.ok(appeared > 0, 'something was written meanwhile')
  await followed
  const now = await pagesOf(harness, '/v1/geo-feed?limit=1000', 'features')
  t.same([...map].sort(), now.sort(), 'whoever follows the changes has what is there')
})

async function pagesOf({ call }: Harness, url: string, name: 'items' | 'features'): Promise<string[]> {
  const found: string[] = []
  let at: string | undefined = url
  while (at !== undefined) {
    const { body, headers, status, text } = await call({ url: at })
    if (status !== 200) throw new Error(`${at}: ${text}`)
    found.push(...body[name].map((one: { reference?: string; id?: string }) => one.reference ?? one.id))
    const links = body.links as { rel: string; href: string }[] | undefined
    const next =
      links?.find(({ rel }) => rel === 'next')?.href ??
      /^<(.+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1]
    at = next?.slice(PUBLIC_URL.length)
  }
  return found
}

// Removes one after the other, hides and shows again, and makes new ones between all the others.
async function change({ db }: Harness, goes: string[], reading: () => boolean): Promise<number> {
  let appeared = 0
  const set = (reference: string, publication: string) =>
    db.pool.query(
      `with one as (update cases set publication = $2::publication where reference = $1 returning id)
       insert into events (type, case_id, fields) select 'case.changed', id, '{publication}' from one`,
      [reference, publication],
    )
  for (let n = 0; reading() || n < 30; n++) {
    const one = goes[n % goes.length] as string
    await set(one, n % 5 === 0 ? 'awaiting_moderation' : 'removed')
    if (n % 5 === 0) await set(one, 'published')
    appeared += (await makeCases(db, [made((n * 7) % (2 * KEPT))])).length
    await indexCases(db)
  }
  return appeared
}

async function follow(
  { call, db }: Harness,
  start: string,
  map: Set<string>,
  going: () => boolean,
): Promise<void> {
  let after = start
  for (let last = false; !last; ) {
    last = !going()
    if (last) await indexCases(db)
    for (let more = true; more; ) {
      const { body } = await call({ url: `/v1/geo-feed/changes?after=${after}&limit=5` })
      for (const { id } of body.changed) map.add(id)
      for (const reference of body.removed) map.delete(reference)
      after = body.next
      more = body.more
    }
  }
}

function made(n: number): MadeCase {
  return {
    organisation: n % 3 === 0 ? 'T02' : 'T01',
    kind: 'feedback',
    category: 'food',
    status: n % 4 === 0 ? 'open' : 'no_action_needed',
    publication: 'published',
    privacy: 'anonymous',
    language: null,
    title: null,
    text: 'The soup was cold. (Invented.)',
    response: null,
    reportedAt: new Date(START + n * HOUR),
  }
}
