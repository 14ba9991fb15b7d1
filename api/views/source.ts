import type { ItemResult } from '../../domain/ingest.ts'
import type { Pushed } from '../../domain/push-items.ts'
import type { TakenText } from '../../domain/receive-text.ts'
import type { RunResultRow } from '../../domain/run-results.ts'
import type { RunRow } from '../../domain/runs.ts'
import type { SourceDetail } from '../../domain/sources.ts'
import type { Schemas } from '../contract/handler.ts'

/** A source on the wire; its address without the query, which may hold a key. */
export function sourceView(source: SourceDetail, publicUrl: string): Schemas['Source'] {
  return {
    name: source.name,
    url: `${publicUrl}/v1/sources/${source.name}`,
    title: source.title,
    connector: source.connector as Schemas['ConnectorName'] | null,
    address: source.address,
    settings: source.settings,
    organisationScheme: source.organisationScheme,
    siteUrl: source.siteUrl,
    attribution: source.attribution,
    licence: source.licence,
    intervalMinutes: source.intervalMinutes,
    maxAgeDays: source.maxAgeDays,
    trusted: source.trusted,
    state: source.state,
    flagged: source.flagged,
    secondOpinion: source.secondOpinion,
    freshMinutes: source.freshMinutes,
    freshness: source.freshness,
    fullListing: source.fullListing,
    goneLimitPercent: source.goneLimitPercent,
    maxDocumentBytes: source.maxDocumentBytes,
    mappingVersion: source.mappingVersion,
    normalisedVersion: source.normalisedVersion,
    bookmark: source.bookmark,
    nextCheckAt: source.nextCheckAt,
    lastSuccessAt: source.lastSuccessAt,
    lastChangedAt: source.lastChangedAt,
    failures: source.failures,
    failingSince: source.failingSince,
    lastFailure: source.lastFailure,
    circuit: source.circuit,
    version: source.version,
    createdAt: source.createdAt,
  }
}

/** A run on the wire. */
export function runView(run: RunRow, publicUrl: string): Schemas['Run'] {
  return {
    reference: run.reference,
    url: `${publicUrl}/v1/sources/${run.source}/runs/${run.reference}`,
    source: run.source,
    kind: run.kind,
    state: run.state,
    dryRun: run.dryRun,
    outcome: run.outcome,
    detail: run.detail,
    total: run.total,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    pages: run.pages,
    seen: run.seen,
    created: run.created,
    changed: run.changed,
    unchanged: run.unchanged,
    deleted: run.deleted,
    expired: run.expired,
    quarantined: run.quarantined,
    parked: run.parked,
    nextCheckAt: run.nextCheckAt,
  }
}

/** What became of what was pushed, on the wire. */
export function pushResultView({ run, items }: Pushed, publicUrl: string): Schemas['PushResult'] {
  return {
    dryRun: run === null,
    run: run === null ? null : runView(run, publicUrl),
    items: items.map(itemResultView),
  }
}

/** What became of a text message, on the wire. */
export function receivedTextView({ result, kind, advice }: TakenText): Schemas['ReceivedText'] {
  return {
    outcome: result.outcome as Schemas['ReceivedText']['outcome'],
    kind,
    reference: result.caseReference,
    advice,
  }
}

/** What a run has made of one entry, on the wire. */
export function runResultView(result: RunResultRow): Schemas['RunResult'] {
  return { number: result.number, ...itemResultView(result) }
}

/** What became of a pushed item, on the wire. */
export function itemResultView(result: ItemResult): Schemas['ItemResult'] {
  return {
    externalId: result.externalId,
    outcome: result.outcome,
    reference: result.caseReference,
    fields: [...result.fields],
    reason: result.reason,
    detail: result.detail,
  }
}
