import type { RequestListener } from 'node:http'
import t, { type Test } from 'tap'
import { NotifyError, openNotify, readNotifyKey } from '../../net/notify.ts'
import { API_KEY, notifyServer } from '../workers/notify-server.ts'
import { serve } from './servers.ts'

const EMAIL = {
  to: 'invented@example.org',
  template: '9d751e0e-f929-4891-82a1-a3e1c3c18ee3',
  personalisation: { subject: 'Invented', body: 'Invented.' },
  reference: 'r1',
  replyTo: null,
  unsubscribeUrl: null,
}
const soon = () => AbortSignal.timeout(10_000)

function openTo(t: Test, { url, authority }: { url: string; authority: string }, apiKey = API_KEY) {
  const notify = openNotify({ url, apiKey, allowPrivate: [authority], userAgent: 'care-connect-test/0.1' })
  t.teardown(notify.close)
  return notify
}

async function problemOf(sending: Promise<unknown>): Promise<string> {
  const error = await sending.then(
    () => 'nothing went wrong',
    (one) => one,
  )
  return error instanceof NotifyError ? `${error.problem} ${error.permanent}` : String(error)
}

t.test('a key is a name that may have anything in it, a service and a secret', async (t) => {
  t.same(readNotifyKey(`a-b ${API_KEY}`), {
    service: '26785a09-ab16-4eb0-8407-a37497a57506',
    secret: '3d844edf-8d35-48ac-975b-e847b4f122b0',
  })
  for (const wrong of ['', 'x', API_KEY.slice(9), API_KEY.slice(0, -1)]) t.equal(readNotifyKey(wrong), null)
  const options = { url: 'https://notify.example', allowPrivate: [], userAgent: 'x' }
  t.throws(() => openNotify({ ...options, apiKey: 'nonsense' }), { message: /^(?!.*nonsense)/ })
})

t.test('what is sent is found by its reference, until it has failed', async (t) => {
  const server = await notifyServer(t)
  const notify = openTo(t, server)
  const id = await notify.sendEmail({ ...EMAIL, unsubscribeUrl: 'https://api.test.example/stop' }, soon())
  t.match(server.taken, [{ wire: { one_click_unsubscribe_url: 'https://api.test.example/stop' } }])
  t.equal(await notify.findEmail('r1', soon()), id)
  t.equal(await notify.findEmail('r2', soon()), undefined)
  for (const status of ['sending', 'delivered', 'something-new']) {
    Object.assign(server.taken[0] ?? {}, { status })
    t.equal(await notify.findEmail('r1', soon()), id, status)
  }
  for (const status of ['permanent-failure', 'temporary-failure', 'technical-failure']) {
    Object.assign(server.taken[0] ?? {}, { status })
    t.equal(await notify.findEmail('r1', soon()), undefined, status)
  }
})

t.test('odd answers', async (t) => {
  const answering = async (handler: RequestListener) => openTo(t, await serve(t, handler))
  const html = await answering((request, response) =>
    response.writeHead(request.method === 'POST' ? 201 : 200).end('<p>Thank you'),
  )
  t.equal(await html.sendEmail(EMAIL, soon()), null, 'it was taken, whatever else it says')
  t.equal(await problemOf(html.findEmail('r1', soon())), 'notify_unreadable false', 'nobody knows')

  const other = { id: 'x', reference: 'other', status: 'delivered' }
  const lax = await answering((_, response) =>
    response.end(JSON.stringify({ notifications: [null, 1, other] })),
  )
  t.equal(await lax.findEmail('r1', soon()), undefined, 'one that does not filter')

  const long = await answering((_, response) => response.writeHead(201).end(Buffer.alloc(3_000_000, ' ')))
  t.equal(await problemOf(long.sendEmail(EMAIL, soon())), 'notify_too_large false')
  const silent = await answering(() => undefined)
  t.equal(await problemOf(silent.sendEmail(EMAIL, AbortSignal.timeout(50))), 'notify_timeout false')
  t.equal(await problemOf(silent.sendEmail(EMAIL, AbortSignal.abort())), 'notify_aborted false')
})

t.test('a private address is not called, by number or by name, nor is what it redirects to', async (t) => {
  const server = await notifyServer(t)
  const closed = openTo(t, { url: server.url, authority: 'elsewhere:1' })
  t.equal(await problemOf(closed.sendEmail(EMAIL, soon())), 'notify_forbidden_address false')
  const named = openNotify({
    url: 'http://notify.example',
    apiKey: API_KEY,
    allowPrivate: [],
    userAgent: 'x',
    lookup: async () => [{ address: '127.0.0.1', family: 4 }],
  })
  t.teardown(named.close)
  t.equal(await problemOf(named.sendEmail(EMAIL, soon())), 'notify_forbidden_address false')
  const redirecting = await serve(t, (_, response) =>
    response.writeHead(307, { location: `${server.url}/v2/notifications/email` }).end(),
  )
  t.equal(await problemOf(openTo(t, redirecting).sendEmail(EMAIL, soon())), 'notify_307 false')
  t.equal(server.taken.length, 0)
})
