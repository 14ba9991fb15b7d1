/*
 * Mapbox Vector Tile 2.1 for layers of points. What is written comes by column, as the store packs it, and every length
 * is known before its message is written, so that nothing is moved or written twice.
 */

/** A tile is so many units wide and high. */
export const EXTENT = 4096

/** The points of one layer; what is known of them stands by column, in the order of the points. */
export type PointLayer = {
  name: string
  /** Whole units of the tile's `EXTENT` from its west. */
  x: ArrayLike<number>
  /** From its north. */
  y: ArrayLike<number>
  /** Whole numbers from 0 to 2^53-1, each once in the layer. */
  ids?: ArrayLike<number>
  fields: Readonly<Record<string, readonly FieldValue[]>>
}

/** `null` leaves the field out of that point. */
export type FieldValue = string | number | null

/** The tile with these layers; a layer without points is not in it, and a tile without layers has no bytes. */
export function encodeTile(layers: readonly PointLayer[]): Buffer {
  const filled = layers.filter(({ x }) => x.length > 0).map(encodeLayer)
  return filled.length === 1 ? (filled[0] as Buffer) : Buffer.concat(filled)
}

// Field number and wire type of each field of the format, as one byte.
const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const field = (number: number, wire: number): number => (number << 3) | wire
const LAYER = field(3, BYTES)
const layerField = {
  name: field(1, BYTES),
  feature: field(2, BYTES),
  key: field(3, BYTES),
  value: field(4, BYTES),
  extent: field(5, VARINT),
  version: field(15, VARINT),
}
const featureField = {
  id: field(1, VARINT),
  tags: field(2, BYTES),
  type: field(3, VARINT),
  geometry: field(4, BYTES),
}
const valueField = {
  text: field(1, BYTES),
  double: field(3, FIXED64),
  unsigned: field(5, VARINT),
  signed: field(6, VARINT),
}

const POINT = 1
// Command 1 (MoveTo), once.
const MOVE_TO = 9
// A field number and the longest length.
const HEAD = 6
const VERSION_AND_EXTENT = 5
// Id, lengths, type and geometry at their longest.
const FEATURE = 40
const TAG = 10
// Less than this is no whole number any more once its sign is folded in.
const LEAST_SIGNED = -(2 ** 52)

type Out = { bytes: Buffer; at: number }

function encodeLayer({ name, x, y, ids, fields }: PointLayer): Buffer {
  const values = new Map<string | number, number>()
  const tags = tagsOf(fields, values, x.length)
  const out: Out = { bytes: Buffer.allocUnsafe(sizeAtMost(name, tags, values)), at: HEAD }
  writeNumber(out, layerField.version, 2)
  writeText(out, layerField.name, name)
  for (let n = 0; n < x.length; n++) writeFeature(out, tags, n, x[n] as number, y[n] as number, ids?.[n])
  for (const key of tags.keys) writeText(out, layerField.key, key)
  for (const value of values.keys()) writeValue(out, value)
  writeNumber(out, layerField.extent, EXTENT)
  return withHead(out)
}

// The room before the layer is filled from its end, so that the layer stays where it is.
function withHead({ bytes, at }: Out): Buffer {
  const length = at - HEAD
  const start = HEAD - 1 - sizeOf(length)
  const head: Out = { bytes, at: start }
  writeNumber(head, LAYER, length)
  return bytes.subarray(start, at)
}

/** Which value each point has of each field, by their numbers in the layer. */
type Tags = {
  keys: string[]
  /** For each key the number of each point's value and one, or 0 where it has none. */
  columns: Uint32Array[]
  /** How many bytes the tags of each point take. */
  sizes: Uint32Array
}

// A key or value is written once in a layer and called by its number.
function tagsOf(fields: PointLayer['fields'], values: Map<string | number, number>, length: number): Tags {
  const tags: Tags = { keys: [], columns: [], sizes: new Uint32Array(length) }
  for (const [key, column] of Object.entries(fields)) {
    const numbers = new Uint32Array(length)
    let any = false
    for (let n = 0; n < length; n++) {
      const value = column[n]
      if (value === null || value === undefined) continue
      any = true
      let number = values.get(value)
      if (number === undefined) {
        number = values.size
        values.set(value, number)
      }
      numbers[n] = number + 1
      tags.sizes[n] = (tags.sizes[n] as number) + sizeOf(tags.keys.length) + sizeOf(number)
    }
    if (!any) continue
    tags.keys.push(key)
    tags.columns.push(numbers)
  }
  return tags
}

function sizeAtMost(name: string, { keys, sizes }: Tags, values: Map<string | number, number>): number {
  let all = 2 * HEAD + VERSION_AND_EXTENT + 3 * name.length
  for (const key of keys) all += HEAD + 3 * key.length
  for (const value of values.keys()) all += HEAD + (typeof value === 'string' ? HEAD + 3 * value.length : TAG)
  for (let n = 0; n < sizes.length; n++) all += FEATURE + (sizes[n] as number)
  return all
}

function writeFeature(out: Out, tags: Tags, n: number, x: number, y: number, id: number | undefined): void {
  const place = sizeOf(MOVE_TO) + sizeOf(zigzag(x)) + sizeOf(zigzag(y))
  const tagged = tags.sizes[n] as number
  const length =
    (id === undefined ? 0 : 1 + sizeOf(id)) +
    (tagged === 0 ? 0 : 1 + sizeOf(tagged) + tagged) +
    2 +
    (1 + sizeOf(place) + place)
  writeNumber(out, layerField.feature, length)
  if (id !== undefined) writeNumber(out, featureField.id, id)
  if (tagged > 0) {
    writeNumber(out, featureField.tags, tagged)
    for (let key = 0; key < tags.columns.length; key++) {
      const value = (tags.columns[key] as Uint32Array)[n] as number
      if (value === 0) continue
      writeVarint(out, key)
      writeVarint(out, value - 1)
    }
  }
  writeNumber(out, featureField.type, POINT)
  writeNumber(out, featureField.geometry, place)
  writeVarint(out, MOVE_TO)
  writeVarint(out, zigzag(x))
  writeVarint(out, zigzag(y))
}

function writeValue(out: Out, value: string | number): void {
  if (typeof value === 'string') {
    const length = Buffer.byteLength(value)
    writeNumber(out, layerField.value, 1 + sizeOf(length) + length)
    writeText(out, valueField.text, value)
  } else if (!Number.isSafeInteger(value) || value < LEAST_SIGNED || Object.is(value, -0)) {
    writeNumber(out, layerField.value, 9)
    out.bytes[out.at++] = valueField.double
    out.at = out.bytes.writeDoubleLE(value, out.at)
  } else {
    const [kind, written] = value < 0 ? [valueField.signed, zigzag(value)] : [valueField.unsigned, value]
    writeNumber(out, layerField.value, 1 + sizeOf(written))
    writeNumber(out, kind, written)
  }
}

function writeText(out: Out, kind: number, text: string): void {
  writeNumber(out, kind, Buffer.byteLength(text))
  out.at += out.bytes.write(text, out.at)
}

function writeNumber(out: Out, kind: number, value: number): void {
  out.bytes[out.at++] = kind
  writeVarint(out, value)
}

function writeVarint(out: Out, value: number): void {
  let rest = value
  while (rest >= 128) {
    out.bytes[out.at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  out.bytes[out.at++] = rest
}

function sizeOf(value: number): number {
  if (value < 128) return 1
  if (value < 16_384) return 2
  let size = 3
  for (let limit = 2_097_152; value >= limit; limit *= 128) size++
  return size
}

// Small numbers of either sign become small ones without.
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}
