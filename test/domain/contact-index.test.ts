import t from 'tap'
import { contactIndexes, normalisedEmail, normalisedPhone } from '../../domain/contact-index.ts'
import { closeDb, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'

t.test('an e-mail address is the same in any case and with blanks around it', async (t) => {
  t.equal(normalisedEmail(' Invented.Person@Example.ORG '), 'invented.person@example.org')
  t.not(normalisedEmail('invented+tag@example.org'), normalisedEmail('invented@example.org'))
})

t.test('a telephone number of the United Kingdom is the same however it is written', async (t) => {
  for (const written of [
    '020 7946 0000',
    '02079460000',
    '(020) 7946-0000',
    '+44 20 7946 0000',
    '+44 (0)20 7946 0000',
    '0044 20 7946 0000',
    '0044 (0) 20 7946 0000',
    '44 20 7946 0000',
    ' 020  79460000 ',
  ])
    t.equal(normalisedPhone(written), '442079460000', written)
})

t.test('other numbers stay what they are', async (t) => {
  t.equal(normalisedPhone('+353 20 791 0000'), '353207910000')
  t.equal(normalisedPhone('00353 20 791 0000'), '353207910000')
  t.equal(normalisedPhone('60163'), '60163')
  t.not(normalisedPhone('020 7946 0001'), normalisedPhone('020 7946 0000'))
})

t.test('an index is of the kind and the value, under the secret of the store', async (t) => {
  const { url } = await testDatabase(t)
  const vaultKeys = newVaultKey('test')
  const db = openDb({ url, vaultKeys, max: 1, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  const index = (email: string | null, phone: string | null) =>
    contactIndexes(db.pool, db.vault, { email, phone })

  const one = await index('invented@example.org', '020 7946 0000')
  t.equal(one.emailIndex?.length, 32)
  t.same(await index(' INVENTED@example.org', '+44 20 7946 0000'), one)
  t.same(await index(null, null), { emailIndex: null, phoneIndex: null })
  t.same(await index(' ', '+'), { emailIndex: null, phoneIndex: null })
  const digits = await index('442079460000', '442079460000')
  t.notSame(digits.emailIndex, digits.phoneIndex)
  t.same(digits.phoneIndex, one.phoneIndex)

  const again = openDb({ url, vaultKeys, max: 1, applicationName: 'test' })
  t.teardown(() => closeDb(again))
  t.same(
    await contactIndexes(again.pool, again.vault, { email: 'invented@example.org', phone: '02079460000' }),
    one,
    'another process finds the same',
  )
})
