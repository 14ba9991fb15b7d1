import t from 'tap'
import { openRemark } from '../../domain/case-rows.ts'
import { rows } from '../../prisma/client.ts'
import { ingestStore, pushSource, reply, storedResponses, story, take } from './ingest-store.ts'

t.test(
  'an upstream edit of an answer that a person has decided on waits for a person, with both texts',
  async (t) => {
    const db = await ingestStore(t)
    const source = await pushSource(db)
    await take(db, source, [story('a'), reply('a-1', 'a'), reply('a-2', 'a')])
    await rows(
      db.pool,
      `with edited as (
       update responses r set text = 'By hand. (Invented.)' from items i
       where i.response_id = r.id and i.external_id = 'a-1' returning r.id, r.case_id)
     insert into decisions (case_id, response_id, action, reason) select case_id, id, 'publish', 'edited_staff_name' from edited`,
    )
    const words = { text: 'New words. (Invented.)' }
    await take(db, source, [reply('a-1', 'a', words), reply('a-2', 'a', words)])
    t.match(await storedResponses(db), [
      { key: 'a-1', publication: 'awaiting_moderation', ...words },
      { key: 'a-2', publication: 'published', ...words },
    ])
    const kept = await rows<{ reference: string; sealed: string }>(
      db.pool,
      'select r.reference, e.text_sealed as sealed from response_edits e join responses r on r.id = e.response_id',
    )
    t.same(
      kept.map(({ reference, sealed }) => openRemark(db.vault, reference, sealed)),
      ['By hand. (Invented.)'],
    )
  },
)
