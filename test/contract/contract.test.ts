import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { createValidation, qualified } from '../../api/contract/validation.ts'
import { roleScopes } from '../../domain/callers.ts'

type Node = ReturnType<typeof JSON.parse>

const contract = readContract()
const { document, operations } = contract
const raw = document as Node
const verbs = 'answer|count|create|decide|end|get|list|push|receive|remove|renew|revoke|search|stream|update'
const schemes = Object.keys(raw.components.securitySchemes)
const tags: string[] = raw.tags.map((tag: Node) => tag.name)

t.test('an operationId is a verb and a noun in camelCase, and unique', async (t) => {
  for (const { id } of operations) t.match(id, new RegExp(`^(${verbs})([A-Z][a-z]+)+$`))
  t.equal(new Set(operations.map(({ id }) => id)).size, operations.length)
})

t.test('every operation has a summary, a description, one known tag and a security rule', async (t) => {
  for (const { id, path, method, security } of operations) {
    const operation = raw.paths[path][method]
    t.ok(operation.summary?.length > 5, `${id} has a summary`)
    t.ok(operation.description?.length > 5, `${id} has a description`)
    t.equal(operation.tags?.length, 1, `${id} has one tag`)
    t.ok(tags.includes(operation.tags[0]), `${id} has a known tag`)
    t.ok(security.length > 0, `${id} has a security rule`)
    for (const choice of security)
      t.ok(
        Object.keys(choice).every((scheme) => schemes.includes(scheme)),
        `${id} uses known security schemes`,
      )
  }
  const used = operations.map(({ path, method }) => raw.paths[path][method].tags[0])
  t.same([...tags].sort(), [...new Set(used)].sort(), 'every tag is used')
})

t.test('every parameter, response, header, schema and security scheme has a description', async (t) => {
  for (const { id, parameters, responses } of operations) {
    for (const { name, description } of parameters) t.ok(description, `${id} ${name} has a description`)
    for (const [status, { description }] of Object.entries(responses))
      t.ok(description, `${id} ${status} has a description`)
  }
  for (const kind of ['parameters', 'headers', 'responses', 'schemas', 'securitySchemes'])
    for (const [name, value] of Object.entries<Node>(raw.components[kind]))
      t.ok(value.description, `${kind} ${name} has a description`)
})

// What they are about stands in the body: in an address it would be personal data.
const namesInBody = ['createErasure', 'createSubjectAccess']

t.test('every operation declares the errors that it can answer, and no others', async (t) => {
  for (const { id, method, path, parameters, body, responses, security } of operations) {
    const has = (name: string): boolean => parameters.some((parameter) => parameter.name === name)
    const schemesOf = security.flatMap((choice) => Object.keys(choice))
    const takesKey = schemesOf.some((scheme) => scheme !== 'caseReceipt' && scheme !== 'webhookSignature')
    const wanted = [
      '400',
      '500',
      ...(schemesOf.length > 0 ? ['401'] : []),
      ...(takesKey ? ['403'] : []),
      ...(/^\/(v1|ogc)/.test(path) ? ['429', '503'] : []),
      ...(path.includes('{') || namesInBody.includes(id) ? ['404'] : []),
      ...(body === undefined ? [] : ['413', '415']),
      ...(has('If-Match') ? ['412', '428'] : []),
      ...(has('Idempotency-Key') || has('webhook-id') ? ['422'] : []),
      ...(has('If-None-Match') ? ['304'] : []),
      ...(id === 'getReadiness' || id === 'getHealth' ? ['503'] : []),
    ]
    const declared = Object.keys(responses).filter(
      (status) => !status.startsWith('2') && status !== '409', // 409 is a matter of the rules, not of the shape.
    )
    t.same(declared.sort(), wanted.sort(), `${method} ${path}`)
  }
})

// Posts without an Idempotency-Key: what is kept of an answer must not be a secret, a repeat changes nothing by itself,
// nobody is known whose key it would be, or what is sent has a name of its own.
const notRepeated = [
  ...[
    'answerSurvey',
    'createAlias',
    'createCancellation',
    'createClaim',
    'createClient',
    'createDigestConfirmation',
    'createDigestEnd',
    'createDismissal',
    'createErasure',
    'createImage',
    'createKey',
    'createPreview',
    'createRecallConfirmation',
    'createReport',
    'createSourceSecret',
    'createSubscription',
    'createSubjectAccess',
    'createSubscriptionSecret',
    'receiveNotifyReceipt',
    'receiveText',
    'receiveWebhook',
    'searchContacts',
  ],
]
// Under a case, but not a change of it by staff.
const withoutVersion = ['createClaim', 'endClaim', 'createReport']

t.test(
  'reads can be conditional, creating posts can be repeated, writes of staff to what exists name the version',
  async (t) => {
    for (const { id, method, path, parameters, security } of operations) {
      if (!path.startsWith('/v1/')) continue
      const has = (name: string): boolean => parameters.some((parameter) => parameter.name === name)
      // A stream has no end, and so no version.
      t.equal(has('If-None-Match'), method === 'get' && id !== 'streamEvents', `${id} and If-None-Match`)
      t.equal(
        has('Idempotency-Key'),
        method === 'post' && !notRepeated.includes(id),
        `${id} and Idempotency-Key`,
      )
      const byReceipt = security.every((choice) => choice.caseReceipt !== undefined)
      const ofCase = /^\/v1\/cases\/\{reference\}\//.test(path) && !byReceipt && !withoutVersion.includes(id)
      const ofOrganisation = /^\/v1\/organisations\/\{code\}\/(closure|services)/.test(path)
      const changes = method === 'patch' || ((ofCase || ofOrganisation) && method !== 'get')
      t.equal(has('If-Match'), changes, `${id} and If-Match`)
    }
  },
)

