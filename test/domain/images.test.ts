import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import type { DomainError } from '../../domain/errors.ts'
import { encodeAnew, type Picture } from '../../domain/image-files.ts'
import { jpeg, noise, plain } from '../api/pictures.ts'

const SECRET = 'INVENTED-SECRET'
const north = { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' }
const exif = { IFD0: { Copyright: SECRET, ImageDescription: SECRET }, IFD3: north }

t.test(
  'a JPEG stays a JPEG, everything else becomes a PNG, but for a WebP that is a photograph',
  async (t) => {
    const kept = async (file: Promise<Buffer>): Promise<Omit<Picture, 'bytes'>> => {
      const { bytes, ...picture } = await encodeAnew(await file)
      const { format, width, height } = await sharp(bytes).metadata()
      t.match(picture, { mediaType: `image/${format}`, width, height })
      return picture
    }
    const size = { width: 40, height: 30 }
    t.same(await kept(noise(40, 30).jpeg().toBuffer()), { mediaType: 'image/jpeg', ...size })
    t.same(await kept(noise(40, 30).png().toBuffer()), { mediaType: 'image/png', ...size })
    t.same(await kept(noise(40, 30).gif().toBuffer()), { mediaType: 'image/png', ...size })
    t.same(await kept(noise(40, 30).webp().toBuffer()), { mediaType: 'image/jpeg', ...size })
    t.same(await kept(noise(40, 30, 4).webp().toBuffer()), { mediaType: 'image/png', ...size })
    t.same(await kept(jpeg(1, 1)), { mediaType: 'image/jpeg', width: 1, height: 1 })
  },
)

t.test('nothing survives of what was written into a file beside the picture', async (t) => {
  const trailing = Buffer.from(`PK\u0003\u0004${SECRET}`)
  const comment = Buffer.from([0xff, 0xfe, 0, SECRET.length + 2, ...Buffer.from(SECRET)])
  const photo = await noise(40, 30)
    .jpeg()
    .withExif(exif)
    .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>${SECRET}</a></x:xmpmeta>`)
    .toBuffer()
  const files = {
    jpeg: Buffer.concat([photo.subarray(0, 2), comment, photo.subarray(2), trailing]),
    png: Buffer.concat([await noise(40, 30).png().withExif(exif).toBuffer(), trailing]),
    webp: await noise(40, 30).webp().withExif(exif).toBuffer(),
  }
  for (const [name, file] of Object.entries(files)) {
    t.ok(file.includes(SECRET), `${name}: it is in the file that was sent`)
    t.ok((await sharp(file).metadata()).exif, `${name}: so is where it was taken`)
    const { bytes } = await encodeAnew(file)
    t.notOk(bytes.includes(SECRET), `${name}: it is not in what is kept`)
    for (const mark of ['Exif', 'GPS', 'xmpmeta', 'ICC_PROFILE', 'PK\u0003\u0004'])
      t.notOk(bytes.includes(mark), `${name}: no ${mark}`)
    const { exif: kept, xmp, iptc, icc, orientation } = await sharp(bytes).metadata()
    t.same([kept, xmp, iptc, icc, orientation], Array(5).fill(undefined), `${name}: nothing is left`)
  }
})

t.test('a picture is turned the way it was taken before that is forgotten', async (t) => {
  const onItsSide = await noise(40, 30).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  t.match(await encodeAnew(onItsSide), { width: 30, height: 40 })
})

t.test('no side is longer than 2000 pixels, and a small picture stays as small as it is', async (t) => {
  t.match(await encodeAnew(await plain(3000, 1500).jpeg().toBuffer()), { width: 2000, height: 1000 })
  t.match(await encodeAnew(await plain(100, 2500).png().toBuffer()), { width: 80, height: 2000 })
  t.match(await encodeAnew(await plain(10, 10).png().toBuffer()), { width: 10, height: 10 })
})

t.test('of a moving picture the first frame is kept', async (t) => {
  const red = Buffer.alloc(8 * 8 * 3, Buffer.from([255, 0, 0]))
  const green = Buffer.alloc(8 * 8 * 3, Buffer.from([0, 255, 0]))
  for (const kind of ['gif', 'webp'] as const) {
    const moving = await sharp(Buffer.concat([red, green]), {
      raw: { width: 8, height: 16, channels: 3, pageHeight: 8 },
    })
      [kind]({ loop: 0, delay: [100, 100] })
      .toBuffer()
    t.equal((await sharp(moving).metadata()).pages, 2, `${kind} moves`)
    const { bytes, width, height } = await encodeAnew(moving)
    t.same({ width, height }, { width: 8, height: 8 })
    const { dominant } = await sharp(bytes).stats()
    t.ok(dominant.r > 200 && dominant.g < 50, `${kind} is red`)
  }
})

t.test('what a file is tells its content; others are refused by what they are', async (t) => {
  const tiff = await noise(10, 10).tiff().toBuffer()
  const others: Array<[string | Buffer, RegExp]> = [
    [tiff, /a TIFF/],
    [await noise(10, 10).avif().toBuffer(), /an AVIF/],
    [Buffer.from('\u0000\u0000\u0000\u0018ftypheic\u0000\u0000', 'latin1'), /HEIC/],
    [Buffer.from('\u0000\u0000\u0000\u0018ftypisom\u0000\u0000', 'latin1'), /video/],
    ['BM......', /BMP/],
    ['%PDF-1.7\n', /PDF/],
    ['PK\u0003\u0004', /ZIP/],
    ['8BPS', /Photoshop/],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', /SVG/],
    ['<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', /SVG/],
    ['<!DOCTYPE html><p>', /web page/],
  ]
  for (const [file, kind] of others) {
    const detail = await refusedAs(t, Buffer.from(file as string), 'image_type_not_allowed')
    t.match(detail, kind)
    t.match(detail, /JPEG, PNG, GIF or WebP/)
  }
  for (const file of ['', 'x', 'not a picture at all', '\u0000'.repeat(1000)])
    t.match(await refusedAs(t, Buffer.from(file), 'image_unreadable'), /JPEG, PNG, GIF or WebP/)
})

t.test('a file that begins like a picture and is none, or is not complete, is refused', async (t) => {
  const whole = {
    jpeg: await noise(60, 60).jpeg().toBuffer(),
    png: await noise(60, 60).png().toBuffer(),
    gif: await noise(60, 60).gif().toBuffer(),
    webp: await noise(60, 60).webp().toBuffer(),
  }
  for (const [name, file] of Object.entries(whole)) {
    t.ok(await encodeAnew(file), `${name} is whole`)
    for (const part of [12, 40, file.length / 2, file.length - 20])
      t.match(
        await refusedAs(t, file.subarray(0, part), 'image_unreadable', `${name} ${part} of ${file.length}`),
        /not complete/,
      )
  }
  const tail = Buffer.from('an invented text that is no picture')
  for (const head of [
    [0xff, 0xd8, 0xff, 0xe0],
    [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10],
    [...Buffer.from('GIF89a')],
  ])
    await refusedAs(t, Buffer.concat([Buffer.from(head), tail]), 'image_unreadable')
})

t.test('more pixels than 25 million are refused before they are decoded', async (t) => {
  const most = await plain(5000, 5000).png().toBuffer()
  t.match(await encodeAnew(most), { width: 2000, height: 2000 })
  const bomb = await plain(5001, 5000).png().toBuffer()
  t.ok(bomb.length < 1_000_000, 'it is small to send')
  const detail = await refusedAs(t, bomb, 'image_too_many_pixels')
  t.match(detail, /5001 × 5000/)
  t.match(detail, /25 million/)
})

t.test('what waits too long in too long a queue is put off, and the rest is done', async (t) => {
  const file = await jpeg()
  const done = await Promise.allSettled(Array.from({ length: 30 }, () => encodeAnew(file)))
  const put = done.filter((one) => one.status === 'rejected')
  t.equal(done.length - put.length, 22)
  for (const one of put) t.equal((one.reason as DomainError).code, 'unavailable')
  t.ok(await encodeAnew(file), 'and it goes on')
})

t.test(
  'a file of another kind under a name of a picture is never given to a reader of its own kind',
  async (t) => {
    await t.rejects(sharp(readFileSync(new URL(import.meta.url))).metadata())
    await t.rejects(
      sharp(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')).metadata(),
    )
  },
)

async function refusedAs(t: Test, file: Buffer, code: string, name = ''): Promise<string> {
  const error = await encodeAnew(file).then(
    () => undefined,
    (error: DomainError) => error,
  )
  t.equal(error?.code, 'validation_failed', `${name} is refused`)
  const [problem] = error?.details.errors ?? []
  t.match(problem, { in: 'body', pointer: '', code }, name)
  return problem?.detail ?? ''
}
