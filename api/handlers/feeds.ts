import { readFeed } from '../../domain/feed.ts'
import { canonicalCode } from '../../domain/organisations.ts'
import { atomView } from '../views/atom.ts'
import { addressesOf, type FeedDocument, type FeedFormat } from '../views/feed.ts'
import { jsonFeedView } from '../views/json-feed.ts'
import { rssView } from '../views/rss.ts'
import { caseFilterOf, type FilterQuery } from './case-filter.ts'
import type { Context, Handle } from './context.ts'

export const getCaseAtom: Handle<'getCaseAtom'> = async (request) => {
  const document = await documentOf(request, request.query, null)
  return { status: 200, body: atomView(document), links: linksOf(document, 'atom') }
}

export const getCaseJsonFeed: Handle<'getCaseJsonFeed'> = async (request) => {
  const document = await documentOf(request, request.query, null)
  return { status: 200, body: { json: jsonFeedView(document) }, links: linksOf(document, 'json') }
}

export const getCaseRss: Handle<'getCaseRss'> = async (request) => {
  const document = await documentOf(request, request.query, null)
  return { status: 200, body: rssView(document), links: linksOf(document, 'rss') }
}

export const getCaseAtomArchive: Handle<'getCaseAtomArchive'> = async (request) => {
  return { status: 200, body: atomView(await documentOf(request, request.query, request.path.archive)) }
}

export const getCaseJsonFeedArchive: Handle<'getCaseJsonFeedArchive'> = async (request) => {
  const document = await documentOf(request, request.query, request.path.archive)
  return { status: 200, body: { json: jsonFeedView(document) } }
}

export const getCaseRssArchive: Handle<'getCaseRssArchive'> = async (request) => {
  return { status: 200, body: rssView(await documentOf(request, request.query, request.path.archive)) }
}

async function documentOf(
  request: Context,
  asked: FilterQuery,
  archive: number | null,
): Promise<FeedDocument> {
  const { db, publicUrl, hub, service, now } = request
  const page = await readFeed(db, await caseFilterOf(request, asked), archive)
  // The hub is told of changes by codes as they are filed.
  const query = {
    ...asked,
    ...(asked.organisation && { organisation: asked.organisation.map(canonicalCode) }),
  }
  return { publicUrl, name: service.name, hub, query, page, now }
}

// W3C WebSub, section 4: who subscribes takes both from here.
function linksOf(document: FeedDocument, format: FeedFormat): { rel: string; href: string }[] {
  if (document.hub === null) return []
  return [
    { rel: 'self', href: addressesOf(document, format).self },
    { rel: 'hub', href: document.hub },
  ]
}
