import type { BoundingBox } from './areas.ts'
import type { AddCondition } from './sql-conditions.ts'

/** Lets the index of places find the organisations `o` in a box that does not cross the antimeridian; what is exact is said beside it. */
export function addBox([west, south, east, north]: BoundingBox, add: AddCondition): void {
  add(
    (w, s, e, n) =>
      `mercator(o.latitude, o.longitude) <@ box(mercator(${n}::float8, ${w}::float8), mercator(${s}::float8, ${e}::float8))`,
    ...[west, south, east, north],
  )
}
