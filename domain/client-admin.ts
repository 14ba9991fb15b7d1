import { type Db, inTransaction, type Role, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Bindings, findBindings, type Problem } from './client-bindings.ts'
import { insertKey } from './client-keys.ts'
import { type ClientDetail, clientById, clientsAfter, holdClient } from './client-rows.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { endDigestsOf } from './digests.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'

/** A client to be created. */
export type ClientDraft = Bindings & {
  name: string
  role: Role
  brand?: string | undefined
  test?: boolean | undefined
  followUrl?: string | undefined
  surveyUrl?: string | undefined
  digestUrl?: string | undefined
}

/** What to change: absent means leave, null means clear. */
export type ClientChange = Pick<Bindings, 'origins' | 'organisations'> & {
  name?: string | undefined
  brand?: string | null | undefined
  followUrl?: string | null | undefined
  surveyUrl?: string | null | undefined
  digestUrl?: string | null | undefined
}

/** A page of clients, oldest first, the revoked ones too. */
export async function listClients(
  db: Db,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<ClientDetail>> {
  const cursor = readCursor(after, ['number'])
  const found = await clientsAfter(db.pool, cursor?.[0] ?? 0, limit + 1)
  return pageOf(found, limit, (last) => [last.id])
}

/** One client; throws `not_found`. */
export async function getClient(db: Db, id: number): Promise<ClientDetail> {
  return clientById(db.pool, id)
}

/** Creates a client with its first key, which is returned here and kept nowhere. Throws `name_taken`. */
export async function registerClient(
  db: Db,
  administrator: ClientCaller,
  draft: ClientDraft,
): Promise<{ client: ClientDetail; key: string }> {
  const { id, key } = await inTransaction(db, async (tx) => {
    const { role, origins = [], organisations = [], source } = draft
    const bound = await findBindings(tx, role, { origins, organisations, source })
    refuse([...bound.problems, ...templateProblems(draft), ...trialProblems(draft)])
    const id = await insertClient(tx, draft, bound.sourceId)
    await bind(tx, id, bound.organisationIds)
    const { key } = await insertKey(tx, { id, role }, {})
    await recordEvents(tx, administrator, [{ type: 'client.created', aboutClientId: id }])
    return { id, key }
  })
  return { client: await clientById(db.pool, id), key }
}

/** Changes a client; throws `version_stale` when it has changed since `version`, and `name_taken`. */
export async function updateClient(
  db: Db,
  administrator: ClientCaller,
  id: number,
  change: ClientChange,
  version: number,
): Promise<ClientDetail> {
  await inTransaction(db, async (tx) => {
    const held = await holdClient(tx, id)
    if (held.version !== version) {
      throw new DomainError('version_stale', {
        currentVersion: held.version,
        detail: `You sent version ${version}; it is ${held.version} now. Read it again and decide again.`,
      })
    }
    const { origins, organisations } = change
    const bound = await findBindings(tx, held.role, {
      ...(origins && { origins }),
      ...(organisations && { organisations }),
    })
    refuse([...bound.problems, ...templateProblems(change)])
    await writeChange(tx, id, change)
    if (organisations !== undefined) await bind(tx, id, bound.organisationIds)
    const fields = Object.keys(change)
    await recordEvents(tx, administrator, [{ type: 'client.changed', aboutClientId: id, fields }])
  })
  return clientById(db.pool, id)
}

/** Revokes a client with all its keys; a second time changes nothing. Nobody revokes the client they call with. */
export async function revokeClient(db: Db, administrator: ClientCaller, id: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    const held = await holdClient(tx, id)
    if (id === administrator.clientId) {
      throw invalid({
        in: 'path',
        pointer: '/client',
        code: 'own_client',
        detail: 'You call with this client; let another administrator revoke it.',
      })
    }
    if (held.revoked) return
    await rows(tx, 'update api_clients set revoked_at = now(), version = version + 1 where id = $1', [id])
    await rows(tx, 'update api_keys set revoked_at = now() where client_id = $1 and revoked_at is null', [id])
    await endDigestsOf(tx, administrator, id)
    await recordEvents(tx, administrator, [{ type: 'client.revoked', aboutClientId: id }])
  })
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw invalid(...problems)
}

// What these do is done to what is real, whoever does it: pushed items become cases of their source.
function trialProblems({ role, test }: ClientDraft): Problem[] {
  if (test !== true || (role !== 'feed_provider' && role !== 'administrator')) return []
  const detail = `What a client of the role ${role} does is real; it cannot be tried out. Leave it out.`
  return [{ pointer: '/test', code: 'not_for_this_role', detail }]
}

type Templates = { surveyUrl?: string | null | undefined; digestUrl?: string | null | undefined }

// Whoever opens such a page is told apart by the token alone.
function templateProblems(draft: Templates): Problem[] {
  const names = (['surveyUrl', 'digestUrl'] as const).filter(
    (name) => draft[name]?.includes('{token}') === false,
  )
  return names.map((name) => ({
    pointer: `/${name}`,
    code: 'placeholder_missing',
    detail: 'It must have {token} in it.',
  }))
}

async function insertClient(tx: Tx, draft: ClientDraft, sourceId: number | null): Promise<number> {
  const created = await row<{ id: number }>(
    tx,
    `insert into api_clients (name, role, brand, origins, source_id, test, follow_url, survey_url, digest_url)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (name) do nothing returning id`,
    [
      draft.name,
      draft.role,
      draft.brand ?? null,
      draft.origins ?? [],
      sourceId,
      draft.test ?? false,
      draft.followUrl ?? null,
      draft.surveyUrl ?? null,
      draft.digestUrl ?? null,
    ],
    'insert-client',
  )
  if (created === undefined) throw nameTaken(draft.name)
  return created.id
}

async function writeChange(tx: Tx, id: number, change: ClientChange): Promise<void> {
  const has = (field: keyof ClientChange): boolean => change[field] !== undefined
  await rows(
    tx,
    `update api_clients set name = coalesce($2, name), origins = coalesce($3, origins),
       brand = case when $4 then $5 else brand end, follow_url = case when $6 then $7 else follow_url end,
       survey_url = case when $8 then $9 else survey_url end,
       digest_url = case when $10 then $11 else digest_url end, version = version + 1
     where id = $1`,
    [
      id,
      change.name ?? null,
      change.origins ?? null,
      has('brand'),
      change.brand ?? null,
      has('followUrl'),
      change.followUrl ?? null,
      has('surveyUrl'),
      change.surveyUrl ?? null,
      has('digestUrl'),
      change.digestUrl ?? null,
    ],
    'update-client',
  ).catch((error: { code?: string }) => {
    throw error.code === UNIQUE_VIOLATION ? nameTaken(change.name ?? '') : error
  })
}

async function bind(tx: Tx, id: number, organisationIds: readonly number[]): Promise<void> {
  await rows(tx, 'delete from api_client_organisations where client_id = $1', [id])
  await rows(
    tx,
    'insert into api_client_organisations (client_id, organisation_id) select $1, unnest($2::int[])',
    [id, organisationIds],
  )
}

const UNIQUE_VIOLATION = '23505'

function nameTaken(name: string): DomainError {
  return new DomainError('name_taken', {
    detail: `There is an API client "${name}" already, maybe a revoked one; send another /name.`,
  })
}
