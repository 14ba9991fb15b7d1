import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

/** Encrypts what is personal, field by field, and reads it again. */
export type Vault = {
  /** `place` binds the text to where it lies (table, column, row), so that it cannot be moved elsewhere. */
  seal(place: string, text: string): string
  /** Throws when the text was changed, lies in another place, or its key is not at hand. */
  open(place: string, sealed: string): string
}

/**
 * A vault over `keys`, written `<id>:<32 bytes in base64>`, comma-separated; the first one encrypts, all decrypt.
 * Format `v1.<key id>.<iv>.<tag>.<ciphertext>`, AES-256-GCM with a 16-byte tag (NIST SP 800-38D).
 */
export function openVault(keys: string): Vault {
  // A key object is made once; from bytes each cipher would make its own, which costs more than to encrypt.
  const byId = new Map<string, KeyObject>(parseVaultKeys(keys).map(([id, key]) => [id, createSecretKey(key)]))
  const nextIv = ivSupply()
  const [current] = byId.entries()
  if (current === undefined) throw new Error('a vault needs at least one key')
  const [currentId, currentKey] = current

  return {
    seal(place, text) {
      const iv = nextIv()
      const cipher = createCipheriv('aes-256-gcm', currentKey, iv, { authTagLength: 16 })
      cipher.setAAD(Buffer.from(place))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return ['v1', currentId, b64(iv), b64(cipher.getAuthTag()), b64(sealed)].join('.')
    },
    open(place, sealed) {
      const [format, id, iv, tag, text] = sealed.split('.')
      const key = byId.get(id ?? '')
      if (format !== 'v1' || iv === undefined || tag === undefined || text === undefined) {
        throw new Error(`a sealed text at ${place} has an unknown format`)
      }
      if (key === undefined) throw new Error(`the key "${id}" of a sealed text at ${place} is not at hand`)
      const decipher = createDecipheriv('aes-256-gcm', key, bytes(iv), { authTagLength: 16 })
      decipher.setAAD(Buffer.from(place))
      decipher.setAuthTag(bytes(tag))
      return Buffer.concat([decipher.update(bytes(text)), decipher.final()]).toString('utf8')
    },
  }
}

/** Reads `id:base64,id:base64`; throws in words a person can act on. */
export function parseVaultKeys(keys: string): Array<[id: string, key: Buffer]> {
  return keys.split(',').map((entry) => {
    const [id, material] = entry.trim().split(':')
    const key = Buffer.from(material ?? '', 'base64')
    if (!/^[a-z0-9-]{1,20}$/i.test(id ?? '') || key.length !== 32) {
      throw new Error('each key is written <id>:<32 bytes in base64>, the keys separated by commas')
    }
    return [id as string, key]
  })
}

/** A fresh key in the form that `openVault` reads. */
export function newVaultKey(id: string): string {
  return `${id}:${randomBytes(32).toString('base64')}`
}

const IV_BYTES = 12
const IVS_AT_ONCE = 1_024

/** Random bytes for one cipher after another, each used once; drawn many at a time, as each draw has its price. */
function ivSupply(): () => Buffer {
  let bytes = Buffer.alloc(0)
  let used = 0
  return () => {
    if (used === bytes.length) {
      bytes = randomBytes(IV_BYTES * IVS_AT_ONCE)
      used = 0
    }
    used += IV_BYTES
    return bytes.subarray(used - IV_BYTES, used)
  }
}

const b64 = (data: Buffer): string => data.toString('base64url')
const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')
