import type { Db } from '../../prisma/client.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

/** Where organisations of a map test stand: in towns, on edges of cells, at the edges of the map. */
export const places: Readonly<Record<string, [longitude: number, latitude: number]>> = {
  ORIGIN: [0, 0],
  GREENWICH: [0, 51.4779],
  EDGE: [-22.5, 55.7765730186677],
  LONDON: [-0.1276, 51.5072],
  LAMBETH: [-0.1173, 51.4961],
  LEEDS: [-1.5437, 53.7974],
  FIJI: [179.5, -17.8],
  TAVEUNI: [-179.9, -16.8],
  LINE: [180, -17],
  POLE: [10, 89.9],
  SOUTH: [-180, -90],
}

const kinds = ['concern', 'question', 'feedback'] as const
const categories = ['staff', 'delays', 'food'] as const
const statuses = ['open', 'in_progress', 'resolved', 'unable_to_contact', 'no_action_needed'] as const

/** Organisations at `places` and one nowhere, with cases of every sort between them; resolves to those cases. */
export async function makeMap(db: Db, size: number): Promise<MadeCase[]> {
  for (const [code, [longitude, latitude]] of Object.entries(places))
    await db.prisma.organisation.create({ data: { code, name: code, kind: 'trust', latitude, longitude } })
  await db.prisma.organisation.create({ data: { code: 'NOWHERE', name: 'Nowhere', kind: 'trust' } })
  const codes = [...Object.keys(places), 'NOWHERE']
  const cases = Array.from({ length: size }, (_, n): MadeCase => {
    // Each attribute at its own pace, so that all combinations come.
    const of = <T>(values: readonly T[], pace: number) => values[Math.floor(n / pace) % values.length] as T
    const hidden = n % 11 === 0
    return {
      organisation: of(codes, 1),
      kind: of(kinds, 2),
      category: of(categories, 5),
      status: of(statuses, 3),
      publication: hidden ? of(['kept_private', 'removed', 'awaiting_moderation'], 11) : 'published',
      privacy: 'anonymous',
      language: of(['en', 'cy', null], 7),
      title: null,
      text: `${of(['We waited for hours.', 'Everybody was kind.'], 4)} (Invented.)`,
      response: null,
      reportedAt: new Date(Date.UTC(2026, 0, 1) + n * 3_600_000),
    }
  })
  await makeCases(db, cases)
  return cases
}

/** The cases of them that everybody may see on a map. */
export function onMap(cases: readonly MadeCase[]): MadeCase[] {
  return cases.filter(
    ({ publication, organisation }) => publication === 'published' && organisation in places,
  )
}

/** How many of each. */
export function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
