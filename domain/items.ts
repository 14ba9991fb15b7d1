/**
 * One thing from a source, in the words of this service: what a connector makes of an entry,
 * what an integrator pushes, and what ingest takes. Plain JSON, so that it crosses a thread or a wire.
 */
export type Item = Story | Reply | Deletion

/** A patient's words: becomes a case. */
export type Story = ItemCore & {
  type: 'story'
  title: string | null
  /** Plain text; paragraphs are separated by an empty line. May be empty ("Rating without comment"). */
  text: string
  /** First one that resolves wins; a source's own id before a name never: names are not keys. */
  organisations: OrganisationKey[]
  service: { code: string | null; name: string } | null
  /** `YYYY-MM` */
  visitMonth: string | null
  tags: string[]
  ratings: ItemRating[]
  position: { latitude: number; longitude: number } | null
  /** BCP 47, as the source says it. */
  language: string | null
}

/** An answer to a story: becomes a response. */
export type Reply = ItemCore & {
  type: 'reply'
  /** `externalId` of the story it answers. */
  inReplyTo: string
  text: string
  organisations: OrganisationKey[]
}

/** The source took an item back: becomes a tombstone. */
export type Deletion = { type: 'deletion'; externalId: string; updatedAt: string | null; warnings: string[] }

export type ItemCore = {
  /** Unique within the source; includes the posting organisation where the source has several. At most 400 characters. */
  externalId: string
  authorName: string | null
  /** RFC 3339 in UTC; null when the source gives none that can be read: the first sight is used then. */
  publishedAt: string | null
  updatedAt: string | null
  /** http or https only. */
  link: string | null
  /** What was odd and was repaired or left out, in words: "published: not a date". */
  warnings: string[]
}

/** `ods`: an ODS code in any form. `source`: the source's own id of an organisation, as it writes it. */
export type OrganisationKey = { scheme: 'ods' | 'source'; code: string }

/** Question and answer verbatim; the scale says its own direction. */
export type ItemRating = {
  question: string
  answer: string | null
  value: number | null
  /** null when the source gives none: the value is then an option's number and no star score. */
  scale: { min: number; max: number; best: 'min' | 'max' } | null
}

/** One entry of a document: an item, or the reason why it is none. `raw` can be read again alone. */
export type Entry =
  | { raw: string; item: Item }
  | { raw: string; problem: string; place: string; externalId: string | null }

/** What a connector makes of one document. */
export type DocumentReading = {
  title: string | null
  entries: Entry[]
  /** Absolute address of the next page, or null. */
  next: string | null
  hub: string | null
  ttlMinutes: number | null
  /** false when the document was cut, or a limit was reached: what is missing in it was not deleted. */
  complete: boolean
  /** What was wrong with the document as a whole, in words. */
  warnings: string[]
}

/** A document that cannot be read at all: too deep, not a feed, an HTML error page, or more than a thread may take. */
export type DocumentFailure = {
  failure: 'not-a-feed' | 'too-deep' | 'too-large' | 'malformed' | 'too-slow' | 'too-much-memory'
  detail: string
}
