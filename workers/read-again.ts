import { connectorFor } from '../connectors/connector.ts'
import { pushedEntry } from '../connectors/pushed-item.ts'
import type { Entry } from '../domain/items.ts'
import type { Context } from './context.ts'

/**
 * What raw texts are now, in their order, read by what read them first: a connector, or the door for what is pushed. One
 * that cannot be read is a problem of its own, and none of the others.
 */
export async function readAgain(
  context: Pick<Context, 'reader' | 'signal'>,
  readBy: string,
  raws: readonly string[],
  settings: object,
): Promise<Entry[]> {
  if (readBy === 'pushed') return raws.map(pushedAgain)
  if (connectorFor(readBy) === null)
    return raws.map((raw) => unreadable(raw, `there is no connector "${readBy}"`))
  try {
    return await context.reader.readAgain(readBy, raws, settings)
  } catch (error) {
    if (context.signal.aborted) throw error
    if (raws.length === 1) return raws.map((raw) => unreadable(raw, 'its connector could not read it again'))
    const middle = Math.ceil(raws.length / 2)
    const before = await readAgain(context, readBy, raws.slice(0, middle), settings)
    return [...before, ...(await readAgain(context, readBy, raws.slice(middle), settings))]
  }
}

function pushedAgain(raw: string): Entry {
  try {
    return pushedEntry(JSON.parse(raw), 0, [])
  } catch {
    return unreadable(raw, 'what is kept of it is no JSON')
  }
}

function unreadable(raw: string, problem: string): Entry {
  return { raw, problem, place: 'entry', externalId: null }
}
