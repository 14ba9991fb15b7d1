import t from 'tap'
import { originalOf } from '../../domain/case-rows.ts'
import { publicationAfterEdit } from '../../domain/ingest-edits.ts'
import { nameOf } from '../../domain/ingest-stories.ts'
import { reportCase } from '../../domain/reports.ts'
import { rows } from '../../prisma/client.ts'
import {
  decideByHand,
  deletion,
  eventTypes,
  ingestStore,
  NOW,
  pushSource,
  storedCases,
  story,
  take,
} from './ingest-store.ts'

t.test('a trusted source is published as it is, an untrusted one awaits moderation', async (t) => {
  const db = await ingestStore(t)
  const trusted = await pushSource(db)
  const other = await pushSource(db, { name: 'other', trusted: false })
  await take(db, trusted, [story('a')])
  await take(db, other, [story('b')])
  t.match(await storedCases(db), {
    a: {
      publication: 'published',
      moderatedTitle: 'Kind staff',
      publicName: 'Invented Name',
      privacy: 'named',
    },
    b: { publication: 'awaiting_moderation', moderatedTitle: null, moderatedText: null, publicName: null },
  })
  t.same(await eventTypes(db), ['case.created', 'case.published', 'case.created'])
})

t.test('what waits for moderation is replaced by an edit and goes on waiting', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db, { trusted: false })
  await take(db, source, [story('a')])
  t.same(await take(db, source, [story('a', { text: 'New words.' })]), ['a changed'])
  const theCase = (await storedCases(db)).a
  t.match(theCase, { publication: 'awaiting_moderation', moderatedText: null })
  t.equal(theCase && originalOf(db.vault, theCase)?.text, 'New words.')
})

t.test('an edit of what may be urgent waits for a person, in time, also from a trusted source', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a')])
  await rows(db.pool, 'update cases set urgent = true')
  await take(db, source, [story('a', { text: 'New words.' })])
  const [due] = await rows(
    db.pool,
    'select publication, moderate_due_at as "moderateDueAt", due_at as "dueAt" from cases',
  )
  const inFourHours = new Date(NOW.getTime() + 4 * 3_600_000).toISOString()
  t.same(due, { publication: 'awaiting_moderation', moderateDueAt: inFourHours, dueAt: inFourHours })
})

t.test('what its source takes back is due for nothing, and nothing stays open against it', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a')])
  const { reference } = (await storedCases(db)).a as { reference: string }
  await reportCase(db, reference, { reason: 'personal_data' }, NOW)
  await take(db, source, [deletion('a')])
  t.same(await rows(db.pool, 'select publication, due_at as "dueAt" from cases'), [
    { publication: 'removed', dueAt: null },
  ])
  t.same(await rows(db.pool, 'select state, decision_reason as reason from objections'), [
    { state: 'upheld', reason: 'removed_by_source' },
  ])
  t.same((await eventTypes(db)).slice(-2), ['case.removed_by_source', 'report.decided'])
})

t.test('an edit of what a person has moderated waits with both versions', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a')])
  await decideByHand(db, 'a', { publication: 'published', text: 'By hand.' })
  t.same(await take(db, source, [story('a', { text: 'New words.' })]), ['a changed'])
  const theCase = (await storedCases(db)).a
  t.match(theCase, { publication: 'awaiting_moderation', moderatedText: 'By hand.' })
  t.equal(theCase && originalOf(db.vault, theCase)?.text, 'New words.')
  const [event] = await rows(db.pool, `select fields from events where type = 'case.changed'`)
  t.same(event, { fields: ['text', 'publication'] })
})

t.test('what was rejected or removed stays so after an edit', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a'), story('b')])
  await decideByHand(db, 'a', { publication: 'rejected' })
  await decideByHand(db, 'b', { publication: 'removed' })
  await take(db, source, [story('a', { text: 'New' }), story('b', { text: 'New' })])
  t.match(await storedCases(db), { a: { publication: 'rejected' }, b: { publication: 'removed' } })
  await take(db, source, [deletion('a')])
  t.match(await storedCases(db), { a: { publication: 'rejected' } })
})

t.test('a fact beside the words follows without a new decision', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a')])
  await decideByHand(db, 'a', { publication: 'published', text: 'By hand.' })
  t.same(await take(db, source, [story('a', { visitMonth: '2026-10' })]), ['a changed'])
  t.match(await storedCases(db), { a: { publication: 'published', moderatedText: 'By hand.' } })
})

t.test('an edit that says nothing new is no change', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a')])
  t.same(await take(db, source, [story('a', { updatedAt: '2026-11-21T00:00:00.000Z' })]), ['a unchanged'])
  t.match(await storedCases(db), { a: { version: 1 } })
  t.same(await eventTypes(db), ['case.created', 'case.published'])
})

t.test('an author who becomes anonymous is so at once, and none becomes named', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a'), story('b', { authorName: 'Anonymous' })])
  await take(db, source, [
    story('a', { authorName: 'anonymous' }),
    story('b', { authorName: 'Invented Name' }),
  ])
  t.match(await storedCases(db), {
    a: { privacy: 'anonymous', publicName: null },
    b: { privacy: 'anonymous', publicName: null },
  })
  const [row] = await rows(
    db.pool,
    `select contact_sealed as contact from cases where id = (select case_id from items where external_id = 'a')`,
  )
  t.same(row, { contact: null })
})

t.test('a source that is no longer trusted publishes no edit', async (t) => {
  const db = await ingestStore(t)
  const source = await pushSource(db)
  await take(db, source, [story('a')])
  await rows(db.pool, 'update sources set trusted = false')
  await take(db, source, [story('a', { text: 'New words.' })])
  t.match(await storedCases(db), {
    a: {
      publication: 'awaiting_moderation',
      moderatedText: 'They explained everything. (Invented example.)',
    },
  })
})

t.test('no publication becomes more public by an edit', async (t) => {
  const all = ['awaiting_moderation', 'awaiting_second_tier', 'kept_private', 'rejected', 'removed'] as const
  for (const publication of all) {
    for (const trusted of [true, false]) {
      for (const byHand of [true, false])
        t.not(publicationAfterEdit(publication, { trusted, byHand }), 'published')
    }
  }
})

t.test('names that are none', async (t) => {
  for (const authorName of [
    null,
    '',
    ' ',
    'Anonymous',
    'ANONYMOUS user',
    'anon',
    'Anon.',
    'Name withheld',
    'unknown',
  ]) {
    t.equal(nameOf({ authorName }), null, String(authorName))
  }
  t.equal(nameOf({ authorName: ' Anona Invented ' }), 'Anona Invented')
})
