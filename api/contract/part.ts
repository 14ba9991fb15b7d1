import type { ContractDocument } from './contract.ts'

/** A contract of its own, as JSON. */
export type ContractPart = {
  openapi: string
  paths: Record<string, unknown>
  components: Record<string, Record<string, unknown>>
  [more: string]: unknown
}

type Node = { [key: string]: unknown }

/** The part of the contract that stands under a path, which is taken off there, with what it refers to and nothing else. */
export function partUnder(document: ContractDocument, prefix: string): ContractPart {
  const { openapi, info, tags } = document as unknown as ContractDocument & { tags: { name: string }[] }
  const paths = Object.fromEntries(
    Object.entries(document.paths)
      .filter(([path]) => path === prefix || path.startsWith(`${prefix}/`))
      .map(([path, item]) => [path.slice(prefix.length) || '/', item]),
  )
  const names = new Set(valuesIn(paths, 'tags').flat())
  return {
    openapi,
    info,
    tags: tags.filter(({ name }) => names.has(name)),
    paths,
    components: componentsOf(document, paths),
  }
}

function componentsOf(document: ContractDocument, paths: Node): ContractPart['components'] {
  const wanted = new Set<string>()
  const follow = (node: unknown) => {
    for (const ref of valuesIn(node, '$ref') as string[]) {
      const place = ref.slice('#/components/'.length)
      if (wanted.has(place)) continue
      wanted.add(place)
      follow(componentAt(document, place))
    }
  }
  follow(paths)
  for (const choices of valuesIn(paths, 'security') as object[][])
    for (const scheme of choices.flatMap(Object.keys)) wanted.add(`securitySchemes/${scheme}`)

  const components: ContractPart['components'] = {}
  for (const place of wanted) {
    const [kind = '', name = ''] = place.split('/')
    components[kind] = { ...components[kind], [name]: componentAt(document, place) }
  }
  return components
}

function componentAt({ components }: ContractDocument, place: string): unknown {
  const [kind = '', name = ''] = place.split('/')
  return (components as unknown as Record<string, Node>)[kind]?.[name]
}

function valuesIn(node: unknown, key: string): unknown[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([name, value]) => (name === key ? [value] : valuesIn(value, key)))
}
