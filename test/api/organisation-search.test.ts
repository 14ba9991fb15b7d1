import { readFileSync } from 'node:fs'
import t from 'tap'
import { outwardGeocoder } from '../../domain/geocoding.ts'
import { sites } from '../../prisma/seed-organisations.ts'
import { refused } from './answers.ts'
import { type Answer, type Harness, startHarness } from './harness.ts'

t.test('organisations by name, code and place', async (t) => {
  const harness = await startHarness(t)
  await addPilot(harness)
  const list = (query: string): Promise<Answer> => harness.call({ url: `/v1/organisations?${query}` })
  const codes = ({ body }: Answer): string[] => body.items.map(({ code }: { code: string }) => code)
  const found = async (q: string, rest = '') => codes(await list(`q=${encodeURIComponent(q)}${rest}`))

  await t.test('a name is found as people write it, the best first', async (t) => {
    const golden: [q: string, ...first: string[]][] = [
      ['gys hospital', 'RJ102', 'RJ1'],
      ["Guy's Hospital", 'RJ102'],
      ['guy’s', 'RJ102', 'RJ1'],
      ['guys and st thomas', 'RJ1'],
      ['guy & saint tomas', 'RJ1'],
      ['st thomas', 'RJ101', 'RJ1'],
      ["St. Thomas'", 'RJ101', 'RJ1'],
      ['thomas st', 'RJ101', 'RJ1'],
      ['kings colege', 'RJZ'],
      ['Kings College Hospital', 'RJZ'],
      ['hospital college kings', 'RJZ'],
      ['imperial colege', 'RYJ'],
      ['chelsea westminster', 'RQM01', 'RQM'],
      ['westminster chelsea hospital', 'RQM01', 'RQM'],
      ['chelsy and westminister', 'RQM01', 'RQM'],
      ['CHELSEA', 'RQM01', 'RPY01', 'RQM'],
      ['great ormond st', 'RP401'],
      ['great ormand street', 'RP401', 'RP4'],
      ['grate ormond street childrens', 'RP4'],
      ['moorfeilds', 'RP601', 'RP6'],
      ['morfields eye', 'RP601', 'RP6'],
      ['st georges', 'RJ701', 'RJ7', 'RQY'],
      ['st geroges', 'RJ701', 'RJ7', 'RQY'],
      ['witington', 'RKE01', 'RKE'],
      ['royal marsdon', 'RPY01', 'RPY02', 'RPY'],
      ['newcastle', 'RTD'],
      ['new castle upon tyne', 'RTD'],
      ['freeman', 'RTD01'],
      ['kngston', 'RAX01', 'RAX'],
      ['north london east', 'RAT'],
      ['gateshed', 'RR701', 'RR7'],
      ['ysbyty gwynedd', 'XWAL1'],
      ['Ysbyty Môn', 'XWAL2'],
      ['ysbyty mon', 'XWAL2'],
    ]
    for (const [q, ...first] of golden) t.same((await found(q)).slice(0, first.length), first, q)
  })

  await t.test('a rare word counts, a common one alone finds all that have it', async (t) => {
    const guys = await found('gys hospital', '&limit=100')
    t.ok(guys.length < 8, `${guys}`)
    t.ok((await found('hospital', '&limit=100')).length > 15)
    t.same(await found('zzzzzz'), [])
    t.same(await found('and the'), [])
    t.same(await found('???'), [])
  })

  await t.test('a code is found in any form, first of all', async (t) => {
    for (const q of ['rj1', 'RJ1', 'R J 1', 'rj-1', ' rj1 ', 'oldguys', 'OLD-GUYS'])
      t.equal((await found(q))[0], 'RJ1', q)
    t.equal((await found('rat'))[0], 'RAT')
    t.same(await found('RJ102'), ['RJ102'])
  })

  await t.test('with the other filters, in pages that hold each once', async (t) => {
    t.equal((await found('gys hospital', '&kind=trust'))[0], 'RJ1')
    t.same(await found('hospital', '&parent=RJ1'), ['RJ102', 'RJ101'])
    t.same(await found('hospital', '&region=North&kind=site'), ['RTD01', 'RR701'])
    t.same(await found('closed', '&active=true'), ['T0901'])
    const whole = await found('hospital trust', '&limit=100')
    t.equal(new Set(whole).size, whole.length)
    t.same(await pages('q=hospital%20trust&limit=7'), whole)
    refused(t, await list('q=x'), 400, 'validation_failed', ['query /q too_short'])
  })

  await t.test('the nearest first, and how far it is', async (t) => {
    const { body } = await list('near=-0.1188,51.4988&limit=100')
    const metres: number[] = body.items.map(
      ({ distanceMetres }: { distanceMetres: number }) => distanceMetres,
    )
    t.same(codes({ body } as Answer).slice(0, 2), ['RJ1', 'RJ101'], 'equals come by code')
    t.same(metres.slice(0, 3), [0, 0, 157])
    t.same(
      metres,
      [...metres].sort((one, other) => one - other),
    )
    t.notOk(codes({ body } as Answer).includes('XCM01'), 'what stands nowhere is not near')
    t.ok((metres.at(-1) as number) > 390_000, 'Newcastle comes last')
    t.same(await pages('near=-0.1188,51.4988&limit=5'), codes({ body } as Answer))
    const one = (await list('near=-0.087,51.5033&kind=site&limit=1')).body.items[0]
    t.match(one, { code: 'RJ102', distanceMetres: 0 })
  })

  await t.test('within a radius, in a region, of a kind, and by name', async (t) => {
    t.same(codes(await list('near=-0.1188,51.4988&radius=100')), ['RJ1', 'RJ101'])
    t.same(codes(await list('near=-0.1188,51.4988&radius=100&kind=site')), ['RJ101'])
    t.same(codes(await list('near=-0.1188,51.4988&region=North&kind=trust')), ['RR7', 'T02', 'RTD'])
    t.same(codes(await list('near=-0.1744,51.5173&q=st%20marys')), ['RYJ01'])
    const hospitals = codes(await list('near=-0.087,51.5033&q=hospital&limit=3'))
    t.same(hospitals, ['RJ102', 'RJ101', 'RP6'])
    t.same(
      await pages('near=-0.087,51.5033&q=hospital&limit=2'),
      codes(await list('near=-0.087,51.5033&q=hospital&limit=100')),
    )
  })

  await t.test('near a postcode or its outward half', async (t) => {
    const place = (await outwardGeocoder('NE1')) as [number, number]
    const near = await list(`near=${place.join(',')}&limit=100`)
    for (const postcode of ['NE1', 'ne1 4lp', 'NE14LP']) {
      const { body } = await list(`postcode=${encodeURIComponent(postcode)}&limit=100`)
      t.same(body.items, near.body.items, postcode)
    }
    t.equal(codes(await list('postcode=NE1&kind=site'))[0], 'RTD02')
    refused(t, await list('postcode=ZZ1'), 400, 'validation_failed', ['query /postcode unknown_postcode'])
    refused(t, await list('postcode=BFPO%201'), 400, 'validation_failed', [
      'query /postcode unknown_postcode',
    ])
    refused(t, await list('postcode=SE1&near=0,51'), 400, 'validation_failed', ['query /postcode one_of'])
    refused(t, await list('radius=100'), 400, 'validation_failed', ['query /radius needs_near'])
    refused(t, await list('near=0,91'), 400, 'validation_failed', ['query /near not_a_place'])
    t.notMatch(harness.logged(), /4lp/i, 'no log has it')
  })

  await t.test('around the whole globe nothing is lost', async (t) => {
    const all = codes(await list('near=0,0&limit=100')).sort()
    for (const near of ['180,0', '-180,89.9', '179.9,-89.9'])
      t.same(codes(await list(`near=${near}&limit=100`)).sort(), all, near)
  })

  await t.test('among many, in the order of true distance', async (t) => {
    const { db } = harness
    await db.pool.query(
      `insert into organisations (code, name, kind, latitude, longitude, updated_at)
       select 'MANY' || n, 'Example Surgery ' || n, 'gp_practice', 50 + (n * 37 % 1000) / 100.0, -7 + (n * 91 % 800) / 100.0, now()
       from generate_series(1, 400) as n`,
    )
    for (const near of ['-3.8,57.5', '-5,50.1', '1.7,52.5']) {
      const [longitude, latitude] = near.split(',').map(Number)
      const { rows } = await db.pool.query<{ code: string }>(
        `select code from organisations where latitude is not null
         order by round(metres_between(latitude, longitude, $1, $2))::int, code limit 120`,
        [latitude, longitude],
      )
      const found: string[] = []
      for (let after = ''; found.length < 120; ) {
        const page = await list(`near=${near}&limit=24${after}`)
        found.push(...codes(page))
        after = `&after=${page.body.next}`
      }
      t.same(
        found,
        rows.map(({ code }) => code),
        near,
      )
    }
    await db.pool.query(`delete from organisations where code like 'MANY%'`)
  })

  await t.test('distances are those on the globe', async (t) => {
    const metres = async (...places: (number | null)[]) =>
      (
        await harness.db.pool.query<{ metres: number | null }>(
          'select round(metres_between($1, $2, $3, $4))::int as metres',
          places,
        )
      ).rows[0]?.metres
    t.equal(await metres(51.5, -0.12, 51.5, -0.12), 0)
    t.equal(await metres(51.5, -0.12, 54.97, -1.61), 398_362)
    t.equal(await metres(0, 0, 0, 180), 20_015_114)
    t.equal(await metres(90, 0, -90, 77), 20_015_114)
    t.equal(await metres(0, 179.5, 0, -179.5), 111_195)
    t.equal(await metres(51.5, null, 54.97, -1.61), null)
  })

  await t.test('as a table', async (t) => {
    const { text, headers } = await list('q=guys&format=csv&fields=code,name&limit=1')
    t.match(headers['content-type'], 'text/csv')
    t.match(text, /code,name\r\nRJ102,Guy's Hospital\r\nRJ1,/)
  })

  await t.test('a cursor of another order is none', async (t) => {
    const far = Buffer.from(JSON.stringify([Number.MAX_SAFE_INTEGER, 'x'])).toString('base64url')
    t.same((await list(`near=0,51&after=${far}`)).body, { items: [], next: null })
    const { next } = (await list('limit=1')).body
    refused(t, await list(`q=hospital&after=${next}`), 400, 'validation_failed', [
      'query /after unknown_cursor',
    ])
    refused(
      t,
      await list(`near=0,51&after=${(await list('q=hospital&limit=1')).body.next}`),
      400,
      'validation_failed',
      ['query /after unknown_cursor'],
    )
  })

  await t.test('only some fields', async (t) => {
    const { body, headers } = await list('q=guys&fields=name,code&limit=1')
    t.same(body.items, [{ name: "Guy's Hospital", code: 'RJ102' }])
    t.match(headers['content-type'], /vnd\.care-connect\.fields/)
    const near = await list('near=-0.087,51.5033&fields=code,distanceMetres,figures&limit=1')
    t.match(near.body.items, [
      { code: 'RJ102', distanceMetres: 0, figures: { open: null, closed: null, overdue: null, asOf: null } },
    ])
    refused(t, await list('fields=code,shoe'), 400, 'validation_failed', ['query /fields/1 unknown_value'])
  })

  await t.test('a name is found as it is now', async (t) => {
    const { db } = harness
    await db.prisma.organisation.update({
      where: { code: 'RJ102' },
      data: { name: 'Example Old Operating Theatre' },
    })
    t.same(await found('operating theatre'), ['RJ102'])
    t.notOk((await found('guys hospital')).includes('RJ102'))
    await db.prisma.organisation.delete({ where: { code: 'RJ102' } })
    t.same(await found('operating theatre'), [])
  })

  async function pages(query: string): Promise<string[]> {
    const all: string[] = []
    for (let after = ''; ; ) {
      const page = await list(`${query}${after}`)
      all.push(...codes(page))
      if (page.body.next === null) return all
      after = `&after=${page.body.next}`
    }
  }
})

/** The pilot trusts with their sites, and some invented ones with names of their own. */
async function addPilot({ db }: Harness): Promise<void> {
  const [, ...lines] = readFileSync(new URL('../../prisma/pilot-trusts.csv', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  for (const line of lines) {
    const [code = '', name = '', , , region = '', latitude, longitude] = line.trim().split(',')
    await db.prisma.organisation.create({
      data: { code, name, kind: 'trust', region, latitude: Number(latitude), longitude: Number(longitude) },
    })
  }
  for (const { parent, ...site } of sites)
    await db.prisma.organisation.create({
      data: { ...site, parent: { connect: { code: parent as string } } },
    })
  const more = {
    RJZ: "King's College Hospital NHS Foundation Trust",
    XWAL1: 'Ysbyty Gwynedd',
    XWAL2: 'Ysbyty Môn (invented)',
  }
  for (const [code, name] of Object.entries(more))
    await db.prisma.organisation.create({ data: { code, name, kind: 'trust' } })
  const { id } = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'RJ1' } })
  await db.prisma.organisationExternalId.create({
    data: { scheme: 'ods-former', code: 'OLDGUYS', organisationId: id },
  })
}
