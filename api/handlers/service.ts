import { listCategories as listFromStore } from '../../domain/categories.ts'
import { isStoreReady } from '../../domain/health.ts'
import { knownWorkHealth } from '../../domain/work-health.ts'
import { categoryView } from '../views/category.ts'
import { workHealthView } from '../views/work-health.ts'
import type { Handle } from './context.ts'

export const listCategories: Handle<'listCategories'> = async ({ db }) => {
  const categories = await listFromStore(db)
  return { status: 200, body: { items: categories.map(categoryView), next: null } }
}

export const getLiveness: Handle<'getLiveness'> = async () => ({ status: 200, body: { status: 'ok' } })

export const getReadiness: Handle<'getReadiness'> = async ({ db }) => {
  await isStoreReady(db)
  return { status: 200, body: { status: 'ok' } }
}

export const getHealth: Handle<'getHealth'> = async ({ db, now }) => ({
  status: 200,
  body: workHealthView(await knownWorkHealth(db, now)),
})
