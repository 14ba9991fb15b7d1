import { Gauge, type OpenMetricsContentType, type Registry } from 'prom-client'

export type MetricsRegistry = Registry<OpenMetricsContentType>

/** Names begin with it, but for those of the process, which everybody knows. */
export const PREFIX = 'care_connect_'

/** A figure that is read when it is asked for; one that cannot be read is left out. */
export function gauge<L extends string>(
  registry: MetricsRegistry,
  name: string,
  help: string,
  labelNames: readonly L[],
  collect: (made: Gauge<L>) => void | Promise<void>,
): void {
  const made: Gauge<L> = new Gauge({
    name: `${PREFIX}${name}`,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      try {
        await collect(made)
      } catch {
        // A figure without labels is 0 after a reset, and that would be said.
        if (labelNames.length === 0) made.remove()
        else made.reset()
      }
    },
  })
}
