import type { FormHint } from '../../domain/form-hints.ts'
import type { Form } from '../../domain/forms.ts'
import type { Schemas } from '../contract/handler.ts'

/** A form with where it is sent. */
export function formView(
  form: Form,
  {
    publicUrl,
    notice,
    images,
  }: { publicUrl: string; notice: string; images: { most: number; mediaTypes: string[]; maxBytes: number } },
): Schemas['Form'] {
  return {
    kind: form.kind,
    organisation: { code: form.organisation.code, name: form.organisation.name },
    version: form.version,
    title: form.title,
    schema: form.schema,
    hints: form.hints.map(hintView),
    notice,
    terms: form.terms,
    submit: { method: 'POST', url: `${publicUrl}/v1/cases` },
    images: {
      method: 'POST',
      url: `${publicUrl}/v1/images`,
      most: images.most,
      mediaTypes: images.mediaTypes,
      maxBytes: images.maxBytes,
    },
  }
}

function hintView({ pointer, widget, label, help, required, options }: FormHint): Schemas['FormHint'] {
  return {
    pointer,
    widget,
    label,
    help,
    required,
    options: options.map((option) => ({ value: option.value, label: option.label, help: option.help })),
  }
}
