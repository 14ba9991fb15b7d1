import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { references, refused } from './answers.ts'
import { createCase, publishedCase, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

t.test('search', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const named = await makeCases(db, [
    made({ title: 'Parking', text: 'We waited for a space near the café. (Invented.)' }),
    made({
      text: 'The nurses were kind. (Invented.)',
      response: 'Thank you for your words about our parking. (Invented.)',
    }),
    made({ text: 'Roedd y nyrsys yn garedig iawn. (Dyfeisiwyd.)', language: 'cy' }),
    made({ text: 'Kept private parking. (Invented.)', publication: 'kept_private', privacy: 'private' }),
    made({ text: 'Removed parking. (Invented.)', publication: 'removed' }),
    made({
      text: 'Four years ago the parking was bad. (Invented.)',
      reportedAt: new Date('2022-03-01T08:00:00Z'),
    }),
    made({
      text: 'Two years ago the parking was free. (Invented.)',
      reportedAt: new Date('2024-09-01T08:00:00Z'),
    }),
  ])
  await indexCases(db)
  const [inTitle, inResponse, welsh, , , oldest, older] = named
  const search = async (q: string, more = '', key?: string) =>
    call({ url: `/v1/cases?q=${encodeURIComponent(q)}${more}`, ...(key !== undefined && { key }) })
  const found = async (q: string, more = ''): Promise<string[]> => references(await search(q, more))

  await t.test('words of title, text and public answers are found in any form, newest first', async (t) => {
    t.same(await found('parking'), [inResponse, inTitle, older, oldest])
    t.same(await found('parked'), [inResponse, inTitle, older, oldest])
    t.same(await found('Nurse'), [inResponse])
    t.same(await found('waiting cafe'), [inTitle])
    t.same(await found('parking', '&order=oldest'), [oldest, older, inTitle, inResponse])
    t.same(await found('submarine'), [])
  })

  await t.test('quotes, or, and minus', async (t) => {
    t.same(await found('"years ago"'), [older, oldest])
    t.same(await found('"ago years"'), [])
    t.same(await found('"kind thank"'), [], 'a phrase does not go from the text into an answer')
    t.same(await found('kind or bad'), [inResponse, oldest])
    t.same(await found('parking -ago'), [inResponse, inTitle])
    t.same(await found('nyrsys'), [welsh])
    t.same(await found(`it's " 'quoted & | ! ( ~ \\`), [])
  })

  await t.test('a page of any depth goes on where the one before ended', async (t) => {
    for (const order of ['newest', 'oldest']) {
      const all: string[] = []
      let after = ''
      for (;;) {
        const { body } = await search('parking', `&limit=1&order=${order}${after}`)
        all.push(...body.items.map(({ reference }: { reference: string }) => reference))
        if (body.next === null) break
        after = `&after=${body.next}`
      }
      t.same(
        all,
        order === 'newest' ? [inResponse, inTitle, older, oldest] : [oldest, older, inTitle, inResponse],
      )
    }
  })

  await t.test('it goes with every other filter', async (t) => {
    t.same(await found('parking', '&reportedTo=2023-01-01T00:00:00Z'), [oldest])
    t.same(await found('parking', '&organisation=T02'), [])
    t.same(await found('parking', '&bbox=-1,51,1,52&category=other'), [inResponse, inTitle, older, oldest])
    t.same(await found('parking', '&kind=question'), [])
    t.same(await found('-submarine', '&language=cy'), [welsh])
    t.same(references(await call({ url: '/v1/cases?language=cy' })), [welsh])
    t.same(references(await call({ url: '/v1/cases?language=de' })), [])
  })

  await t.test('what a case must not have is enough to look for', async (t) => {
    t.same(await found('-parking'), [welsh])
    t.same(await found('-nyrsys'), [inResponse, inTitle, older, oldest])
    t.same(await found('-nyrsys -kind', '&order=oldest'), [oldest, older, inTitle])
    t.same(await found('-parking or bad'), [welsh, oldest])
    t.same(await found('-nyrsys', '&reportedTo=2023-01-01T00:00:00Z'), [oldest])
    t.same(await found('-nyrsys', '&bbox=-1,51,1,52&category=other'), [inResponse, inTitle, older, oldest])
    t.same(await found('-nyrsys', '&organisation=T01&kind=question'), [])
    t.equal((await call({ url: '/v1/case-counts?q=-nyrsys' })).body.total, 4)
    t.equal((await call({ url: '/v1/geo-feed?q=-kind' })).body.features.length, 4)
  })

  await t.test('a snippet shows where the words stand, and the language', async (t) => {
    const { body } = await search('parking')
    t.match(body.items[0].snippet, /our ⟦parking⟧/)
    t.match(body.items[1].snippet, /⟦Parking⟧/)
    t.equal((await search('nyrsys')).body.items[0].language, 'cy')
    t.notOk('snippet' in (await call({ url: '/v1/cases' })).body.items[0])
    t.ok((await call({ url: '/v1/geo-feed?q=parking' })).body.features.length > 0)
  })

  await t.test('the original text, contact details and what is not public are never found', async (t) => {
    const { reference } = await createCase(harness, {
      text: 'The xylophone was broken. (Invented.)',
      contact: { name: 'Zebedee Invented', email: 'zebedee@example.org' },
    })
    await publishedCase(harness, { text: 'Original zeppelin. (Invented.)' })
    await indexCases(db)
    for (const q of ['xylophone', 'zeppelin', 'zebedee', 'zebedee@example.org', reference])
      t.same(await found(q), [])
    const { rows } = await db.pool.query(
      `select count(*)::int as n from case_index where words::text ~ 'xyloph|zeppelin|zebede'`,
    )
    t.same(rows, [{ n: 0 }])
    t.same(await found('private'), [])
    await db.pool.query('delete from cases where original_sealed = $1', ['made'])
    const own = await search('waited hours', '&view=mine', keys.case_handler)
    t.equal(references(own).length, 1, 'whoever works on it finds the moderated text')
    t.same(references(await search('xylophone', '&view=mine', keys.case_handler)), [])
  })

  await t.test('behind many cases without it, a word and a phrase are found as anywhere', async (t) => {
    const day = (text: string) => new Date(`${text}T08:00:00Z`)
    await makeCases(
      db,
      Array.from({ length: 320 }, (_, n) =>
        made({ text: `Number ${n}. (Invented.)`, reportedAt: day('2026-11-10') }),
      ),
    )
    const days = [
      '2026-11-05',
      '2026-08-01',
      '2026-03-01',
      '2025-01-01',
      '2024-02-01',
      '2022-05-01',
      '2021-09-01',
    ]
    const rare = await makeCases(
      db,
      days.flatMap((one) =>
        Array.from({ length: 4 }, () =>
          made({ text: 'A purple heliotrope. (Invented.)', reportedAt: day(one) }),
        ),
      ),
    )
    await indexCases(db)
    const keyOf = await db.pool.query<{ reference: string }>(
      'select reference from cases where reference = any($1::text[]) order by id desc',
      [rare],
    )
    const newest = keyOf.rows.map(({ reference }) => reference)
    for (const q of ['heliotrope', '"purple heliotrope"', 'heliotrope purple', 'heliotrope -orchid']) {
      for (const [order, all] of [
        ['newest', newest],
        ['oldest', newest.toReversed()],
      ] as const) {
        const { body } = await search(q, `&order=${order}`)
        const second = await search(q, `&order=${order}&after=${body.next}`)
        t.same([...references({ body } as never), ...references(second)], all, `${q}, ${order}`)
        t.same(await found(q, `&order=${order}&limit=3`), all.slice(0, 3))
      }
    }
  })

  await t.test('what has no word is refused', async (t) => {
    for (const q of ['the', '!!!', '"', 'of and'])
      refused(t, await search(q), 400, 'validation_failed', ['query /q no_words'])
    refused(t, await call({ url: '/v1/cases?q=' }), 400, 'validation_failed')
    refused(t, await search('x'.repeat(201)), 400, 'validation_failed')
    t.equal((await search("'; drop table cases; --")).status, 200)
  })
})

function made(changes: Partial<MadeCase>): MadeCase {
  return {
    organisation: 'T01',
    kind: 'feedback',
    category: 'other',
    status: 'no_action_needed',
    publication: 'published',
    privacy: 'anonymous',
    language: null,
    title: null,
    text: 'Invented.',
    response: null,
    reportedAt: new Date('2026-11-01T08:00:00Z'),
    ...changes,
  }
}
