import { spawnSync } from 'node:child_process'

/** One value of the figures, as a parser that nobody here wrote has read it. */
export type Sample = { name: string; labels: Record<string, string>; value: number }

/** Why figures cannot be read by somebody else here, or false. */
export const withoutParser =
  process.env.CARE_TEST_OPENMETRICS === undefined && 'there is no OpenMetrics parser for Python'

/** Reads figures with the parser of Prometheus' own Python client; throws what it has against them. */
export function readByPrometheus(text: string): Sample[] {
  const program = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
samples = [s for family in text_string_to_metric_families(sys.stdin.read()) for s in family.samples]
print(json.dumps([{"name": s.name, "labels": s.labels, "value": float(s.value)} for s in samples if float(s.value) == float(s.value)]))`
  const { status, stdout, stderr } = spawnSync(process.env.CARE_TEST_OPENMETRICS ?? '', ['-c', program], {
    input: text,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the parser refuses the figures: ${stderr}`)
  return JSON.parse(stdout)
}

/** The samples of a text by the shape of its lines, for who needs no judgement of the whole. */
export function samplesIn(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])
      return { name, labels: Object.fromEntries(pairs), value: Number(value) }
    })
}

/** The value of the sample with this name and at least these labels; undefined when there is none. */
export function valueIn(samples: readonly Sample[]) {
  return (name: string, labels: Record<string, string>): number =>
    samples.find(
      (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
    )?.value as number
}
