import t, { type Test } from 'tap'
import { getSource, updateSource } from '../../domain/sources.ts'
import { rows } from '../../prisma/client.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { administrator } from '../domain/ingest-store.ts'
import { atom, polledSource, pollSetting, rss, runsOf, send } from './poll-setting.ts'
import { eventTypes } from './run-setting.ts'

t.test('of every twentieth poll that brings something a second reader reads the document too', async (t) => {
  const { db, poll, detail, body } = await setting(t)
  for (const ids of [['a'], ['a', 'b']]) {
    body.is = rss(ids)
    await poll()
    t.match(await detail(), { secondOpinion: null })
  }
  await twentieth(db)
  await poll()
  t.match(await runsOf(db), [{ outcome: 'unchanged' }, { outcome: 'changed' }, { outcome: 'changed' }])
  t.match(await detail(), { secondOpinion: null }, 'one that brings nothing is left out')
  body.is = rss(['a', 'b', 'c'])
  await twentieth(db)
  await poll()
  t.match(await detail(), { flagged: false, secondOpinion: { verdict: 'agrees' } })
  t.same(await eventTypes(db, 'source.readers%'), [])
})

t.test('a document that is read otherwise raises the flag, until both readers agree', async (t) => {
  const { db, poll, detail, body, lines } = await setting(t)
  body.is = odd('a')
  await twentieth(db)
  await poll()
  t.match(await detail(), { flagged: true, secondOpinion: { verdict: 'differs' } })
  t.match(await runsOf(db), [{ state: 'succeeded', outcome: 'changed', created: 2 }])
  t.match(lines.at(-1), { message: /reads otherwise/, differences: 2 })
  body.is = rss(['d'])
  await twentieth(db)
  await poll()
  t.match(await detail(), { flagged: false, secondOpinion: { verdict: 'agrees' } })
  t.same(await eventTypes(db, 'source.readers%'), ['source.readers_disagree', 'source.readers_agree'])
})

t.test('what a person has looked at raises the flag no second time, and what is new does', async (t) => {
  const { db, poll, detail, body, admin, clock } = await setting(t)
  body.is = odd('a')
  await twentieth(db)
  await poll()
  const { version } = await detail()
  await updateSource(db, admin, 'polled', { flagged: false }, { version, now: clock.now() })
  body.is = odd('c')
  await twentieth(db)
  await poll()
  t.match(await detail(), { flagged: false, secondOpinion: { verdict: 'differs' } })
  body.is = odd('d').replace('<pubDate>Mon, 02 Nov', '<pubDate>Fri, 02 Nov').replace('GMT', 'BST')
  await twentieth(db)
  await poll()
  t.match(await detail(), { flagged: true })
})

t.test('a document that is no RSS, or that the second reader cannot read, changes no opinion', async (t) => {
  const { db, poll, detail, body } = await setting(t)
  body.is = odd('a')
  await twentieth(db)
  await poll()
  for (const next of [atom(['z'], null), rss(['y']).replace('Words of', 'Fish & chips <b>')]) {
    body.is = next
    await twentieth(db)
    await poll()
    t.match((await runsOf(db))[0], { outcome: 'changed' })
    t.match(await detail(), { flagged: true, secondOpinion: { verdict: 'differs' } })
  }
})

/** rss-parser reads the first channel's items only. */
function odd(id: string): string {
  return rss([id], {
    end: `</channel><channel><item><guid>${id}2</guid><title>B</title></item></channel></rss>`,
  })
}

async function setting(t: Test) {
  const body = { is: rss([]) }
  const { db, context, server, clock, lines } = await pollSetting(t, (_, response) => send(response, body.is))
  const source = await polledSource(db, server.url)
  const admin = await administrator(db)
  return {
    db,
    admin,
    clock,
    lines,
    body,
    poll: () => pollSource(context, source),
    detail: () => getSource(db, admin, 'polled'),
  }
}

async function twentieth(db: Awaited<ReturnType<typeof setting>>['db']): Promise<void> {
  await rows(db.pool, 'update sources set polls = 19')
}
