import type { QueryView } from '../prisma/client.ts'
import { type ClientCaller, roleScopes } from './callers.ts'
import { PUBLIC_TYPES } from './change-log.ts'
import type { Problem } from './errors.ts'

/** So many that have not ended may a client have. */
export const MOST_SUBSCRIPTIONS = 50

/** What may be wrong with an address to which events are sent; whether it leads anywhere private is seen when it is called. */
export function urlProblems(address: string): Problem[] {
  const url = URL.parse(address)
  if (url === null) return [{ pointer: '/url', code: 'not_valid', detail: 'This is no address.' }]
  if (url.username !== '' || url.password !== '') {
    const detail = 'Leave name and password out: the signature says who sends.'
    return [{ pointer: '/url', code: 'has_credentials', detail }]
  }
  if (url.hash !== '') {
    return [
      { pointer: '/url', code: 'has_fragment', detail: 'What stands behind # is not sent; leave it out.' },
    ]
  }
  const plain = url.protocol === 'http:' && LOOPBACK.test(url.hostname)
  if (url.protocol === 'https:' || plain) return []
  return [{ pointer: '/url', code: 'not_https', detail: 'Events are sent by https only.' }]
}

/** Types that nobody in this view hears of: a filter that selects nothing is a mistake. */
export function typeProblems(view: QueryView, types: readonly string[]): Problem[] {
  if (view === 'mine') return []
  return types.flatMap((type, n) =>
    (PUBLIC_TYPES as readonly string[]).includes(type)
      ? []
      : [
          {
            pointer: `/types/${n}`,
            code: 'needs_own_view',
            detail: `In the public view there are only ${PUBLIC_TYPES.join(', ')}.`,
          },
        ],
  )
}

/** A key that may not read the cases of its client must not have them sent either. */
export function viewProblems(client: ClientCaller, view: QueryView, pointer: string): Problem[] {
  const reads = roleScopes[client.role].includes('cases:read')
  if (view === 'public' || !reads || client.scopes.includes('cases:read')) return []
  const detail = 'This key may not read the cases of its client, so it cannot say where they are sent.'
  return [{ pointer, code: 'no_own_cases', detail }]
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/
