import { writeCursor } from '../domain/cursors.ts'
import { type Db, rows } from '../prisma/client.ts'
import { between, type Chance, normal, oneOf, weighted } from './chance.ts'
import { CITIES } from './invented-organisations.ts'
import { invented, VOCABULARY } from './invented-text.ts'
import type { LoadRequest } from './load.ts'

/** Published cases from all five years, in no order. */
export type Sample = readonly { id: number; reference: string; title: string | null }[]

export async function sampleOf({ pool }: Db, count = 5_000): Promise<Sample> {
  return rows(
    pool,
    `select id, reference, moderated_title as title from cases
     where publication = 'published' and privacy <> 'private' order by hashint8(id) limit $1`,
    [count],
  )
}

/** The cursor after a case. */
export function cursorAt(id: number): string {
  return writeCursor([id])
}

/** Requests of these paths, with the headers that all have. */
export function requestsOf(
  paths: readonly string[],
  headers?: Readonly<Record<string, string>>,
): LoadRequest[] {
  return paths.map((path) => (headers === undefined ? { path } : { path, headers }))
}

/** So many of what `make` makes. */
export function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make)
}

// Large enough for a page of a hundred cases everywhere.
const LARGE = CITIES.filter(({ people }) => people >= 200)
const cityOf = weighted(LARGE.map((city) => [city, city.people] as const))

/** A box of some ten to twenty kilometres around a city, the larger cities more often, no two alike. */
export function cityBox(chance: Chance): string {
  const { latitude, longitude } = cityOf(chance)
  const middle = [longitude + normal(chance) * 0.03, latitude + normal(chance) * 0.02] as const
  const half = 0.06 + chance() * 0.08
  return boxOf(middle[0] - half * 1.6, middle[1] - half, middle[0] + half * 1.6, middle[1] + half)
}

/** The path of a tile of a zoom in which a city lies, the larger cities more often. */
export function cityTile(chance: Chance, zoom: number): string {
  const { latitude, longitude } = cityOf(chance)
  return tilePath(zoom, longitude + normal(chance) * 0.05, latitude + normal(chance) * 0.03)
}

/** The path of the tile of a zoom that holds a place (Web Mercator). */
export function tilePath(zoom: number, longitude: number, latitude: number): string {
  const sine = Math.sin((latitude * Math.PI) / 180)
  const across = (longitude + 180) / 360
  const down = 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)
  return `/v1/tiles/${zoom}/${Math.floor(across * 2 ** zoom)}/${Math.floor(down * 2 ** zoom)}.mvt`
}

/** A box around the whole country, no two alike. */
export function nationalBox(chance: Chance): string {
  return boxOf(-8.6 + chance() * 0.3, 49.6 + chance() * 0.2, 1.9 + chance() * 0.3, 60 + chance() * 0.5)
}

function boxOf(...edges: number[]): string {
  return edges.map((edge) => edge.toFixed(5)).join(',')
}

export type Term = 'common' | 'middling' | 'rare' | 'absent' | 'two words' | 'phrase' | 'negated'

/** What is looked for, by how often it is found. */
export const TERMS: Readonly<Record<Term, (chance: Chance, sample: Sample) => string>> = {
  common: (chance) => commonWord(chance),
  middling: (chance) => middlingWord(chance),
  rare: (chance) => invented(between(chance, 20_000, VOCABULARY - 1)),
  absent: (chance) => `${invented(between(chance, 0, VOCABULARY))}x`,
  'two words': (chance) =>
    `${oneOf(chance, [commonWord, middlingWord])(chance)} ${oneOf(chance, [commonWord, middlingWord])(chance)}`,
  phrase: (chance, sample) => {
    if (chance() < 0.5) return `"${commonWord(chance)} ${commonWord(chance)}"`
    // Two words that stand side by side somewhere, and not only "of the".
    const [found = 'invented'] = /\w+q \w+q/.exec(oneOf(chance, sample).title ?? '') ?? []
    return `"${found}"`
  },
  negated: (chance) => `${oneOf(chance, [commonWord, middlingWord])(chance)} -${commonWord(chance)}`,
}

function commonWord(chance: Chance): string {
  return invented(between(chance, 0, 30))
}

function middlingWord(chance: Chance): string {
  return invented(between(chance, 200, 5_000))
}
