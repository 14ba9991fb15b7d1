import serializerSelector, { type RouteDefinition } from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'

type Validate = { (data: unknown): unknown; errors?: unknown }

/**
 * A validator that is compiled when it is first needed. Nobody calls all operations, and compiling the schemas of all
 * of them takes longer than everything else at start; the contract's tests compile each of them.
 */
export function lazyValidator(compile: () => Validate): Validate {
  let compiled: Validate | undefined
  const validate: Validate = (data) => {
    compiled ??= compile()
    const valid = compiled(data)
    validate.errors = compiled.errors
    return valid
  }
  return validate
}

/** Fastify's own serialisers, each compiled when it is first needed. */
export const lazySerializers: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: {
    buildSerializer(externalSchemas: unknown, options: unknown) {
      const build = serializerSelector()(externalSchemas as never, options as never)
      return (route: RouteDefinition) => {
        let serialize: ((data: unknown) => string) | undefined
        return (data: unknown) => {
          serialize ??= build(route) as (data: unknown) => string
          return serialize(data)
        }
      }
    },
  },
} as never
