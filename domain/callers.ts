import type { Role } from '../prisma/client.ts'

export type { Db } from '../prisma/client.ts'

/** Who asks: anybody, somebody with a receipt, or an API client with a key. */
export type Caller = { kind: 'public' } | ReporterCaller | ClientCaller

/** Whoever shows a receipt; whether it fits is decided at the case. */
export type ReporterCaller = { kind: 'reporter'; receipt: string }

export type ClientCaller = {
  kind: 'client'
  clientId: number
  name: string
  role: Role
  scopes: readonly Scope[]
  publishable: boolean
  brand: string | null
  /** Its cases are only tried out. */
  test: boolean
  /** For a provider its organisations and all below them; for a commissioner all that it commissions. */
  organisationIds: readonly number[]
  sourceId: number | null
  /** The person behind a staff tool, as the tool names them. */
  actingUser: string | null
}

export type Scope =
  | 'cases:create'
  | 'cases:read'
  | 'cases:moderate'
  | 'cases:respond'
  | 'contacts:search'
  | 'items:push'
  | 'sources:read'
  | 'sources:manage'
  | 'organisations:manage'
  | 'clients:manage'
  | 'accesses:read'
  | 'subscriptions:manage'
  | 'notifications:manage'
  | 'figures:read'
  | 'cases:escalate'
  | 'personal-data:manage'

/** A role is a named set of scopes; the contract says which operation needs which. */
export const roleScopes: Readonly<Record<Role, readonly Scope[]>> = {
  form: ['cases:create'],
  integrator: ['cases:create', 'cases:read', 'subscriptions:manage'],
  case_handler: [
    'cases:create',
    'cases:read',
    'cases:moderate',
    'cases:respond',
    'contacts:search',
    'cases:escalate',
    'figures:read',
    'subscriptions:manage',
  ],
  second_tier: ['cases:read', 'cases:moderate', 'figures:read', 'subscriptions:manage'],
  provider: ['cases:read', 'cases:respond', 'figures:read', 'subscriptions:manage'],
  commissioner: ['cases:read', 'cases:escalate', 'figures:read', 'subscriptions:manage'],
  feed_provider: ['items:push', 'sources:read', 'subscriptions:manage'],
  supplier: ['subscriptions:manage'],
  administrator: [
    'sources:read',
    'sources:manage',
    'organisations:manage',
    'clients:manage',
    'accesses:read',
    'subscriptions:manage',
    'notifications:manage',
    'figures:read',
    'personal-data:manage',
  ],
}

/** Roles whose tool must say which person acts. */
export const staffRoles: readonly Role[] = [
  'case_handler',
  'second_tier',
  'provider',
  'commissioner',
  'administrator',
]
