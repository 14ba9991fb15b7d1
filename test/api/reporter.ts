import { noteAll } from '../noted.ts'
import { type Answer, type Harness, staff } from './harness.ts'

export type OwnCase = { reference: string; receipt: string }

/** What somebody with the receipt of a case can send. */
export function reporterOf({ call }: Harness, { reference, receipt }: OwnCase) {
  const headers = { 'case-receipt': receipt }
  return {
    read: (path = ''): Promise<Answer> => call({ url: `/v1/cases/${reference}${path}`, headers }),
    post: (what: string, body: unknown, more: Record<string, string> = {}): Promise<Answer> =>
      call({
        method: 'POST',
        url: `/v1/cases/${reference}/${what}`,
        headers: { ...headers, ...more },
        body,
      }),
  }
}

/** The staff view of a case. */
export async function staffView({ call, keys }: Harness, { reference }: { reference: string }) {
  return (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body
}

/** Answers a case as its provider and moves it, from whatever version it has. */
export async function moveTo(
  harness: Harness,
  { reference }: { reference: string },
  status: string,
): Promise<Answer['body']> {
  const { version } = await staffView(harness, { reference })
  const answer = await harness.call({
    method: 'POST',
    url: `/v1/cases/${reference}/responses`,
    key: harness.keys.case_handler,
    headers: staff(version),
    body: { text: 'We have looked into it. (Invented.)', status },
  })
  if (answer.status !== 201) throw new Error(`the case was not moved: ${answer.text}`)
  return answer.body.case
}

/** What was recorded about a case since it was created, oldest first, as types. */
export async function eventsOf({ db }: Harness, { reference }: { reference: string }) {
  return db.prisma.event.findMany({
    where: { caseReference: reference, type: { not: 'case.created' } },
    orderBy: { id: 'asc' },
  })
}

/** Which kinds of messages were noted to be sent about a case, in order. */
export async function toldOf({ db }: Harness, { reference }: { reference: string }): Promise<string[]> {
  await noteAll(db)
  const { rows } = await db.pool.query<{ kind: string }>(
    `select n.kind from notifications n join cases c on c.id = n.case_id where c.reference = $1 order by n.id`,
    [reference],
  )
  return rows.map(({ kind }) => kind)
}
