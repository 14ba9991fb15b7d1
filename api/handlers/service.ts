import { listCategories as listFromStore } from '../../domain/categories.ts'
import { isStoreReady } from '../../domain/health.ts'
import { categoryView } from '../views/category.ts'
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