// What is created has an address of its own.
const addressed = [
  'createCase',
  'createClient',
  'createDigest',
  'createErasure',
  'createOrganisation',
  'createQuery',
  'createResponse',
  'createResponseTemplate',
  'createSource',
  'createSubscription',
]

t.test('every answer names its request, every page has the shape of a page', async (t) => {
  for (const { id, responses, parameters } of operations) {
    for (const [status, { headers }] of Object.entries(responses))
      t.ok(headers?.['Request-Id'], `${id} ${status} has a Request-Id`)
    const created = responses['201'] as Node
    if (created) t.equal('Location' in created.headers, addressed.includes(id), `${id} and Location`)
    if (!parameters.some(({ name }) => name === 'after') || id === 'streamEvents') continue
    t.ok(responses['200']?.headers?.Link, `${id} links the next page`)
    t.ok(
      parameters.some(({ name }) => name === 'limit'),
      `${id} takes a limit`,
    )
  }
  // The change log has no end: there is always a place to go on.
  for (const [name, schema] of Object.entries<Node>(raw.components.schemas))
    if (name.endsWith('Page') && name !== 'EventPage')
      t.same(schema.required, ['items', 'next'], `${name} is a page`)
})

t.test('every object refuses what it does not know', async (t) => {
  walk(raw.components.schemas, '#/components/schemas', (node, place) => {
    if (node.type !== 'object') return
    // An item that is none is quarantined, so the batch must be able to hold one.
    if (place === '#/components/schemas/NewItems/properties/items/items/anyOf/1') return
    // The façades of GOV.UK Notify: it may send more one day.
    if (/\/Notify(Text|Receipt)$/.test(place)) return
    // Some fields of anything.
    if (place === '#/components/schemas/SparseItem') return
    // OpenAPI is a language of its own.
    if (place === '#/components/schemas/OgcDefinition') return
    // JSON Schema is a language of its own.
    if (place === '#/components/schemas/Form/properties/schema') return
    t.equal(node.additionalProperties, false, `${place} is closed`)
  })
})

t.test('every text that comes in is bounded, and cannot hold what the store cannot', async (t) => {
  const inputs = Object.keys(raw.components.schemas).filter((name) => /^New|Update$|Search$/.test(name))
  const parts = ['DepartmentCode', 'ReportedTitle', 'ReportedText', 'VisitMonth', 'UploadedImageName']
  const others = ['CaseRating', 'SourceSettings', 'OrganisationKey', 'TextEdit', 'NotifyText']
  const names = [...inputs, ...parts, ...others]
  for (const name of names)
    walk(raw.components.schemas[name], name, (node, place) => {
      if (![node.type].flat().includes('string') || node.enum || node.const) return
      t.ok(node.maxLength || !/[*+]/.test(node.pattern), `${place} has a greatest length`)
      if (node.format) return
      t.ok(node.pattern, `${place} has a pattern`)
      const pattern = new RegExp(node.pattern, 'u')
      t.notOk(pattern.test('a\u0000b'), `${place} refuses U+0000`)
      t.notOk(pattern.test('a\ud800b'), `${place} refuses half a character`)
    })
})

t.test('every schema compiles: the service itself compiles each when it is first needed', async (t) => {
  const { body, text, component } = createValidation(contract)
  const ajv = new Ajv2020({ strict: false })
  for (const [name, schema] of Object.entries(document.components.schemas))
    t.ok(ajv.validateSchema(qualified(schema)), `${name} is a schema`)
  for (const name of Object.keys(raw.components.schemas)) t.type(component(name), 'function', name)
  for (const operation of operations) {
    for (const { schema } of Object.values(operation.body?.content ?? {})) t.type(body(schema), 'function')
    for (const { name, schema } of operation.parameters)
      t.type(text(schema), 'function', `${operation.id} ${name}`)
  }
})

t.test('no pattern takes long over a long text', async (t) => {
  // All rules of a field are tried, so a pattern meets texts longer than maxLength, up to the size of a body.
  const hostile = ['a', ' ', '0', 'a-', '. '].flatMap((part) =>
    ['', '\u0000', '!'].map((end) => part.repeat(15_000) + end),
  )
  walk(raw, '#', (node, place) => {
    if (typeof node.pattern !== 'string') return
    const pattern = new RegExp(node.pattern, 'u')
    const started = performance.now()
    for (const text of hostile) pattern.test(text)
    t.ok(performance.now() - started < 300, `${place} is quick`)
  })
})

t.test('every scope in the contract exists, and every scope that exists opens an operation', async (t) => {
  const inContract = operations.flatMap(({ security }) =>
    security.flatMap((choice) => Object.values(choice).flat()),
  )
  const inDomain = Object.values(roleScopes).flat()
  t.same([...new Set<string>(inContract)].sort(), [...new Set<string>(inDomain)].sort())
})

function walk(node: Node, place: string, visit: (node: Node, place: string) => void): void {
  if (typeof node !== 'object' || node === null) return
  if (!Array.isArray(node)) visit(node, place)
  for (const [key, value] of Object.entries(node)) {
    if (key === 'example' || key === 'examples') continue
    walk(value, `${place}/${key}`, visit)
  }
}
