import { invalid } from './errors.ts'
import { type Conditions, conditionsFrom } from './sql-conditions.ts'

/** West, south, east, north in degrees. West greater than east crosses the antimeridian (RFC 7946, section 5.2). */
export type BoundingBox = readonly [west: number, south: number, east: number, north: number]

/** Longitude, then latitude, in degrees (RFC 7946, section 3.1.1). */
export type Place = readonly [longitude: number, latitude: number]

/** Where cases stand; what is given all holds. */
export type Area = {
  bbox?: BoundingBox | undefined
  near?: Place | undefined
  /** In metres around `near`; 5,000 if nothing is said. */
  radius?: number | undefined
  /** Longitudes and latitudes of its corners in turn. */
  polygon?: readonly number[] | undefined
}

/** Whether an area says anything. */
export function isArea({ bbox, near, polygon }: Area): boolean {
  return bbox !== undefined || near !== undefined || polygon !== undefined
}

/** The exact conditions of an area over `latitude` and `longitude` of what is joined as `alias`. Throws `validation_failed` for what is no area. */
export function areaConditions(area: Area, first: number, alias = 'c'): Conditions {
  const { conditions, add } = conditionsFrom(first)
  const latitude = `${alias}.latitude`
  const longitude = `${alias}.longitude`
  const { bbox, near, radius = DEFAULT_RADIUS, polygon } = checkedArea(area)
  if (bbox !== undefined) {
    const [west, south, east, north] = bbox
    add((p, q) => `${latitude} between ${p}::float8 and ${q}::float8`, south, north)
    add(
      (p, q) =>
        west > east
          ? `(${longitude} >= ${p}::float8 or ${longitude} <= ${q}::float8)`
          : `${longitude} between ${p}::float8 and ${q}::float8`,
      west,
      east,
    )
  }
  if (near !== undefined)
    add(
      (p, q, r) => `metres_between(${latitude}, ${longitude}, ${p}::float8, ${q}::float8) <= ${r}::float8`,
      near[1],
      near[0],
      radius,
    )
  if (polygon !== undefined)
    add((p) => `point(${longitude}, ${latitude}) <@ ${p}::text::polygon`, polygonText(polygon))
  return conditions
}

/** The box that holds the whole of an area, or undefined where none does that does not cross the antimeridian. */
export function boundsOf(area: Area): BoundingBox | undefined {
  const { bbox, near, radius = DEFAULT_RADIUS, polygon } = area
  const boxes: BoundingBox[] = []
  if (bbox !== undefined && bbox[0] <= bbox[2]) boxes.push(bbox)
  const around = near && boxAround(near, radius)
  if (around !== undefined) boxes.push(around)
  if (polygon !== undefined) {
    const { longitudes, latitudes } = corners(polygon)
    boxes.push([
      Math.min(...longitudes),
      Math.min(...latitudes),
      Math.max(...longitudes),
      Math.max(...latitudes),
    ])
  }
  if (boxes.length === 0) return undefined
  return boxes.reduce((one, other) => [
    Math.max(one[0], other[0]),
    Math.max(one[1], other[1]),
    Math.min(one[2], other[2]),
    Math.min(one[3], other[3]),
  ])
}

/** A position that a reporter gave, as finely as it may be kept: two decimals, about a kilometre (design section 2, geo-feed). */
export function coarse(position: Position): Position {
  const round = (degrees: number) => Math.round(degrees * 100) / 100
  return { latitude: round(position.latitude), longitude: round(position.longitude) }
}

type Position = { latitude: number; longitude: number }

const DEFAULT_RADIUS = 5_000
const METRES_PER_DEGREE = 111_195
// Rounding must not put outside what stands on the edge.
const MARGIN = 1e-6

function boxAround([longitude, latitude]: Place, radius: number): BoundingBox | undefined {
  const up = radius / METRES_PER_DEGREE + MARGIN
  const farthest = Math.abs(latitude) + up
  if (farthest >= 89) return undefined
  // Of the circle's points the ones farthest east and west lie a little nearer to the pole than its middle.
  const across =
    (Math.asin(
      Math.min(1, Math.sin(radius / METRES_PER_RADIAN) / Math.cos((Math.abs(latitude) * Math.PI) / 180)),
    ) *
      180) /
      Math.PI +
    MARGIN
  if (longitude - across < -180 || longitude + across > 180) return undefined
  return [longitude - across, latitude - up, longitude + across, latitude + up]
}

const METRES_PER_RADIAN = 6_371_008.8

/** The same area; throws `validation_failed` for what is no area. */
export function checkedArea(area: Area): Area {
  const { bbox, near, polygon } = area
  if (bbox !== undefined && (bbox[1] > bbox[3] || Math.abs(bbox[1]) > 90 || Math.abs(bbox[3]) > 90)) {
    throw invalid({
      in: 'query',
      pointer: '/bbox',
      code: 'not_a_box',
      detail: 'Give west, south, east, north: south not above north, both within ±90.',
    })
  }
  if (near !== undefined && Math.abs(near[1]) > 90) {
    throw invalid({
      in: 'query',
      pointer: '/near',
      code: 'not_a_place',
      detail: 'Give longitude, then latitude; latitude within ±90.',
    })
  }
  if (polygon !== undefined && !isPolygon(polygon)) {
    throw invalid({
      in: 'query',
      pointer: '/polygon',
      code: 'not_a_polygon',
      detail: 'Give at least three corners, each as longitude, latitude; latitude within ±90.',
    })
  }
  if (area.radius !== undefined && near === undefined) {
    throw invalid({
      in: 'query',
      pointer: '/radius',
      code: 'needs_near',
      detail: 'A radius needs near or postcode.',
    })
  }
  return area
}

function isPolygon(polygon: readonly number[]): boolean {
  const { longitudes, latitudes } = corners(polygon)
  const distinct = new Set(latitudes.map((latitude, n) => `${longitudes[n]},${latitude}`))
  return (
    polygon.length % 2 === 0 && distinct.size >= 3 && latitudes.every((latitude) => Math.abs(latitude) <= 90)
  )
}

function corners(polygon: readonly number[]): { longitudes: number[]; latitudes: number[] } {
  return {
    longitudes: polygon.filter((_, n) => n % 2 === 0),
    latitudes: polygon.filter((_, n) => n % 2 === 1),
  }
}

function polygonText(polygon: readonly number[]): string {
  const { longitudes, latitudes } = corners(polygon)
  return `(${longitudes.map((longitude, n) => `(${longitude},${latitudes[n]})`).join(',')})`
}
