// Commits changes of cases, each told just before its COMMIT, in a process of its own: node bench/log-writer.ts
import { recordEvents } from '../domain/events.ts'
import { inTransaction, row, rows } from '../prisma/client.ts'
import { clock } from './setting.ts'
import { openBenchDb } from './store.ts'

/** So many changes a second; as many as go with zero. */
export type WriteOrder = { milliseconds: number; perSecond: number }
/** When each change was about to be committed: its case, the version that it made, milliseconds of `clock`. */
export type WriteReport = {
  committed: Array<[reference: string, version: number, at: number]>
  seconds: number
}

const WRITERS = 4
const { BENCH_URL = '' } = process.env
const db = openBenchDb(BENCH_URL, WRITERS)

process.on('message', (order: WriteOrder) => {
  void write(order).then((report) => process.send?.(report))
})
process.on('disconnect', () => process.exit())
process.send?.({})

async function write({ milliseconds, perSecond }: WriteOrder): Promise<WriteReport> {
  const found = await rows<{ id: number; reference: string; organisationId: number }>(
    db.pool,
    `select id, reference, organisation_id as "organisationId" from cases where publication = 'published' order by id limit 64`,
  )
  const committed: WriteReport['committed'] = []
  const started = clock()
  const until = started + milliseconds
  let n = 0
  const work = async (first: number): Promise<void> => {
    for (let turn = first; clock() < until; turn += WRITERS) {
      if (perSecond > 0) await untilTime(started + (n++ * 1_000) / perSecond)
      const one = found[turn % found.length] as (typeof found)[number]
      let version = 0
      let at = 0
      // As `updateCase` does: the row is held, the version moves, the event is recorded.
      await inTransaction(db, async (tx) => {
        const made = await row<{ version: number }>(
          tx,
          `update cases set status = case when status = 'open' then 'in_progress' else 'open' end::case_status,
             version = version + 1, updated_at = now() where id = $1 returning version`,
          [one.id],
          'bench-change',
        )
        version = made?.version ?? 0
        await recordEvents(tx, null, [
          {
            type: 'case.status_changed',
            caseId: one.id,
            caseReference: one.reference,
            organisationId: one.organisationId,
            fields: ['status'],
            caseVersion: version,
          },
        ])
        await tx.query({
          name: 'bench-bare',
          text: `select pg_notify('bench_bare', $1)`,
          values: [bare(one.reference)],
        })
        at = clock()
      })
      committed.push([one.reference, version, at])
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, first) => work(first)))
  return { committed, seconds: (clock() - started) / 1_000 }
}

async function untilTime(at: number): Promise<void> {
  const wait = at - clock()
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
}

/** What a line of the log says, as the one who is told by NOTIFY alone gets it. */
function bare(reference: string): string {
  return JSON.stringify({
    id: '1000000',
    type: 'case.changed',
    at: '2026-11-26T09:00:00.000Z',
    case: reference,
    url: `https://bench.example/v1/cases/${reference}`,
    organisation: 'T01',
    source: null,
    fields: ['status'],
    reason: null,
    gone: false,
  })
}
