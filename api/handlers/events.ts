import type { OwnCaseFilter } from '../../domain/case-filter.ts'
import { logEnd, type PlacedNews, PUBLIC_TYPES } from '../../domain/change-log.ts'
import { unknownCursor } from '../../domain/cursors.ts'
import { invalid } from '../../domain/errors.ts'
import { type LogLine, type LogPage, type LogReader, readLog } from '../../domain/log-lines.ts'
import type { EventsRead, Schemas } from '../contract/handler.ts'
import { logEventView } from '../views/log-event.ts'
import { caseFilterOf } from './case-filter.ts'
import type { Context, Handle } from './context.ts'

export const listEvents: Handle<'listEvents'> = async (request) => {
  const { db, query, publicUrl, now } = request
  const { after = '0', limit = 100 } = query
  const selected = await selectedBy(request)
  const from = after === 'end' ? await logEnd(db.pool) : Number(after)
  const page = await readLog(db, selected.reader, { ...selected, after: from, limit, now })
  refuseBeyond(page, from)
  if (after === 'end')
    return { status: 200, body: { items: [], next: String(from), more: false }, next: null }
  const { next, more } = page
  const items = page.lines.map((line) => logEventView(line, publicUrl))
  return { status: 200, body: { items, next: String(next), more }, next: more ? String(next) : null }
}

export const streamEvents: Handle<'streamEvents'> = async (request) => {
  const { db, query, header, publicUrl } = request
  // A browser that comes back sends where it was, beside the address that it had from the beginning.
  const resumed = header['Last-Event-ID']
  const after = resumed ?? query.after ?? 'end'
  const selected = await selectedBy(request)
  return {
    status: 200,
    body: {
      of: JSON.stringify(selected),
      after: after === 'end' ? undefined : Number(after),
      end: () => logEnd(db.pool),
      read: async (from, now) => {
        const page = await readLog(db, selected.reader, { ...selected, after: from, limit: STREAMED, now })
        refuseBeyond(page, from, resumed === undefined ? 'query' : 'header')
        const events = eventsOf(page.lines, publicUrl)
        return { events, next: page.next, more: page.more, end: page.end }
      },
      hear: (news, after) => heardOf(selected, news as PlacedNews, after, publicUrl),
    },
  }
}

// What was told is what the public hears without a filter; of nothing, any filter selects nothing.
function heardOf(
  { reader, filter, types }: Selected,
  { from, to, lines }: PlacedNews,
  after: number,
  publicUrl: string,
): EventsRead | undefined {
  if (reader.view !== 'public' || lines === undefined || from > after || filter.q !== undefined)
    return undefined
  const everything = types === undefined && Object.values(filter).every((value) => value === undefined)
  if (!everything && lines.length > 0) return undefined
  const events = eventsOf(
    lines.filter(({ position }) => position > after),
    publicUrl,
  )
  const next = Math.max(after, to)
  return { events, next, more: false, end: next }
}

function eventsOf(lines: readonly LogLine[], publicUrl: string): EventsRead['events'] {
  return lines.map((line) => ({ id: line.position, data: JSON.stringify(logEventView(line, publicUrl)) }))
}

/** So many lines are read at a time. */
const STREAMED = 500

type Query = Parameters<typeof listEvents>[0]['query']
type Selected = { reader: LogReader; filter: OwnCaseFilter; types: readonly string[] | undefined }

async function selectedBy(request: Context & { query: Omit<Query, 'after' | 'limit'> }): Promise<Selected> {
  const { query } = request
  const reader = readerOf(request, query)
  if (reader.view === 'public') refuseUnheard(query.type ?? [])
  const filter = await caseFilterOf(request, query, reader.view === 'mine' ? ['q', 'overdue'] : ['q'])
  return { reader, filter, types: query.type }
}

function readerOf({ caller }: Context, { view = 'public' }: Pick<Query, 'view'>): LogReader {
  if (view === 'public') return { view }
  if (caller.kind === 'client') {
    // Whoever acts behind the tool reads no other log.
    return { view, client: { ...caller, actingUser: null } }
  }
  throw invalid({ in: 'query', pointer: '/view', code: 'needs_key', detail: 'view=mine needs a key.' })
}

function refuseUnheard(types: readonly Schemas['EventTypeName'][]): void {
  const unheard = types.filter((type) => !(PUBLIC_TYPES as readonly string[]).includes(type))
  if (unheard.length === 0) return
  throw invalid({
    in: 'query',
    pointer: '/type',
    code: 'needs_own_view',
    detail: `The public hears ${PUBLIC_TYPES.join(', ')}; for ${unheard.join(', ')} ask with view=mine.`,
  })
}

// The store was put back to an earlier time: what comes is not what follows on what the reader has.
function refuseBeyond({ end }: LogPage, after: number, part: 'query' | 'header' = 'query'): void {
  if (after <= end) return
  if (part === 'query') throw unknownCursor()
  const detail = 'The log has not come so far: leave it out to begin again, and read everything once more.'
  throw invalid({ in: part, pointer: '/Last-Event-ID', code: 'unknown_cursor', detail })
}
