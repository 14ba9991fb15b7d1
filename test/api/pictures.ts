import { randomBytes } from 'node:crypto'
import sharp, { type Sharp } from 'sharp'

/** Noise of this size: a picture that looks like none and does not shrink. */
export function noise(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  return sharp(randomBytes(width * height * channels), { raw: { width, height, channels } })
}

/** One colour of this size: many pixels in few bytes. */
export function plain(width: number, height: number): Sharp {
  return sharp({ create: { width, height, channels: 3, background: '#336699' }, limitInputPixels: false })
}

/** A small JPEG. */
export function jpeg(width = 40, height = 30): Promise<Buffer> {
  return noise(width, height).jpeg().toBuffer()
}
