/** A kind of document that means harm, of about as many characters as asked for. */
export type HostileShape = { name: string; connectors: string[]; make: (size: number) => string }

/** A piece again and again. */
export function fill(size: number, piece: string): string {
  return piece.repeat(Math.ceil(size / piece.length))
}

/** Pieces of which each is another. */
export function many(size: number, piece: (index: number) => string): string {
  return Array.from({ length: Math.ceil(size / piece(100_000).length) }, (_, index) => piece(index)).join('')
}
