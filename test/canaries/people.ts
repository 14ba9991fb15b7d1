/** Somebody invented who can be told from everybody else wherever their data come to light. */
export type Canary = {
  n: number
  /** How they reach the service, and what happens then (life.ts). */
  path: (typeof paths)[number]
  /** In all of a path a tenth goes through everything; the others are told, decided on, and that is it. */
  whole: boolean
  name: string
  email: string
  phone: string
  privacy: 'private' | 'anonymous' | 'named'
  /** What they write in a field. */
  text: (field: string) => string
}

export const paths = [
  'answered',
  'waited_for',
  'objected',
  'referred',
  'second_tier',
  'question',
  'text_message',
  'pushed',
  'quarantined',
  'searched',
] as const

/** So many invented people. Their numbers are Ofcom's for plays and films, 07700 900000 to 900999. */
export function canaries(count: number): Canary[] {
  return Array.from({ length: count }, (_, n) => {
    const digits = String(n).padStart(4, '0')
    const path = paths[n % paths.length] as Canary['path']
    return {
      n,
      path,
      whole: n < paths.length * 8,
      name: `Nameling${digits} Invented`,
      email: `quillby${digits}@example.org`,
      phone: `07700 900${String(n % 1_000).padStart(3, '0')}`,
      privacy: (['anonymous', 'private', 'named'] as const)[Math.floor(n / paths.length) % 3] ?? 'private',
      text: (field) => `It hurts, says quillby${digits} of their ${field}. (Invented.)`,
    }
  })
}
