import type { Connector } from '../../connectors/connector.ts'
import type { Entry } from '../../domain/items.ts'

/** A supplier's first try, with faults that the command must find. */
export const supplier: Connector = {
  name: 'supplier',
  maxAgeDays: null,
  firstRequest: (address) => address,
  read: ({ bytes, status }) => {
    const text = Buffer.from(bytes).toString()
    if (status !== 200 || !text.endsWith('}')) return { failure: 'malformed', detail: 'no JSON' }
    const { comments }: { comments: object[] } = JSON.parse(text)
    return {
      title: null,
      entries: comments.map((comment) => entryOf(JSON.stringify(comment))),
      next: null,
      listsAll: false,
      previousArchive: null,
      hub: null,
      ttlMinutes: null,
      complete: true,
      warnings: [],
    }
  },
  readAgain: (raw) => entryOf(raw),
  settingsProblems: () => [],
}

function entryOf(raw: string): Entry {
  if (!raw.startsWith('{"')) return { raw, problem: 'no comment', place: 'entry 1', externalId: null }
  const { commentId, title, commentText, dateSubmitted } = JSON.parse(raw)
  return {
    raw,
    item: {
      type: 'story',
      externalId: String(commentId),
      title: title || null,
      text: commentText,
      authorName: null,
      publishedAt: new Date(dateSubmitted).toUTCString(),
      updatedAt: null,
      link: null,
      organisations: [],
      service: null,
      visitMonth: null,
      tags: [],
      ratings: [],
      position: null,
      language: null,
      warnings: [],
    },
  }
}
