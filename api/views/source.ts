import type { ItemResult } from '../../domain/ingest.ts'
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
    nextCheckAt: source.nextCheckAt,
    lastSuccessAt: source.lastSuccessAt,
    failures: source.failures,
    version: source.version,
    createdAt: source.createdAt,
  }
}

/** A run on the wire. */
export function runView(run: RunRow): Schemas['Run'] {
  return {
    reference: run.reference,
    source: run.source,
    kind: run.kind,
    state: run.state,
    outcome: run.outcome,
    detail: run.detail,
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

/** What became of a pushed item, on the wire. */
export function itemResultView(result: ItemResult): Schemas['ItemResult'] {
  return {
    externalId: result.externalId,
    outcome: result.outcome,
    reference: result.caseReference,
    reason: result.reason,
    detail: result.detail,
  }
}
