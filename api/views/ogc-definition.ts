import type { ContractPart } from '../contract/part.ts'

type Node = { [key: string]: unknown }

/**
 * The API definition (OGC API - Features, section 9): what stands under `/ogc`, said so that GDAL and QGIS understand it.
 * They look for a parameter that is called `limit`, with its maximum, and for filters whose style and type are written out.
 */
export function definitionView(
  part: ContractPart,
  { publicUrl, mostFeatures }: { publicUrl: string; mostFeatures: number },
): ContractPart {
  const parameters = Object.entries(part.components.parameters ?? {}).map(([name, parameter]) => [
    nameOf(name),
    name === 'OgcLimit'
      ? withMaximum(parameter as Node, mostFeatures)
      : writtenOut(parameter as Node, part.components.schemas ?? {}),
  ])
  const renamed = JSON.stringify({
    ...part,
    servers: [{ url: `${publicUrl}/ogc` }],
    components: { ...part.components, parameters: Object.fromEntries(parameters) },
  }).replaceAll(
    /"#\/components\/parameters\/(\w+)"/g,
    (_, name) => `"#/components/parameters/${nameOf(name)}"`,
  )
  return JSON.parse(renamed)
}

// As the standard's own examples call them: `bbox`, `datetime`, `limit`.
function nameOf(name: string): string {
  const own = name.replace(/^Ogc/, '')
  return own === name ? name : own.charAt(0).toLowerCase() + own.slice(1)
}

function withMaximum(parameter: Node, maximum: number): Node {
  return { ...writtenOut(parameter, {}), schema: { ...(parameter.schema as Node), maximum } }
}

// `form` is the style of every query parameter, and whether a single value is exploded makes no difference.
function writtenOut(parameter: Node, schemas: Node): Node {
  if (parameter.in !== 'query') return parameter
  const { $ref } = parameter.schema as { $ref?: string }
  const schema = $ref === undefined ? parameter.schema : schemas[$ref.split('/').at(-1) ?? '']
  return { style: 'form', explode: false, ...parameter, schema }
}
