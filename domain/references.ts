import { randomInt } from 'node:crypto'

// Crockford's base 32: no I, L, O and U, so that it survives a telephone call.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 12

/** A random public name of 60 bits with a check character, like `K7QD-M2XW-9TRB-H`; it says nothing about what it names. */
export function newReference(random: (below: number) => number = randomInt): string {
  const letters = Array.from({ length: LENGTH }, () => ALPHABET.charAt(random(ALPHABET.length))).join('')
  return `${letters.slice(0, 4)}-${letters.slice(4, 8)}-${letters.slice(8)}-${checkCharacter(letters)}`
}

/**
 * The canonical form of what somebody typed, or null when it cannot be a reference. Case, hyphens and blanks do not
 * matter, O is read as 0, I and L as 1 (Crockford); a mistyped character fails the check.
 */
export function parseReference(typed: string): string | null {
  const letters = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1')
  if (letters.length !== LENGTH + 1 || [...letters].some((letter) => !ALPHABET.includes(letter))) return null
  const body = letters.slice(0, LENGTH)
  if (checkCharacter(body) !== letters.at(-1)) return null
  return `${body.slice(0, 4)}-${body.slice(4, 8)}-${body.slice(8)}-${letters.at(-1)}`
}

// Luhn's algorithm over 32 values: finds every single wrong character and nearly all swapped neighbours.
function checkCharacter(letters: string): string {
  let sum = 0
  let factor = 2
  for (const letter of [...letters].reverse()) {
    const addend = factor * ALPHABET.indexOf(letter)
    sum += Math.floor(addend / ALPHABET.length) + (addend % ALPHABET.length)
    factor = factor === 2 ? 1 : 2
  }
  return ALPHABET.charAt((ALPHABET.length - (sum % ALPHABET.length)) % ALPHABET.length)
}
