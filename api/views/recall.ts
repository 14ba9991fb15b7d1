import type { Recall, RecallHolder } from '../../domain/recall-list.ts'
import type { Schemas } from '../contract/handler.ts'

/** A recall on the wire, with the holders that its reader may see. */
export function recallView(recall: Recall): Schemas['Recall'] {
  return {
    recall: recall.reference,
    case: recall.caseReference,
    reason: recall.reason,
    createdAt: recall.createdAt,
    confirmedAt: recall.confirmedAt,
    holders: recall.holders.map(holderView),
  }
}

function holderView(holder: RecallHolder): Schemas['RecallHolder'] {
  return {
    client: holder.client,
    how: holder.how,
    toldAt: holder.toldAt,
    confirmedAt: holder.confirmedAt,
    confirmedBy: holder.confirmedBy,
  }
}
