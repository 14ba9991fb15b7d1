import { type Db, rows } from '../../prisma/client.ts'
import type { ProviderList, Telling } from './world.ts'

type Stored = {
  source: string
  externalId: string
  type: 'story' | 'reply' | 'deletion'
  state: 'live' | 'parked' | 'deleted'
  publication: string | null
  text: string | null
}

/** Where the store does not say what the providers say, in words; empty when it does. */
export async function differences(db: Db, world: readonly ProviderList[]): Promise<string[]> {
  const stored = await rows<Stored>(
    db.pool,
    `select s.name as source, i.external_id as "externalId", i.type, i.state,
       coalesce(r.publication, c.publication) as publication, coalesce(r.text, c.moderated_text) as text
     from items i join sources s on s.id = i.source_id left join cases c on c.id = i.case_id left join responses r on r.id = i.response_id`,
  )
  const items = new Map(stored.map((item) => [`${item.source} ${item.externalId}`, item]))
  return [
    ...world.flatMap((list) => listDifferences(list, items)),
    ...(await duplicates(db)),
    ...(await orphans(db)),
    ...(await untoldStories(db)),
  ]
}

function listDifferences(list: ProviderList, items: ReadonlyMap<string, Stored>): string[] {
  return list.stories.flatMap((story) => [
    ...tellingDifferences(list, story, items.get(`${list.name} ${storyKey(list, story)}`)),
    ...(story.reply === null
      ? []
      : tellingDifferences(list, story.reply, items.get(`${list.name} ${replyKey(list, story.reply)}`))),
  ])
}

function tellingDifferences(
  { name, format }: ProviderList,
  telling: Telling,
  item: Stored | undefined,
): string[] {
  const where = `${name} (${format}) ${telling.id}`
  if (telling.gone) {
    // What came and went between two polls was never seen.
    if (item === undefined || (item.state === 'deleted' && (item.publication ?? 'removed') === 'removed'))
      return []
    return [`${where}: taken back, but it is ${item.state} and ${item.publication}`]
  }
  if (item === undefined) return [`${where}: missing`]
  if (item.state !== 'live' || item.publication !== 'published') {
    return [`${where}: ${item.state} and ${item.publication}`]
  }
  return item.text === telling.text ? [] : [`${where}: says something else`]
}

function storyKey({ format }: ProviderList, { id }: Telling): string {
  return format === 'comments' ? `0:${id}` : id
}

function replyKey({ format }: ProviderList, { id }: Telling): string {
  if (format === 'comments') return `0:${id}`
  return format === 'opinions' ? `response:${id}` : id
}

async function duplicates(db: Db): Promise<string[]> {
  const found = await rows<{ name: string; cases: number; stories: number }>(
    db.pool,
    `select s.name, count(*)::int as cases,
       (select count(distinct i.case_id)::int from items i where i.source_id = s.id and i.type = 'story') as stories
     from cases c join sources s on s.id = c.source_id group by s.id`,
  )
  return found
    .filter(({ cases, stories }) => cases !== stories)
    .map(({ name, cases, stories }) => `${name}: ${cases} cases of ${stories} stories`)
}

async function orphans(db: Db): Promise<string[]> {
  const found = await rows<{ name: string; id: string }>(
    db.pool,
    `select s.name, i.external_id as id from items i join sources s on s.id = i.source_id
     where i.state = 'parked' and exists (
       select from items p where p.source_id = i.source_id and p.external_id = i.parent_external_id and p.state = 'live')`,
  )
  return found.map(({ name, id }) => `${name} ${id}: parked, though what it answers is there`)
}

/** Cases whose events, folded, do not give what their rows say. */
async function untoldStories(db: Db): Promise<string[]> {
  const found = await rows<{ reference: string; told: string; is: string }>(
    db.pool,
    `with told as (
       select case_id,
         count(*) filter (where type = 'case.created') as created,
         count(*) filter (where type = 'response.created') - count(*) filter (where type = 'response.removed_by_source') as responses,
         bool_or(type = 'case.removed_by_source') as removed,
         max(case_version) as version
       from events where case_id is not null group by case_id)
     select c.reference,
       concat_ws(' ', t.created, t.responses, t.removed, t.version) as told,
       concat_ws(' ', 1, (select count(*) from responses r where r.case_id = c.id and r.publication <> 'removed'),
         c.publication = 'removed', c.version) as is
     from cases c left join told t on t.case_id = c.id`,
  )
  return found
    .filter(({ told, is }) => told !== is)
    .map(({ reference, told, is }) => `${reference}: its events tell "${told}", it is "${is}"`)
}
