import type { FilledTemplate } from '../../domain/fill-response-template.ts'
import type { ResponseTemplate } from '../../domain/response-templates.ts'
import type { Schemas } from '../contract/handler.ts'

/** A template as it is written. */
export function responseTemplateView(template: ResponseTemplate): Schemas['ResponseTemplate'] {
  return {
    template: template.reference,
    code: template.code,
    name: template.name,
    organisation: template.organisation,
    statuses: template.statuses,
    kinds: template.kinds,
    categories: template.categories,
    text: template.text,
    active: template.active,
    version: template.version,
    updatedAt: template.updatedAt,
  }
}

/** A template as it reads for one case. */
export function filledTemplateView(template: FilledTemplate): Schemas['FilledTemplate'] {
  const { reference, code, name, statuses, text } = template
  return { template: reference, code, name, statuses, text }
}
