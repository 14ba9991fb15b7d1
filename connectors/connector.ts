import type { DocumentFailure, DocumentReading, Entry } from '../domain/items.ts'
import { careOpinion } from './care-opinion.ts'
import { feed } from './feed.ts'
import { nhsChoices } from './nhs-choices.ts'
import { nhsComments } from './nhs-comments.ts'
import type { XmlLimits } from './xml-reader.ts'

/** One format: how to ask for what changed, and how to turn one document into items. */
export type Connector = {
  name: string
  /** The age rule that this provider itself keeps; a source of it has it unless it says otherwise. */
  maxAgeDays: number | null
  /** The address that answers with what changed since then; null asks for everything there is. */
  firstRequest: (address: string, settings: unknown, since: Date | null) => string
  read: (document: FetchedDocument, settings: unknown, options?: ReadOptions) => Reading | DocumentFailure
  /** Reads one entry's raw text as it was read in its document. */
  readAgain: (raw: string, settings: unknown) => Entry
  /** What is wrong with a source's settings, in words. */
  settingsProblems: (settings: unknown) => string[]
}

export type FetchedDocument = {
  /** Decompressed. */
  bytes: Uint8Array
  contentType: string | null
  status: number
  /** Where it came from in the end, after redirects. */
  url: string
}

export type ReadOptions = { limits?: Partial<XmlLimits> }

/** A reading with what the document says of other documents. */
export type Reading = DocumentReading & {
  /** The document, with its next pages, says that it lists everything there is (RFC 5005, section 2). */
  listsAll: boolean
  /** The archive document before this one (RFC 5005, section 4), or null. */
  previousArchive: string | null
}

/** The connector of that name, or null when there is none. */
export function connectorFor(name: string): Connector | null {
  return connectors.get(name) ?? null
}

/** The names of all connectors. */
export function connectorNames(): string[] {
  return [...connectors.keys()]
}

const connectors = new Map<string, Connector>(
  [feed, nhsChoices, nhsComments, careOpinion].map((connector) => [connector.name, connector]),
)
