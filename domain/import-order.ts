import type { FileRow, RowGroup, WantedRow } from './import-rows.ts'

/** The rows that are read, as one group for each code; the others as they stand. */
export function groupsOf(rows: readonly FileRow[]): { groups: RowGroup[]; left: FileRow[] } {
  const byCode = new Map<string, [WantedRow, ...WantedRow[]]>()
  const left: FileRow[] = []
  for (const row of rows) {
    if (!('wanted' in row) || row.code === null) {
      left.push(row)
      continue
    }
    const known = byCode.get(row.code)
    const one = { line: row.line, wanted: row.wanted }
    if (known === undefined) byCode.set(row.code, [one])
    else known.push(one)
  }
  return { groups: [...byCode].map(([code, rows]) => ({ code, rows })), left }
}

/**
 * The groups in an order in which what a group names comes before it, otherwise as in the file; those that name each other in a
 * circle, by themselves.
 */
export function inOrder(groups: readonly RowGroup[]): { ordered: RowGroup[]; circling: RowGroup[] } {
  const byCode = new Map(groups.map((group) => [group.code, group]))
  const waitsFor = new Map<RowGroup, number>()
  const waiting = new Map<RowGroup, RowGroup[]>()
  for (const group of groups) {
    const named = new Set(namedBy(group).flatMap((code) => byCode.get(code) ?? []))
    named.delete(group)
    waitsFor.set(group, named.size)
    for (const one of named) {
      const others = waiting.get(one)
      if (others === undefined) waiting.set(one, [group])
      else others.push(group)
    }
  }
  const ordered = groups.filter((group) => waitsFor.get(group) === 0)
  // It grows while it is walked.
  for (const done of ordered) {
    for (const group of waiting.get(done) ?? []) {
      const left = (waitsFor.get(group) ?? 0) - 1
      waitsFor.set(group, left)
      if (left === 0) ordered.push(group)
    }
  }
  return { ordered, circling: groups.filter((group) => (waitsFor.get(group) ?? 0) > 0) }
}

/** The codes of other organisations that a group names. */
export function namedBy({ rows: [{ wanted }] }: RowGroup): string[] {
  const { parent, successor, commissioners = [] } = wanted
  return [parent, successor, ...commissioners].filter((code) => code != null)
}
