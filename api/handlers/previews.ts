import { previewCase } from '../../domain/previews.ts'
import { previewView } from '../views/preview.ts'
import { clientOf, type Handle } from './context.ts'

export const createPreview: Handle<'createPreview'> = async (request) => {
  const { db, body, now, forms } = request
  const preview = await previewCase(db, clientOf(request), body, { now, forms })
  return { status: 200, body: previewView(preview) }
}
