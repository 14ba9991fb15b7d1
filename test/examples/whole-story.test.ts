import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { surveyTokenIn } from '../../examples/survey-mail.ts'
import { playStory } from '../../examples/whole-story.ts'
import { rows } from '../../prisma/client.ts'
import { ORIGIN } from '../api/harness.ts'
import { mailSetting, set } from '../workers/mail-setting.ts'

t.test('one concern, from the first word to the survey, as all the callers in turn', async (t) => {
  const { harness, db, worker, send } = await mailSetting(t)
  const folder = mkdtempSync(join(tmpdir(), 'care-connect-mails-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  await set(db, 'T01', { notify_email: 'pals@t01.example.org' })
  await set(db, 'T02', { notify_email: 'pals@t02.example.org' })
  await rows(
    db.pool,
    `update api_clients set survey_url = 'https://forms.example.org/survey/{token}' where name = 'form'`,
  )
  const told: string[] = []
  const { seen, feature, overseen, secondAnswer, history } = await playStory({
    url: await harness.app.listen({ host: '127.0.0.1', port: 0 }),
    origin: ORIGIN,
    keys: harness.keys,
    from: 'T01',
    to: 'T02',
    async surveyToken(reference) {
      await send(worker({ kind: 'folder', folder }))
      return surveyTokenIn(folder, reference)
    },
    tell: (line) => told.push(line),
  })

  t.match(seen, {
    organisation: { code: 'T02' },
    status: 'resolved',
    text: 'A nurse did not tell us when my mother would be seen. (Invented example.)',
    authorName: null,
    outcome: { resolved: true, manner: true },
  })
  t.equal(seen.responses.length, 2)
  t.match(feature, { geometry: { coordinates: [-1.61, 54.97] }, properties: { responseCount: 2 } })
  t.match(overseen, { organisation: { code: 'T01' }, publication: 'published', contact: null })
  t.equal(secondAnswer, 'already_answered')
  t.notMatch(JSON.stringify({ seen, feature }), /Nurse Invented|Example Person|person@example/)
  const events = [
    'case.created',
    'case.claimed',
    'case.referred_to_second_tier',
    'case.published',
    'case.referred',
    'case.referral_accepted',
    'response.created',
    'case.reopened_by_reporter',
    'case.rated',
  ]
  t.same(
    events.filter((type) => !history.includes(type)),
    [],
    history.join(),
  )
  const mails = readdirSync(folder).map((name) => name.replace(/^\d+-(.*)\.eml$/, '$1'))
  t.same(mails.filter((kind) => kind === 'survey-for-reporter').length, 1, mails.join())
  t.ok(mails.includes('referral-for-organisation'))
  t.match(told[0], 'A patient writes')
})
