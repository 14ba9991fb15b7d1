import type { Story } from '../domain/items.ts'
import { geo, georss, gml } from './feed-vocabulary.ts'
import { childOf, elementsIn, textOf, type XmlElement } from './xml-element.ts'

/** The point an entry stands at: GeoRSS Simple, GeoRSS GML or W3C Basic Geo; lines and areas are not read. */
export function placeOf(entry: XmlElement, warnings: string[]): Story['position'] {
  const written = simplePoint(entry) ?? gmlPoint(entry) ?? basicGeo(entry)
  if (written === null) return null
  const [latitude, longitude, ...more] = written
    .trim()
    .split(/[\s,]+/)
    .map(coordinate)
  if (latitude === undefined || longitude === undefined || more.length > 1 || !inRange(latitude, longitude)) {
    warnings.push('position: not a latitude and longitude')
    return null
  }
  return { latitude, longitude }
}

function simplePoint(entry: XmlElement): string | null {
  const point = childOf(entry, georss, 'point')
  return point ? textOf(point) : null
}

function gmlPoint(entry: XmlElement): string | null {
  const where = childOf(entry, georss, 'where')
  const point =
    where && elementsIn(where).find(({ namespace, name }) => name === 'Point' && gml.includes(namespace))
  const position = point && elementsIn(point).find(({ name }) => name === 'pos')
  return position ? textOf(position) : null
}

function basicGeo(entry: XmlElement): string | null {
  const point = childOf(entry, geo, 'Point') ?? entry
  const latitude = childOf(point, geo, 'lat')
  const longitude = childOf(point, geo, 'long')
  return latitude && longitude ? `${textOf(latitude).trim()} ${textOf(longitude).trim()}` : null
}

function coordinate(text: string): number {
  return /^[+-]?\d{1,3}(\.\d{0,20})?$/.test(text) ? Number(text) : Number.NaN
}

function inRange(latitude: number, longitude: number): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
}
