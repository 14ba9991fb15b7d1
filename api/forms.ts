import type { ValidateFunction } from 'ajv/dist/2020.js'
import type { CaseFields, Form } from '../domain/forms.ts'
import type { Contract } from './contract/contract.ts'
import { inlined } from './contract/inlined.ts'
import { fieldProblems, standalone } from './contract/validation.ts'
import type { FormsAtHand } from './handlers/context.ts'

const REMEMBER_MOST = 500

/** Forms by this contract. Compiled schemas are remembered by version, the 500 used last. */
export function createForms(contract: Contract): FormsAtHand {
  const compiled = new Map<string, ValidateFunction>()
  const validatorOf = ({ version, schema }: Form): ValidateFunction => {
    const validate = compiled.get(version) ?? standalone(schema)
    compiled.delete(version)
    compiled.set(version, validate)
    if (compiled.size > REMEMBER_MOST) compiled.delete(compiled.keys().next().value as string)
    return validate
  }
  return {
    fields: inlined(contract, 'NewCase').properties as CaseFields,
    problemsOf: (form, body) => {
      const validate = validatorOf(form)
      return validate(body) ? [] : fieldProblems('body', validate.errors ?? [])
    },
    images: imagesIn(contract),
  }
}

function imagesIn({ operations }: Contract): FormsAtHand['images'] {
  const upload = operations.find(({ id }) => id === 'createImage')
  if (upload?.body === undefined || upload.bodyLimit === undefined) {
    throw new Error('the contract does not say how large a picture may be')
  }
  const mediaTypes = Object.keys(upload.body.content).filter((type) => type.startsWith('image/'))
  return { mediaTypes, maxBytes: upload.bodyLimit }
}
