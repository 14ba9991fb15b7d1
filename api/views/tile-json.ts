import type { TileLayer } from '../../domain/tiles.ts'
import type { Schemas } from '../contract/handler.ts'

type Described = {
  publicUrl: string
  /** Of the request, for the tiles: each parameter with its values. */
  query: Readonly<Record<string, unknown>>
  layers: readonly TileLayer[]
  lastZoom: number
}

/** The tiles of a filter as TileJSON 3.0.0. */
export function tileJsonView({ publicUrl, query, layers, lastZoom }: Described): Schemas['TileJson'] {
  return {
    tilejson: '3.0.0',
    name: 'Care Connect',
    description: 'Where people have told of their care, and who provides it.',
    attribution: ATTRIBUTION,
    scheme: 'xyz',
    tiles: [`${publicUrl}/v1/tiles/{z}/{x}/{y}.mvt${queryText(query)}`],
    minzoom: 0,
    maxzoom: lastZoom,
    bounds: WORLD,
    center: BRITISH_ISLES,
    vector_layers: layers.map(({ id, description, minzoom, fields }) => ({
      id,
      description,
      minzoom,
      maxzoom: lastZoom,
      fields: { ...fields },
    })),
  }
}

const ATTRIBUTION =
  'Contains information licensed under the <a href="https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/">Open Government Licence v3.0</a>; items from other providers carry their own attribution.'
// A map library asks for no tile outside: what stands in Gibraltar or Fiji is to be seen too.
const WORLD = [-180, -85.0511, 180, 85.0511]
const BRITISH_ISLES = [-2.5, 54.4, 5]

// Braces within are encoded, so that nobody takes them for those of the template.
function queryText(query: Readonly<Record<string, unknown>>): string {
  const text = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const one of [value ?? []].flat()) text.append(name, String(one))
  return text.size === 0 ? '' : `?${text}`
}
