import type { PersonalData } from '../../domain/personal-data.ts'
import type { Preview } from '../../domain/previews.ts'
import type { Schemas } from '../contract/handler.ts'

/** How a draft would look in public, and what to look at again. */
export function previewView(preview: Preview): Schemas['Preview'] {
  const { personalData, warnings } = preview
  return {
    public: preview.public && {
      title: preview.public.title,
      text: preview.public.text,
      authorName: preview.public.authorName,
    },
    personalData: personalData.map(personalDataView),
    warnings: warnings?.map(({ pointer, code, detail }) => ({ in: 'body', pointer, code, detail })) ?? null,
  }
}

/** A span of a title or text that looks like personal data. */
export function personalDataView(span: PersonalData): Schemas['PersonalData'] {
  return {
    field: span.field,
    kind: span.kind,
    from: span.from,
    to: span.to,
    confidence: span.confidence,
  }
}
