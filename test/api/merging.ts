import { indexCases } from '../../domain/case-index.ts'
import { sealOriginal } from '../../domain/case-rows.ts'
import { countPublicFigures } from '../../domain/public-figures.ts'
import { rows } from '../../prisma/client.ts'
import { type Answer, type Harness, staff } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

/** Two trusts with their sites, each with its commissioner, and a third one that is new. (Invented.) */
const ORGANISATIONS = [
  { code: 'MA1', name: 'Merging Trust A', kind: 'trust', region: 'London', position: at(51.6, -0.2) },
  { code: 'MA101', name: 'Merging Site A1', kind: 'site', parent: 'MA1', position: at(51.7, -0.3) },
  { code: 'MA102', name: 'Merging Site A2', kind: 'site', parent: 'MA1' },
  { code: 'MB1', name: 'Merging Trust B', kind: 'trust', region: 'North', position: at(54.6, -1.2) },
  { code: 'MB101', name: 'Merging Site B1', kind: 'site', parent: 'MB1', position: at(54.7, -1.3) },
  { code: 'MC1', name: 'Merged Trust C', kind: 'trust', region: 'South', position: at(50.8, -1.1) },
]
const COMMISSIONERS: Record<string, string> = { MA1: 'XCM01', MB1: 'XCM02', MC1: 'XCM02' }
const STATUSES = [
  ...['open', 'in_progress', 'resolved', 'unable_to_resolve', 'unable_to_contact'],
  ...['referred_elsewhere', 'no_action_needed'],
]

/** The day of the merger, in London, and times around it: the night before belongs to the day before. */
export const MERGER = {
  day: '2026-04-01',
  before: '2026-03-31T22:59:59.000Z',
  on: '2026-03-31T23:00:00.000Z',
  after: '2026-04-05T09:00:00.000Z',
}

function at(latitude: number, longitude: number) {
  return { latitude, longitude }
}

/** Asks as an administrator who has just read the organisation. */
export async function administer(
  { call, keys }: Harness,
  method: 'POST' | 'PATCH' | 'DELETE',
  code: string,
  under: string,
  body?: object,
): Promise<Answer> {
  const { body: organisation } = await call({ url: `/v1/organisations/${code}` })
  return call({
    method,
    url: `/v1/organisations/${code}${under}`,
    key: keys.administrator,
    headers: staff(organisation.version, 'admin-1'),
    ...(body !== undefined && { body }),
  })
}

/** Registers the organisations, with a department each, and makes cases of every status, public and not, around the merger. */
export async function settle(harness: Harness): Promise<void> {
  const { call, keys, db } = harness
  for (const organisation of ORGANISATIONS) {
    const commissioner = COMMISSIONERS[organisation.code]
    const body = { ...organisation, ...(commissioner && { commissioners: [commissioner] }) }
    const answer = await call({
      method: 'POST',
      url: '/v1/organisations',
      key: keys.administrator,
      headers: { 'acting-user': 'admin-1' },
      body,
    })
    if (answer.status !== 201) throw new Error(answer.text)
  }
  await administer(harness, 'POST', 'MA1', '/services', { code: 'EYES', name: 'Eyes' })
  await administer(harness, 'POST', 'MA1', '/services', { code: 'EARS', name: 'Ears' })
  await administer(harness, 'POST', 'MC1', '/services', { code: 'EYES', name: 'Eyes' })
  await makeCases(
    db,
    ORGANISATIONS.flatMap(({ code }) => casesOf(code)),
  )
  await seal(harness)
  await indexCases(db)
}

function casesOf(organisation: string): MadeCase[] {
  const times = [MERGER.before, MERGER.on, MERGER.after]
  const common = {
    organisation,
    category: 'delays',
    language: null,
    title: null,
    text: 'It was slow. (Invented.)',
    response: null,
  }
  const published = STATUSES.flatMap((status, n) =>
    times.map((time, m) => ({
      ...common,
      kind: (n + m) % 2 === 0 ? ('concern' as const) : ('feedback' as const),
      status,
      publication: 'published' as const,
      privacy: 'anonymous' as const,
      reportedAt: new Date(time),
    })),
  )
  const others = (
    [
      ['awaiting_moderation', 'anonymous', 'open'],
      ['kept_private', 'private', 'resolved'],
      ['removed', 'named', 'withdrawn'],
    ] as const
  ).map(([publication, privacy, status], n) => ({
    ...common,
    kind: 'concern' as const,
    status,
    publication,
    privacy,
    reportedAt: new Date(times[n] as string),
  }))
  return [...published, ...others]
}

