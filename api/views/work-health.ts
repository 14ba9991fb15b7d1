import type { WorkHealth } from '../../domain/work-health.ts'
import type { Schemas } from '../contract/handler.ts'

export function workHealthView({ status, checkedAt, work }: WorkHealth): Schemas['WorkHealth'] {
  return {
    status,
    checkedAt,
    work: work.map(({ kind, waiting, oldestSeconds, deadlineSeconds, late }) => ({
      kind,
      waiting,
      oldestSeconds,
      deadlineSeconds,
      late,
    })),
  }
}
