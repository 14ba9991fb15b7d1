import { readFileSync } from 'node:fs'
import type { Place } from './areas.ts'
import { invalid } from './errors.ts'

/** Where a postcode is, or null when it is unknown; takes it in any case, with or without its blank. */
export type Geocoder = (postcode: string) => Promise<Place | null>

/** A postcode in capitals; `inward` is null where only the outward half was given. */
export type Postcode = { outward: string; inward: string | null }

/** Finds a postcode by its outward half, to the middle of it; the codes come with the service. */
export const outwardGeocoder: Geocoder = async (postcode) => {
  const { outward } = readPostcode(postcode) ?? {}
  return outward === undefined ? null : placeOfOutward(outward)
}

/** Where a postcode is; throws `validation_failed` at `/postcode` for one that is not known. */
export async function locate(geocoder: Geocoder, postcode: string): Promise<Place> {
  const place = await geocoder(postcode)
  if (place !== null) return place
  throw invalid({
    in: 'query',
    pointer: '/postcode',
    code: 'unknown_postcode',
    detail: 'There is no such postcode; give one like SE1 7EH, or its outward half like SE1.',
  })
}

/**
 * Reads a postcode of the United Kingdom, or its outward half, as people write it; null for what cannot be one. Of one
 * that is not written to its end ("SE1 7") the outward half counts.
 */
export function readPostcode(text: string): Postcode | null {
  const written = text.trim().toUpperCase()
  const compact = written.replaceAll(/\s/g, '')
  const [, whole, inward] = WHOLE.exec(compact) ?? []
  if (whole !== undefined && inward !== undefined) return { outward: whole, inward }
  const [, begun] = BEGUN.exec(written) ?? []
  const outward = begun ?? compact
  return OUTWARD.test(outward) ? { outward, inward: null } : null
}

// BS 7666: one or two letters, then one or two digits, or a digit and a letter; the inward half never has C, I, K, M, O or V.
const OUTWARD_FORM = '[A-Z]{1,2}[0-9][0-9A-Z]?|GIR'
const OUTWARD = new RegExp(`^(?:${OUTWARD_FORM})$`)
const WHOLE = new RegExp(`^(${OUTWARD_FORM})([0-9][ABD-HJLNP-UW-Z]{2})$`)
const BEGUN = new RegExp(`^(${OUTWARD_FORM})\\s+[0-9][A-Z]?$`)

let codes: ReadonlyMap<string, Place> | undefined

// In the middle of towns a district has letters of its own; without them (SW1), or with one that is no more (W1N), it is
// the middle of them all.
function placeOfOutward(outward: string): Place | null {
  codes ??= readCodes()
  const exact = codes.get(outward)
  if (exact !== undefined) return exact
  const [district = outward] = /^[A-Z]+[0-9]+/.exec(outward) ?? []
  const parts = [...codes].filter(([code]) => code.startsWith(district) && /[A-Z]$/.test(code))
  if (parts.length === 0) return codes.get(district) ?? null
  const mean = (n: 0 | 1) => parts.reduce((sum, [, place]) => sum + place[n], 0) / parts.length
  return [mean(0), mean(1)]
}

function readCodes(): ReadonlyMap<string, Place> {
  const text = readFileSync(new URL('./data/outward-codes.csv', import.meta.url), 'utf8')
  const [, ...lines] = text.trim().split('\n')
  return new Map(
    lines.map((line) => {
      const [code = '', latitude, longitude] = line.split(',')
      return [code, [Number(longitude), Number(latitude)]]
    }),
  )
}
