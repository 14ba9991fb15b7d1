/**
 * An administrator who looks after the sources: sees what needs a person, mends what kept items out, and has them tried
 * again.
 *
 *   npx node --env-file=.data/demo-keys examples/push-items.ts
 *   npx node --env-file=.data/demo-keys examples/mend-quarantine.ts
 *
 * Most entries wait for one cause: the source calls an organisation by a name that nobody here knows. An alias says which
 * one is meant. What needs a worker is a run: the answer names it, and it is read until it has ended.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { answerOf } from './answer.ts'

export type Administrator = { url: string; key: string; source: string }

export type Waiting = { reference: string; externalId: string | null; reason: string; detail: string }
export type RunResult = {
  externalId: string | null
  outcome: string
  reference: string | null
  detail: string | null
}

/** What needs a person, of all sources, as one line each. */
export async function needsAPerson(administrator: Administrator): Promise<string[]> {
  const { items } = await ask<{
    items: Array<{ source: string; kind: string; count: number | null; detail: string }>
  }>(administrator, '/v1/attention')
  return items.map(({ source, kind, count, detail }) => `${source}: ${kind} ${count ?? ''} ${detail}`)
}

/** What waits in the source's quarantine because nobody knows its organisation. */
export async function waitingFor(administrator: Administrator): Promise<Waiting[]> {
  const { source } = administrator
  const { items } = await ask<{ items: Waiting[] }>(
    administrator,
    `/v1/sources/${source}/quarantine?reason=organisation_unknown`,
  )
  return items
}

/** Says which organisation a code means, has everything tried again, and tells what became of each. */
export async function mend(
  administrator: Administrator,
  alias: { code: string; organisation: string },
): Promise<RunResult[]> {
  const { source } = administrator
  await ask(administrator, `/v1/sources/${source}/organisation-aliases`, alias)
  const run = await ask<{ url: string; state: string }>(administrator, `/v1/sources/${source}/redrives`, {})
  const path = new URL(run.url).pathname
  for (let { state } = run; state === 'waiting' || state === 'running'; ) {
    await pause(200)
    state = (await ask<{ state: string }>(administrator, path)).state
  }
  return (await ask<{ items: RunResult[] }>(administrator, `${path}/results`)).items
}

async function ask<T>({ url, key }: Administrator, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'acting-user': 'example',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return answerOf<T>(response)
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', ADMINISTRATOR_KEY: key = '' } = process.env
  const administrator = { url, key, source: 'example-push' }
  for (const line of await needsAPerson(administrator)) console.log(line)
  for (const { externalId, detail } of await waitingFor(administrator))
    console.log(`${externalId}: ${detail}`)
  const results = await mend(administrator, { code: 'NOBODY', organisation: 'RJ1' })
  for (const { externalId, outcome, reference } of results) {
    console.log(`${externalId}: ${outcome} ${reference ?? ''}`)
  }
}
