import type { ListedNotification } from '../../domain/notification-admin.ts'
import type { Schemas } from '../contract/handler.ts'

/** A notification, without whom it goes to and without what it says. */
export function notificationView(notification: ListedNotification): Schemas['Notification'] {
  return {
    id: notification.id,
    kind: notification.kind,
    case: notification.case,
    organisation: notification.organisation,
    state: notification.state,
    attempts: notification.attempts,
    problem: notification.problem,
    nextAttemptAt: notification.nextAttemptAt,
    createdAt: notification.createdAt,
    sentAt: notification.sentAt,
  }
}
