import {
  listNotifications as listNotificationsFromStore,
  retryNotification,
} from '../../domain/notification-admin.ts'
import { noteNotifyReceipt } from '../../domain/notify-receipts.ts'
import { notificationView } from '../views/notification.ts'
import { clientOf, type Handle } from './context.ts'

export const listNotifications: Handle<'listNotifications'> = async ({ db, query }) => {
  const { after, limit = 20, state, kind, case: about } = query
  const { items, next } = await listNotificationsFromStore(db, { state, kind, case: about }, { after, limit })
  return { status: 200, body: { items: items.map(notificationView), next }, next }
}

export const createNotificationRetry: Handle<'createNotificationRetry'> = async (request) => {
  const { db, path, header, now } = request
  const key = header['Idempotency-Key']
  const listed = await retryNotification(db, clientOf(request), path.notification, { key, now })
  return { status: 202, body: notificationView(listed) }
}

export const receiveNotifyReceipt: Handle<'receiveNotifyReceipt'> = async ({ db, body, now, alarm }) => {
  const outcome = await noteNotifyReceipt(db, body, { now, random: Math.random })
  if (outcome?.kind === 'urgent_for_on_call' && outcome.state === 'failed')
    alarm({ notification: outcome.id }, 'nobody could be told of an urgent case')
  return { status: 204, body: undefined }
}
