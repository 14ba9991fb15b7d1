import type { AttentionItem } from '../../domain/attention.ts'
import type { ItemVersion } from '../../domain/item-versions.ts'
import type { OrganisationAlias } from '../../domain/organisation-aliases.ts'
import type { QuarantinedEntry } from '../../domain/quarantine.ts'
import type { Schemas } from '../contract/handler.ts'

/** An entry in quarantine on the wire, without what it says. */
export function quarantinedView(entry: QuarantinedEntry, publicUrl: string): Schemas['QuarantinedEntry'] {
  return {
    reference: entry.reference,
    url: `${publicUrl}/v1/sources/${entry.source}/quarantine/${entry.reference}`,
    externalId: entry.externalId,
    reason: entry.reason,
    detail: entry.detail,
    place: entry.place,
    attempts: entry.attempts,
    firstSeenAt: entry.firstSeenAt,
    lastSeenAt: entry.lastSeenAt,
    dismissedAt: entry.dismissedAt,
  }
}

/** The same with the text that the source sent. */
export function quarantinedWithRawView(
  entry: QuarantinedEntry & { raw: string },
  publicUrl: string,
): Schemas['QuarantinedEntryWithRaw'] {
  return { ...quarantinedView(entry, publicUrl), raw: entry.raw }
}

/** One state of an item on the wire. */
export function itemVersionView(version: ItemVersion): Schemas['ItemVersion'] {
  return {
    version: version.version,
    current: version.current,
    seenAt: version.seenAt,
    updatedAt: version.updatedAt,
    raw: version.raw,
  }
}

/** What a source calls an organisation, on the wire. */
export function aliasView(alias: OrganisationAlias): Schemas['OrganisationAlias'] {
  return {
    code: alias.code,
    organisation: { code: alias.organisation.code, name: alias.organisation.name },
  }
}

/** What needs a person, on the wire. */
export function attentionView(item: AttentionItem, publicUrl: string): Schemas['AttentionItem'] {
  return {
    source: item.source,
    kind: item.kind,
    since: item.since,
    count: item.count,
    detail: item.detail,
    url: `${publicUrl}/v1/sources/${item.source}${item.path}`,
  }
}
