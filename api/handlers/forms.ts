import { getForm as getFormFromStore } from '../../domain/forms.ts'
import { MOST_IMAGES } from '../../domain/images.ts'
import { formView } from '../views/form.ts'
import type { Handle } from './context.ts'

export const getForm: Handle<'getForm'> = async ({ db, path, query, now, forms, service, publicUrl }) => {
  const form = await getFormFromStore(db, path.kind, query.organisation, { fields: forms.fields, now })
  return {
    status: 200,
    body: formView(form, {
      publicUrl,
      notice: service.notice,
      images: { ...forms.images, most: MOST_IMAGES },
    }),
  }
}