// So that staff can read them.
async function seal({ db }: Harness): Promise<void> {
  const made = await rows<{ id: number; reference: string }>(
    db.pool,
    `select id, reference from cases where original_sealed = 'made'`,
  )
  const sealed = made.map(({ reference }) =>
    sealOriginal(db.vault, reference, { title: null, text: 'It was slow. (Invented.)' }),
  )
  await rows(
    db.pool,
    'update cases c set original_sealed = d.sealed from unnest($1::bigint[], $2::text[]) as d(id, sealed) where c.id = d.id',
    [made.map(({ id }) => id), sealed],
  )
}

/** The references in all pages of a list of cases, which must have each once. */
export async function allIn({ call }: Harness, query: string, key?: string): Promise<string[]> {
  const found: string[] = []
  let after = ''
  for (;;) {
    const { body, text } = await call({
      url: `/v1/cases?limit=100&fields=reference${query}${after}`,
      ...(key !== undefined && { key }),
    })
    if (body.items === undefined) throw new Error(text)
    found.push(...body.items.map(({ reference }: { reference: string }) => reference))
    if (body.next === null) break
    after = `&after=${body.next}`
  }
  if (new Set(found).size !== found.length) throw new Error(`a case is twice in the list ${query}`)
  return found.sort()
}

/** How many cases the public finds by these organisations, counted in every way that there is; they must agree. */
export async function counted(harness: Harness, codes: readonly string[] = []): Promise<number> {
  const { call, db } = harness
  await indexCases(db)
  const query = codes.map((code) => `&organisation=${code}`).join('')
  const { body } = await call({ url: `/v1/case-counts?by=status,organisation,region,kind${query}` })
  const facets: Record<string, { count: number }[]> = body.facets
  const sums = Object.values(facets).map((values) => values.reduce((sum, { count }) => sum + count, 0))
  const listed = (await allIn(harness, query)).length
  const windows = [
    await counts(harness, `${query}&reportedTo=${MERGER.on}`),
    await counts(harness, `${query}&reportedFrom=${MERGER.on}`),
  ]
  const lines = await linesOf(harness, query)
  const all = [...sums, listed, (windows[0] ?? 0) + (windows[1] ?? 0), lines]
  if (all.some((sum) => sum !== body.total))
    throw new Error(`of ${codes.join(', ')} there are ${body.total}, but also ${all.join(', ')}`)
  return body.total
}

/** How many cases the public log tells of. */
async function linesOf({ call }: Harness, query: string): Promise<number> {
  const told = new Set<string>()
  for (let after = '0'; ; ) {
    const { body } = await call({ url: `/v1/events?limit=1000&after=${after}${query}` })
    for (const line of body.items) if (line.type === 'case.published') told.add(line.case)
    if (!body.more) return told.size
    after = body.next
  }
}

async function counts({ call }: Harness, query: string): Promise<number> {
  return (await call({ url: `/v1/case-counts?${query.slice(1)}` })).body.total
}

/**
 * The sum of the figures of all open organisations, and of those on the map with them. They are counted beforehand, and what
 * is too little to be said is in none of them.
 */
export async function figures({ call, db }: Harness): Promise<{ listed: number; onMap: number }> {
  // What was reported today is counted tomorrow.
  await countPublicFigures(db, new Date(Date.now() + DAY))
  const list = (await call({ url: '/v1/organisations?active=true&include=figures&limit=100' })).body.items
  const feed = (await call({ url: '/v1/organisation-feed?limit=100' })).body.features
  const sum = (all: { open: number; closed: number }[]): number =>
    all.reduce((total, { open, closed }) => total + open + closed, 0)
  return {
    listed: sum(list.map((one: { figures: { open: number; closed: number } }) => one.figures)),
    onMap: sum(feed.map((one: { properties: { open: number; closed: number } }) => one.properties)),
  }
}

const DAY = 86_400_000

/**
 * How many cases the central team counts by an organisation with what is under it, or in the nation; before the merger and
 * from its day on are together what there is, and so are the rows of whatever stands at the top.
 */
export async function statistics({ call, keys }: Harness, organisation?: string): Promise<number> {
  const of = organisation === undefined ? '' : `&organisation=${organisation}`
  const ask = async (query: string): Promise<Answer['body']> =>
    (await call({ url: `/v1/statistics${query}`, key: keys.case_handler })).body
  const { cases, open, closed } = await ask(`?view=mine&from=2026-01-01${of}`)
  const before = await ask(`?view=mine&to=2026-03-31${of}`)
  const after = await ask(`?view=mine&from=2026-04-01${of}`)
  const rows =
    organisation === undefined
      ? (await ask('/organisations?view=mine&from=2026-01-01&level=parent&minimum=1&limit=100')).items
      : []
  const inRows = rows.reduce((sum: number, one: { cases: number }) => sum + one.cases, 0)
  const sums = [open + closed, before.cases + after.cases, ...(organisation === undefined ? [inRows] : [])]
  if (sums.some((sum) => sum !== cases))
    throw new Error(`of ${organisation ?? 'all'} ${cases} are counted, but also ${sums.join(', ')}`)
  return cases
}
