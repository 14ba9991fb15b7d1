import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { createValidation } from '../../api/contract/validation.ts'
import { catalogue, type ProblemCode } from '../../api/problems.ts'

type Node = ReturnType<typeof JSON.parse>

const contract = readContract()
const validation = createValidation(contract)
const raw = contract.document as Node

t.test('every example of a body is valid', async (t) => {
  let count = 0
  for (const [place, media] of mediaTypes(raw, '#')) {
    const validate = validation.body(media.schema)
    for (const [name, example] of Object.entries<Node>(media.examples ?? {})) {
      count++
      t.ok(validate(example.value), `${place} ${name}: ${JSON.stringify(validate.errors)}`)
      t.ok(example.summary, `${place} ${name} has a summary`)
    }
  }
  t.ok(count > 20, `${count} examples were looked at`)
})

t.test('every body that is sent has an example', async (t) => {
  // A picture is its own example.
  for (const { id, body, path, method } of contract.operations)
    if (body?.content['application/json'])
      t.ok(raw.paths[path][method].requestBody.content['application/json'].examples, id)
})

t.test('every example of a parameter is valid', async (t) => {
  const parameters = contract.operations.flatMap((operation) =>
    operation.parameters.map((parameter) => ({ id: operation.id, parameter: parameter as Node })),
  )
  const withExample = parameters.filter(({ parameter }) => parameter.example !== undefined)
  t.ok(withExample.length > 5)
  for (const { id, parameter } of withExample)
    t.ok(validation.body(parameter.schema)(parameter.example), `${id} ${parameter.name}`)
})

t.test('the example of a problem is as the service says it', async (t) => {
  for (const [name, response] of Object.entries<Node>(raw.components.responses)) {
    const problem = response.content?.['application/problem+json']
    if (problem === undefined) continue
    for (const { value } of Object.values<Node>(problem.examples)) {
      const { status, title } = catalogue[value.code as ProblemCode]
      t.match(value, { status, title }, `${name} has the status and the title of its code`)
      t.ok(value.type.endsWith(`/errors#${value.code}`), `${name} links its code`)
    }
  }
})

function mediaTypes(node: Node, place: string): Array<[place: string, media: Node]> {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries<Node>(node).flatMap(([key, value]) =>
    key === 'content'
      ? Object.entries<Node>(value).map(([type, media]): [string, Node] => [`${place}/${type}`, media])
      : mediaTypes(value, `${place}/${key}`),
  )
}
