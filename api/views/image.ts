import type { WaitingImage } from '../../domain/images.ts'
import type { Schemas } from '../contract/handler.ts'

/** A picture that waits for its case. */
export function uploadedImageView(image: WaitingImage): Schemas['UploadedImage'] {
  return {
    image: image.token,
    mediaType: image.mediaType,
    width: image.width,
    height: image.height,
    bytes: image.bytes,
    expiresAt: image.expiresAt,
  }
}
