import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NotificationKind } from '../../prisma/client.ts'
import { serverOf } from '../../workers/mail/mailer.ts'
import { fillTemplate, placesOf, readTemplate } from '../../workers/mail/template.ts'
import { templates } from '../../workers/mail/templates.ts'

// What the domain says of each (domain/addressees.ts), and no more.
const reporter = ['link', 'organisation', 'public', 'reference']
const organisation = ['link', 'reference']
const known: Record<NotificationKind, string[]> = {
  case_for_organisation: organisation,
  referral_for_organisation: organisation,
  feedback_digest: ['count', 'references'],
  urgent_for_on_call: ['reference'],
  receipt_for_reporter: [...reporter, 'notice'],
  question_for_reporter: reporter,
  response_for_reporter: reporter,
  closing_for_reporter: reporter,
  removal_for_reporter: reporter,
  restoration_for_reporter: reporter,
  survey_for_reporter: reporter,
  digest_confirmation: ['link', 'notice', 'query', 'token'],
  query_digest: ['count', 'link', 'notice', 'query', 'references', 'token'],
  subscription_paused: ['notice', 'reason', 'subscription'],
  escalation_for_commissioner: organisation,
  escalation_for_national_contact: ['reference'],
  extension_for_reporter: reporter,
}

t.test('every kind has a message, and no message is left over', async (t) => {
  const files = readdirSync(join(import.meta.dirname, '../../workers/mails'))
  t.same(
    files.sort(),
    Object.keys(NotificationKind)
      .map((kind) => `${kind.replaceAll('_', '-')}.txt`)
      .sort(),
  )
})

for (const [kind, template] of Object.entries(templates) as [
  NotificationKind,
  (typeof templates)['feedback_digest'],
][]) {
  t.test(`the message ${kind} can be filled, with a link and without`, async (t) => {
    t.same(
      placesOf(template).filter((place) => !known[kind].includes(place)),
      [],
      'every place is known',
    )
    for (const there of [true, false]) {
      const optional = ['link', 'public']
      const filling = Object.fromEntries(
        known[kind].map((place) => [place, !there && optional.includes(place) ? null : `<${place}>`]),
      )
      const { subject, text } = fillTemplate(template, filling)
      t.match(subject, /^Care Connect: \S/)
      t.notMatch(subject + text, /[{}]|undefined|null/)
      t.notMatch(text, /^[?!]/m)
      for (const line of text.split('\n')) t.ok(line.length <= 90, line)
      if (known[kind].includes('reference')) t.match(text, '<reference>')
      if (known[kind].includes('link')) t.equal(text.includes('<link>'), there)
    }
  })
}

t.test('a template that is not right is refused', async (t) => {
  for (const file of [
    '',
    'Hello\n\nText',
    'Subject: x\nText',
    'Subject: x\n\n',
    'Subject: x\n\nA {Reference}',
    'Subject: {x\n\nText',
  ]) {
    t.throws(() => readTemplate(file))
  }
  const template = readTemplate('Subject: {a}\n\n?b With {b}\n!b Without\nAnd {a}\n')
  t.same(placesOf(template), ['a', 'b'])
  t.throws(() => fillTemplate(template, { a: 'x' }), /\{b\}, which is not known/)
  t.throws(() => fillTemplate(template, { a: null, b: null }), /nothing to put in \{a\}/)
  t.same(fillTemplate(template, { a: 'x\ny', b: null }), { subject: 'x y', text: 'Without\nAnd x\ny\n' })
  t.same(fillTemplate(template, { a: '$&', b: '{a}' }), { subject: '$&', text: 'With {a}\nAnd $&\n' })
})

t.test('a mail server is spoken to under TLS, except on this machine or when told so', async (t) => {
  t.match(serverOf('smtps://mail.example.org'), { host: 'mail.example.org', secure: true })
  t.match(serverOf('smtp://user%40x:p%2Fw@mail.example.org:587'), {
    port: 587,
    secure: false,
    requireTLS: true,
    ignoreTLS: false,
    auth: { user: 'user@x', pass: 'p/w' },
  })
  t.match(serverOf('smtp://relay.example.org?tls=never'), { requireTLS: false, ignoreTLS: true })
  t.match(serverOf('smtp://[::1]:2525'), { host: '::1', requireTLS: false })
})
