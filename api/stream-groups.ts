import type { ServerResponse } from 'node:http'
import type { LogGrowth } from '../domain/log-watch.ts'
import type { EventStream, EventsRead } from './contract/handler.ts'
import { atMost, keepAliveAt, textOf } from './stream-text.ts'

/** Whoever listens: what was sent is everything up to its position. */
export type Listener = {
  response: ServerResponse
  position: number
  /** Whether it may go on listening; undefined where everybody may. */
  holds: (() => Promise<boolean>) | undefined
  checkedAt: number
  group: Group | undefined
}

/** Listeners that read the same: one look at the log and one text for all of them. */
type Group = {
  of: string
  read: EventStream['read']
  hear: EventStream['hear']
  position: number
  listeners: Set<Listener>
  state: 'resting' | 'reading' | 'reading, and once more'
  /** There are events for it that are not in the index yet. */
  behind: boolean
}

const READING = 4
const AGAIN_MS = 1_000

export type Groups = ReturnType<typeof createGroups>

/** Groups of listeners; each is read on when the log has grown, and never twice at once. */
export function createGroups({ now, slowBytes }: { now: () => Date; slowBytes: number }) {
  const groups = new Map<string, Group>()
  const reading = atMost(READING)
  const late = new Set<NodeJS.Timeout>()
  let stopped = false

  const wake = (group: Group): void => {
    if (group.state !== 'resting') {
      group.state = 'reading, and once more'
      return
    }
    group.state = 'reading'
    void reading(() => readOn(group)).catch(() => {
      // Whoever is told by NOTIFY may hear nothing more for long.
      const timer = setTimeout(() => {
        late.delete(timer)
        wake(group)
      }, AGAIN_MS).unref()
      if (!stopped) late.add(timer)
      else clearTimeout(timer)
    })
  }
  const readOn = async (group: Group): Promise<void> => {
    try {
      do {
        group.state = 'reading'
        let more = true
        while (more && group.listeners.size > 0 && !stopped) {
          const page = await group.read(group.position, now())
          tellAll(group, page)
          more = page.more
        }
      } while ((group.state as Group['state']) === 'reading, and once more' && !stopped)
    } finally {
      group.state = 'resting'
    }
  }
  const tellAll = (group: Group, page: EventsRead): void => {
    const text = textOf(page.events)
    for (const listener of group.listeners) {
      // Who came by itself may be ahead of the others.
      if (listener.position !== group.position) tell(listener, page)
      else {
        listener.position = page.next
        if (text !== undefined) send(listener, text)
      }
    }
    group.position = page.next
    group.behind = page.next < page.end
  }
  const tell = (listener: Listener, { events, next }: EventsRead): void => {
    const text = textOf(events.filter(({ id }) => id > listener.position))
    listener.position = Math.max(listener.position, next)
    if (text !== undefined) send(listener, text)
  }
  const send = ({ response, group }: Listener, text: Buffer): void => {
    if (response.destroyed || response.writableEnded) return
    response.write(text)
    // Whoever catches up is waited for.
    if (group !== undefined && response.writableLength > slowBytes) response.destroy()
  }

  return {
    /** Sends the events of a page that a listener has not had. */
    tell,
    /** Where the listeners are that read the same, or undefined. */
    positionOf: ({ of }: EventStream): number | undefined => groups.get(of)?.position,
    /** Puts a listener among those that read the same; false as long as they have read on. */
    join(listener: Listener, stream: EventStream): boolean {
      const { of } = stream
      const known = groups.get(of)
      if (known !== undefined && known.position > listener.position) return false
      const group = known ?? newGroup(stream, listener.position)
      groups.set(of, group)
      group.listeners.add(listener)
      listener.group = group
      // What came since it looked was told when there was nobody to hear of it.
      if (known === undefined) wake(group)
      return true
    },
    leave(listener: Listener): void {
      const { group } = listener
      if (group === undefined) return
      group.listeners.delete(listener)
      if (group.listeners.size === 0) groups.delete(group.of)
    },
    /** The log, or its index, may have grown. What was said of it need not be looked up. */
    grown(growth: LogGrowth, news?: unknown): void {
      for (const group of groups.values()) {
        if (growth === 'index' && !group.behind) continue
        const heard = group.state === 'resting' && news ? group.hear?.(news, group.position) : undefined
        if (heard === undefined) wake(group)
        else tellAll(group, heard)
      }
    },
    keepAlive(): void {
      for (const { position, listeners } of groups.values()) {
        const text = keepAliveAt(position)
        for (const listener of listeners) if (listener.position === position) send(listener, text)
      }
    },
    /** Reads nothing more. */
    stop(): void {
      stopped = true
      for (const timer of late) clearTimeout(timer)
    },
  }
}

function newGroup({ of, read, hear }: EventStream, position: number): Group {
  return { of, read, hear, position, listeners: new Set(), state: 'resting', behind: false }
}
