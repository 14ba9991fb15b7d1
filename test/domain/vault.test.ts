import fc from 'fast-check'
import t from 'tap'
import { newVaultKey, openVault, parseVaultKeys } from '../../prisma/vault.ts'

const first = newVaultKey('first')
const second = newVaultKey('second')
const place = 'cases.original:0000-0000-0000-0'

t.test('what was sealed opens again, and is not readable in between', async (t) => {
  const vault = openVault(first)
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      (text) => vault.open(place, vault.seal(place, text)) === text,
    ),
  )
  const sealed = vault.seal(place, 'CANARY-TEXT')
  t.notMatch(sealed, /CANARY/)
  t.notMatch(Buffer.from(sealed.split('.').at(-1) as string, 'base64url').toString('latin1'), /CANARY/)
  t.not(vault.seal(place, 'same'), vault.seal(place, 'same'), 'the same text is sealed differently each time')
})

t.test('a change anywhere is noticed', async (t) => {
  const vault = openVault(first)
  const sealed = vault.seal(place, 'Invented text.')
  const parts = sealed.split('.')
  for (const n of parts.keys()) {
    const part = parts[n] as string
    const changed = part.startsWith('A') ? `B${part.slice(1)}` : `A${part.slice(1)}`
    t.throws(() => vault.open(place, parts.with(n, changed).join('.')), `part ${n}`)
    t.throws(() => vault.open(place, parts.toSpliced(n, 1).join('.')), `without part ${n}`)
  }
  t.throws(() => vault.open(place, ''))
  const [format, id, iv, tag = '', text] = parts
  const short = Buffer.from(tag, 'base64url').subarray(0, 4).toString('base64url')
  t.throws(() => vault.open(place, [format, id, iv, short, text].join('.')), 'a shortened tag')
})

t.test('a sealed text opens only where it lay', async (t) => {
  const vault = openVault(first)
  const sealed = vault.seal(place, 'Invented text.')
  t.throws(() => vault.open('cases.original:0000-0000-0000-1', sealed))
  t.throws(() => vault.open('cases.contact:0000-0000-0000-0', sealed))
})

t.test('keys change: the first encrypts, all decrypt, a lost one is named', async (t) => {
  const before = openVault(first)
  const after = openVault(`${second},${first}`)
  const old = before.seal(place, 'old')
  t.equal(after.open(place, old), 'old')
  const fresh = after.seal(place, 'fresh')
  t.match(fresh, /^v1\.second\./)
  t.throws(() => before.open(place, fresh), /key "second" .* not at hand/)
  t.throws(() => openVault(second).open(place, old), /key "first" .* not at hand/)
})

t.test('a key that is none is refused in words', async (t) => {
  for (const keys of ['', 'x', 'x:', 'x:AAAA', `:${first.split(':')[1]}`, `${first},`, 'a b:AAAA'])
    t.throws(() => parseVaultKeys(keys), /written <id>:<32 bytes in base64>/, keys)
})

t.test('no two texts are sealed with the same initialisation vector', async (t) => {
  const vault = openVault(first)
  const ivs = Array.from({ length: 5_000 }, () => vault.seal(place, 'same').split('.')[2])
  t.equal(new Set(ivs).size, ivs.length)
})
