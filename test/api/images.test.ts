import sharp from 'sharp'
import t from 'tap'
import type { DomainError } from '../../domain/errors.ts'
import { attachImages, forgetWaitingImages } from '../../domain/images.ts'
import { inTransaction } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, draft, publishedCase, startHarness } from './harness.ts'
import { jpeg, noise } from './pictures.ts'

t.test('pictures', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const upload = (
    body: unknown,
    { key = keys.integrator, ...headers }: Record<string, string | undefined> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: '/v1/images',
      ...(key !== undefined && { key }),
      headers: { 'content-type': 'image/jpeg', ...(headers as Record<string, string>) },
      body,
    })
  const uploaded = async (key = keys.integrator): Promise<string> =>
    (await upload(await jpeg(), { key })).body.image
  /** A case of the integrator's with this many pictures, attached as the intake does it. */
  const withImages = async (
    of: () => Promise<{ reference: string; version: number; receipt: string }>,
    many = 1,
  ) => {
    const theCase = await of()
    const images = await Promise.all(Array.from({ length: many }, () => uploaded()))
    await attach(theCase.reference, images)
    return { ...theCase, images, url: `/v1/cases/${theCase.reference}/images/${images[0]}` }
  }
  const clientId = (await db.prisma.apiClient.findUniqueOrThrow({ where: { name: 'integrator' } })).id
  const caseId = async (reference: string): Promise<number> =>
    Number((await db.prisma.case.findUniqueOrThrow({ where: { reference } })).id)
  const attach = async (reference: string, tokens: string[]): Promise<void> => {
    const id = await caseId(reference)
    await inTransaction(db, (tx) => attachImages(tx, { clientId } as never, id, tokens))
  }
  const hide = (token: string) => db.prisma.image.update({ where: { token }, data: { hidden: true } })

  await t.test('a picture is kept for a day under an unguessable name', async (t) => {
    const file = await noise(40, 30).webp().toBuffer()
    const answer = await upload(file, { 'content-type': 'image/webp' })
    t.equal(answer.status, 201)
    t.match(answer.body, { mediaType: 'image/jpeg', width: 40, height: 30, image: /^[\w-]{22}$/ })
    const { expiresAt, bytes } = answer.body
    t.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 24 * 3600_000) < 60_000, 'for a day')
    t.ok(bytes > 0)
    t.not((await upload(file, { 'content-type': 'image/webp' })).body.image, answer.body.image)
  })

  await t.test('it lies in the store in sealed parts of 256 KiB', async (t) => {
    const { body } = await upload(await noise(500, 400, 4).png().toBuffer(), { 'content-type': 'image/png' })
    const image = await db.prisma.image.findUniqueOrThrow({
      where: { token: body.image },
      include: { chunks: { orderBy: { n: 'asc' } } },
    })
    t.equal(image.bytes, body.bytes)
    t.equal(image.chunks.length, Math.ceil(body.bytes / 262_144))
    t.ok(image.chunks.length > 1)
    for (const { n, sealed } of image.chunks) {
      t.match(sealed, /^v1\.test\./)
      t.throws(() => db.vault.open(`image_chunks.sealed:${body.image}:${n + 1}`, sealed), 'not elsewhere')
    }
  })

  await t.test('what it is tells its content, whatever the header and the name say', async (t) => {
    const file = await noise(20, 20).gif().toBuffer()
    for (const type of ['image/jpeg', 'image/png', 'application/octet-stream'])
      t.match((await upload(file, { 'content-type': type })).body, { mediaType: 'image/png' })
    const named = { 'content-type': 'image/png', 'content-disposition': 'attachment; filename="secret.png"' }
    t.notMatch((await upload(file, named)).text, /secret/)
  })

  await t.test('what cannot be kept is refused with the reason', async (t) => {
    const fields = (code: string): string[] => [`body  ${code}`]
    const pdf = await upload(Buffer.from('%PDF-1.7 (invented)'))
    refused(t, pdf, 400, 'validation_failed', fields('image_type_not_allowed'))
    t.match(pdf.body.errors[0].detail, /PDF.*JPEG, PNG, GIF or WebP/)
    const half = (await jpeg()).subarray(0, 300)
    refused(t, await upload(half), 400, 'validation_failed', fields('image_unreadable'))
    refused(t, await upload(Buffer.alloc(0)), 400, 'validation_failed', fields('image_unreadable'))
    refused(t, await upload(undefined), 400, 'validation_failed', fields('image_unreadable'))
    const wide = sharp({ create: { width: 5001, height: 5000, channels: 3, background: 'red' } })
    const bomb = await wide.png().toBuffer()
    refused(t, await upload(bomb), 400, 'validation_failed', fields('image_too_many_pixels'))
    t.notMatch(harness.logged(), /"level":50/, 'nothing went wrong here')
  })

  await t.test('a body over 5 MiB is refused, one of 5 MiB is read', async (t) => {
    const file = await jpeg()
    const padded = (size: number): Buffer => Buffer.concat([file, Buffer.alloc(size - file.length)])
    t.equal((await upload(padded(5 * 1024 * 1024))).status, 201)
    refused(t, await upload(padded(5 * 1024 * 1024 + 1)), 413, 'body_too_large')
  })

  await t.test('only pictures are taken here, and only here', async (t) => {
    for (const type of [
      'text/plain',
      'application/json',
      'image/svg+xml',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await upload(Buffer.from('{}'), { 'content-type': type })
      refused(t, answer, 415, 'media_type_unsupported')
      t.match(answer.body.detail, /image\/jpeg/)
    }
    const elsewhere = { method: 'POST', url: '/v1/cases', key: keys.integrator } as const
    for (const type of ['image/jpeg', 'application/octet-stream']) {
      const answer = await call({ ...elsewhere, headers: { 'content-type': type }, body: await jpeg() })
      refused(t, answer, 415, 'media_type_unsupported')
      t.match(answer.body.detail, /application\/json/)
    }
  })

  await t.test('who may create cases may upload, and says so before anything is read', async (t) => {
    const text = Buffer.from('no picture')
    refused(
      t,
      await call({
        method: 'POST',
        url: '/v1/images',
        body: text,
        headers: { 'content-type': 'text/plain' },
      }),
      401,
      'key_missing',
    )
    refused(t, await upload(text, { key: `cc_sk_${'0'.repeat(12)}_${'x'.repeat(43)}` }), 401, 'key_invalid')
    for (const key of [keys.provider, keys.supplier, keys.administrator, keys.second_tier])
      refused(t, await upload(text, { key, 'acting-user': 'person-1' }), 403, 'scope_missing')
    t.equal((await upload(await jpeg(), { key: keys.form })).status, 201)
    t.equal((await upload(await jpeg(), { key: keys.case_handler, 'acting-user': 'person-1' })).status, 201)
    refused(t, await upload(await jpeg(), { key: keys.case_handler }), 400, 'validation_failed', [
      'header /Acting-User missing',
    ])
  })

  await t.test('S15 three pictures are taken, a fourth is refused with the limit', async (t) => {
    const { reference } = await createCase(harness)
    const four = await Promise.all([uploaded(), uploaded(), uploaded(), uploaded()])
    const tooMany = await attach(reference, four).catch((error: DomainError) => error.details.errors)
    t.match(tooMany, [{ pointer: '/images', code: 'too_many', detail: /at most 3/ }])
    await attach(reference, four.slice(0, 3))
    const { body } = await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })
    t.same(body.images.map(({ image }: { image: string }) => image).sort(), four.slice(0, 3).sort())
    for (const { url, mediaType } of body.images) {
      const sent = await call({ url: new URL(url).pathname, key: keys.case_handler })
      t.equal(sent.headers['content-type'], mediaType)
    }
    const fifth = await call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.integrator,
      body: draft({ images: ['a', 'b', 'c', 'd'] }),
    })
    refused(t, fifth, 400, 'validation_failed', ['body /images too_many'])
    t.match(fifth.body.errors[0].detail, /3/)
  })

  await t.test('what is not a waiting picture of the same client cannot be named', async (t) => {
    const { reference } = await createCase(harness)
    const [mine, twice, used, old, theirs] = await Promise.all([
      uploaded(),
      uploaded(),
      uploaded(),
      uploaded(),
      uploaded(keys.form),
    ])
    await attach((await createCase(harness)).reference, [used])
    await db.pool.query(`update images set expires_at = now() where token = $1`, [old])
    const wrong = async (tokens: string[]) =>
      attach(reference, tokens).then(
        () => [],
        ({ details }) =>
          details.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`),
      )
    t.same(await wrong([mine, used, theirs]), ['/images/1 unknown_image', '/images/2 unknown_image'])
    t.same(await wrong([old]), ['/images/0 unknown_image'])
    t.same(await wrong(['nothing']), ['/images/0 unknown_image'])
    t.same(await wrong([twice, twice]), ['/images/1 unknown_image'])
    t.same(await wrong([mine, twice]), [], 'what was refused still waits')
  })

  await t.test('of two cases that name one picture at once, one has it', async (t) => {
    const [one, two, image, other] = await Promise.all([
      createCase(harness),
      createCase(harness),
      uploaded(),
      uploaded(),
    ])
    const tries = await Promise.allSettled([
      attach(one.reference, [image, other]),
      attach(two.reference, [other, image]),
    ])
    t.same(tries.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const kept = await db.prisma.image.findMany({ where: { token: { in: [image, other] } } })
    t.equal(new Set(kept.map(({ caseId }) => caseId)).size, 1, 'and both of them')
  })

  await t.test(
    'of two new cases that name one picture, one is taken and the other says why not',
    async (t) => {
      const image = await uploaded()
      const submit = () =>
        call({ method: 'POST', url: '/v1/cases', key: keys.integrator, body: draft({ images: [image] }) })
      const before = await db.prisma.case.count()
      const answers = await Promise.all([submit(), submit()])
      t.same(answers.map(({ status }) => status).sort(), [201, 400])
      const late = answers.find(({ status }) => status === 400) as Answer
      refused(t, late, 400, 'validation_failed', ['body /images/0 unknown_image'])
      t.equal(await db.prisma.case.count(), before + 1, 'nothing is left of the other')
    },
  )

  await t.test('a picture is shown to whoever sees the text, and to nobody else', async (t) => {
    const waits = await withImages(() => createCase(harness))
    const reads = async (url: string, ask: { key?: string; headers?: Record<string, string> }) =>
      (await call({ url, ...ask })).status
    for (const key of [keys.case_handler, keys.provider, keys.commissioner])
      t.equal(await reads(waits.url, { key }), 200)
    t.equal(await reads(waits.url, { headers: { 'case-receipt': waits.receipt } }), 200, 'its reporter')
    for (const key of [
      keys.integrator,
      keys.other_provider,
      keys.other_commissioner,
      keys.second_tier,
      keys.supplier,
    ])
      t.equal(await reads(waits.url, { key }), 404)
    t.equal(await reads(waits.url, { headers: { 'case-receipt': 'x'.repeat(43) } }), 404, 'another receipt')

    const shown = await withImages(() => publishedCase(harness))
    for (const key of [undefined, keys.integrator, keys.other_provider, keys.supplier, keys.case_handler])
      t.equal(await reads(shown.url, key === undefined ? {} : { key }), 200)
    await hide(shown.images[0] as string)
    for (const key of [undefined, keys.integrator, keys.other_provider])
      t.equal(await reads(shown.url, key === undefined ? {} : { key }), 404)
    t.equal(await reads(shown.url, { key: keys.provider }), 200)
    t.equal(await reads(shown.url, { headers: { 'case-receipt': shown.receipt } }), 200)
  })

  await t.test(
    'V02 V03 no picture of a case that waits, is private or was taken down is public',
    async (t) => {
      const gone = async (url: string): Promise<void> => {
        const here = await call({ url })
        const none = await call({ url: '/v1/cases/0000-0000-0000-0/images/nothing' })
        refused(t, here, 404, 'not_found')
        t.same({ ...here.body, requestId: '' }, { ...none.body, requestId: '' })
        t.equal(here.headers['cache-control'], none.headers['cache-control'])
      }
      await gone((await withImages(() => createCase(harness))).url)
      await gone((await withImages(() => createCase(harness, { privacy: 'private' }))).url)
      const taken = await withImages(() => publishedCase(harness))
      await db.pool.query(`update cases set publication = 'removed' where reference = $1`, [taken.reference])
      await gone(taken.url)
    },
  )

  await t.test('a picture is found under its own case only', async (t) => {
    const [one, two] = await Promise.all([
      withImages(() => publishedCase(harness)),
      withImages(() => publishedCase(harness)),
    ])
    const waiting = await uploaded()
    for (const image of [two.images[0], waiting, 'nothing']) {
      const url = `/v1/cases/${one.reference}/images/${image}`
      refused(t, await call({ url }), 404, 'not_found')
      refused(t, await call({ url, key: keys.case_handler }), 404, 'not_found')
    }
    refused(
      t,
      await call({ url: `/v1/cases/${one.reference}/images/${'x'.repeat(61)}` }),
      400,
      'validation_failed',
      ['path /image too_long'],
    )
  })

  await t.test('it is sent as what it is, to be shown, and asked for again', async (t) => {
    const { url, images } = await withImages(() => publishedCase(harness))
    const { headers, bytes } = await call({ url })
    t.match(headers, {
      'content-type': 'image/jpeg',
      'content-disposition': 'inline',
      'x-content-type-options': 'nosniff',
      'cache-control': 'public, no-cache',
      'content-length': String(bytes.length),
    })
    const { bytes: size } = await db.prisma.image.findUniqueOrThrow({ where: { token: images[0] as string } })
    t.equal(bytes.length, size)
    t.match(await sharp(bytes).metadata(), { format: 'jpeg', width: 40, height: 30 })
    const again = await call({ url, headers: { 'if-none-match': headers.etag as string } })
    t.equal(again.status, 304)
    t.equal(again.bytes.length, 0)
    t.equal((await call({ url, headers: { 'if-none-match': '"another"' } })).status, 200)
    const own = await call({ url, key: keys.provider })
    t.equal(own.headers['cache-control'], 'private, no-cache')
  })

  await t.test('S16 a picture that no case names in time goes, and its siblings stay', async (t) => {
    await forgetWaitingImages(db)
    const [old, waiting] = await Promise.all([uploaded(), uploaded()])
    const { images, url } = await withImages(() => publishedCase(harness), 3)
    await db.pool.query(`update images set expires_at = now() - interval '1 second' where token = $1`, [old])
    const parts = async (token: string) => db.prisma.imageChunk.count({ where: { image: { token } } })
    const all = () => db.prisma.imageChunk.count()
    const before = await all()
    const gone = await parts(old)
    t.equal(await forgetWaitingImages(db), 1)
    t.equal(await db.prisma.image.count({ where: { token: old } }), 0)
    t.equal(await all(), before - gone)
    t.equal(await parts(waiting), 1)
    await db.prisma.image.delete({ where: { token: images[1] as string } })
    t.equal((await call({ url })).status, 200)
    t.equal((await call({ url: url.replace(images[0] as string, images[1] as string) })).status, 404)
    t.equal((await call({ url: url.replace(images[0] as string, images[2] as string) })).status, 200)
  })

  await t.test('who of the staff looked at a picture is noted', async (t) => {
    const { url, reference } = await withImages(() => createCase(harness))
    await call({ url, key: keys.provider, headers: { 'acting-user': 'person-7' } })
    const noted = await db.prisma.access.findMany({
      where: { operation: 'getImage', cases: { has: reference } },
    })
    t.match(noted, [{ actingUser: 'person-7' }])
  })

  await t.test('neither names nor pictures are in the log', async (t) => {
    const image = await uploaded()
    t.notOk(harness.logged().includes(image))
  })
})
