import { readImage, uploadImage } from '../../domain/images.ts'
import { uploadedImageView } from '../views/image.ts'
import { clientOf, type Handle } from './context.ts'

export const createImage: Handle<'createImage'> = async (request) => {
  const image = await uploadImage(request.db, clientOf(request), request.body ?? Buffer.alloc(0))
  return { status: 201, body: uploadedImageView(image) }
}

export const getImage: Handle<'getImage'> = async ({ db, caller, path }) => ({
  status: 200,
  body: await readImage(db, caller, path.reference, path.image),
})
