import t, { type Test } from 'tap'
import { pollSource } from '../../workers/poll-source.ts'
import { storedCases } from '../domain/ingest-store.ts'
import { atom, caseCount, polledSource, pollSetting, runsOf, send, sourceRow } from './poll-setting.ts'

const MINUTE = 60_000

t.test(
  'a first import reads the pages and then all archives, a later poll only what is new of them',
  async (t) => {
    const { provider, asked, poll, db } = await archived(t)
    provider['/feed'] = page(['new'], { next: '/feed?page=2', before: '/archive/2' })
    provider['/feed?page=2'] = page(['newer'], { before: '/archive/2' })
    provider['/archive/2'] = page(['old'], { before: '/archive/1' })
    provider['/archive/1'] = page(['oldest'], {})
    await poll()
    t.same(asked.splice(0), ['/feed', '/feed?page=2', '/archive/2', '/archive/1'])
    t.match((await runsOf(db))[0], { outcome: 'changed', pages: 4, created: 4, total: null })

    provider['/feed'] = page(['newest'], { before: '/archive/2' })
    await poll()
    t.same(asked.splice(0), ['/feed'])
    provider['/feed'] = page(['newest'], { before: '/archive/4' })
    provider['/archive/4'] = page(['new'], { before: '/archive/3' })
    provider['/archive/3'] = page(['missed'], { before: '/archive/2' })
    await poll()
    t.same(asked.splice(0), ['/feed', '/archive/4', '/archive/3'])
    await poll()
    t.same(asked.splice(0), ['/feed'])
    t.equal(await caseCount(db), 6)
  },
)

t.test('what an archive says of an item that is known is older', async (t) => {
  const { provider, poll, db } = await archived(t)
  provider['/feed'] = page(['a'], { before: '/archive/1', words: 'Put right' })
  provider['/archive/1'] = page(['a', 'b'], {})
  await poll()
  t.match(await storedCases(db), { a: { moderatedText: /Put right/ }, b: { moderatedText: /Words/ } })
})

t.test('archives that lead in a circle end, and the next poll does not walk it again', async (t) => {
  const { provider, asked, poll, db } = await archived(t)
  provider['/feed'] = page(['a'], { before: '/archive/2' })
  provider['/archive/2'] = page(['b'], { before: '/archive/1' })
  provider['/archive/1'] = page(['c'], { before: '/archive/2' })
  await poll()
  t.match((await runsOf(db))[0], { state: 'succeeded', created: 3, detail: /read before/ })
  await poll()
  t.same(asked, ['/feed', '/archive/2', '/archive/1', '/feed'])
})

t.test(
  'an archive of many documents is read over several polls, each from where the last stopped',
  async (t) => {
    const { provider, asked, poll, db } = await archived(t, { pages: 2 })
    provider['/feed'] = page(['p5'], { before: '/archive/4' })
    for (let n = 4; n >= 1; n--)
      provider[`/archive/${n}`] = page([`p${n}`], n > 1 ? { before: `/archive/${n - 1}` } : {})
    for (const outcome of ['incomplete', 'incomplete', 'changed']) {
      await poll()
      t.equal((await runsOf(db))[0]?.outcome, outcome)
    }
    t.same(asked, ['/feed', '/archive/4', '/archive/3', '/archive/2', '/archive/1'])
    t.equal(await caseCount(db), 5)
    t.notMatch(JSON.stringify(await sourceRow(db)), /archive\//, 'addresses are sealed')
  },
)

t.test('an archive document that is gone ends the archives, and the poll is well', async (t) => {
  const { provider, asked, poll, db } = await archived(t)
  provider['/feed'] = page(['a'], { before: '/archive/1' })
  await poll()
  t.match((await runsOf(db))[0], { state: 'succeeded', created: 1, detail: /archive document answered 404/ })
  await poll()
  t.same(asked, ['/feed', '/archive/1', '/feed'])
})

t.test('an archive document that stays broken is left in the end, and what is new comes again', async (t) => {
  const { provider, poll, db } = await archived(t)
  provider['/feed'] = page(['a'], { before: '/archive/1' })
  provider['/archive/1'] = 'no feed at all'
  for (let time = 0; time < 3; time++) await poll()
  t.match((await runsOf(db))[0], { state: 'failed' })
  t.match(await sourceRow(db), { failures: 3 })
  provider['/feed'] = page(['a', 'b'], { before: '/archive/1' })
  await poll()
  t.match((await runsOf(db))[0], { state: 'succeeded', created: 1, detail: /archive.*were left/ })
  t.match(await sourceRow(db), { failures: 0 })
})

function page(
  ids: readonly string[],
  { next, before, words }: { next?: string; before?: string; words?: string },
): string {
  const archive = before === undefined ? '' : `<link rel="prev-archive" href="${before}"/>`
  const text = atom(ids, next ?? null, archive)
  return (words === undefined ? text : text.replaceAll('Words', words)).replaceAll(
    'tag:stories.example,2026:',
    '',
  )
}

/** A provider with the documents that the test gives it, and a source that polls it. */
async function archived(t: Test, settings: { pages?: number } = {}) {
  const provider: Record<string, string> = {}
  const asked: string[] = []
  const { db, server, context, clock } = await pollSetting(
    t,
    (request, response) => {
      const url = request.url ?? ''
      asked.push(url)
      const document = provider[url]
      if (document === undefined) return response.writeHead(404).end()
      return send(response, document)
    },
    settings,
  )
  const source = await polledSource(db, `${server.url}/feed`)
  return {
    db,
    provider,
    asked,
    async poll() {
      await pollSource(context, source)
      clock.pass(15 * MINUTE)
    },
  }
}
