import { createHmac } from 'node:crypto'
import t from 'tap'
import { isSignedBy, newWebhookSecret, timelyMessage } from '../../domain/webhook-signatures.ts'

// The example of Standard Webhooks 1.0, as its libraries test themselves.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const SENT = new Date(1_614_265_330_000)
const EXAMPLE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  body: Buffer.from('{"test": 2432232314}'),
}

t.test('the example of Standard Webhooks is signed by its secret, and by no other', async (t) => {
  const message = timelyMessage(EXAMPLE, SENT)
  t.ok(isSignedBy(message, [SECRET]))
  t.ok(isSignedBy(message, [newWebhookSecret(), SECRET]), 'either of two may have signed')
  t.notOk(isSignedBy(message, [newWebhookSecret()]))
  t.notOk(isSignedBy(message, []))
})

t.test('whatever is signed counts: id, time and every byte', async (t) => {
  const changes = [
    { id: 'msg_another' },
    { timestamp: '1614265331' },
    { body: Buffer.from('{"test":2432232314}') },
    { signature: EXAMPLE.signature.replace('g0h', 'g0i') },
    { signature: EXAMPLE.signature.slice(0, 20) },
  ]
  for (const change of changes)
    t.notOk(isSignedBy(timelyMessage({ ...EXAMPLE, ...change }, SENT), [SECRET]), JSON.stringify(change))
})

t.test('a header may hold several signatures, and what is not v1 is skipped', async (t) => {
  for (const signature of [
    `v1,AAAA ${EXAMPLE.signature}`,
    `v1a,${EXAMPLE.signature.slice(3)} ${EXAMPLE.signature}`,
    `${EXAMPLE.signature} v2,x`,
  ])
    t.ok(isSignedBy(timelyMessage({ ...EXAMPLE, signature }, SENT), [SECRET]), signature)
  for (const signature of [`v1a,${EXAMPLE.signature.slice(3)}`, EXAMPLE.signature.slice(3), 'v1', ' '])
    t.throws(() => timelyMessage({ ...EXAMPLE, signature }, SENT), {
      code: 'signature_invalid',
      details: { detail: /webhook-signature/ },
    })
})

t.test('five minutes off is in time, either way, and a second more is not', async (t) => {
  for (const seconds of [-300, 0, 300])
    t.ok(timelyMessage(EXAMPLE, new Date(SENT.getTime() + seconds * 1_000)), `${seconds}`)
  for (const seconds of [-301, 301])
    t.throws(() => timelyMessage(EXAMPLE, new Date(SENT.getTime() + seconds * 1_000)), {
      code: 'signature_invalid',
      details: { detail: /five minutes/ },
    })
})

t.test('what is missing or no time is named', async (t) => {
  for (const name of ['id', 'timestamp', 'signature'] as const)
    t.throws(() => timelyMessage({ ...EXAMPLE, [name]: undefined }, SENT), {
      code: 'signature_invalid',
      details: { detail: new RegExp(`webhook-${name}`) },
    })
  for (const timestamp of ['', 'now', '1614265330.5', '-1', '1614265330000000', '2021-02-25T15:02:10Z'])
    t.throws(() => timelyMessage({ ...EXAMPLE, timestamp }, SENT), {
      code: 'signature_invalid',
      details: { detail: /webhook-timestamp/ },
    })
})

t.test('a new secret is 32 random bytes that sign', async (t) => {
  const secret = newWebhookSecret()
  t.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  t.not(newWebhookSecret(), secret)
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const signature = createHmac('sha256', key)
    .update(`${EXAMPLE.id}.${EXAMPLE.timestamp}.{"test": 2432232314}`)
    .digest('base64')
  t.ok(isSignedBy(timelyMessage({ ...EXAMPLE, signature: `v1,${signature}` }, SENT), [secret]))
})
