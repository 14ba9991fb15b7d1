/** Takes the figures of an API process. Everything it is told has few values: never a path, a reference or an address. */
export type Measure = {
  /** A request was answered; `operation` is its operationId, null for what is no operation. */
  answered(operation: string | null, status: number, seconds: number): void
  /** An answer that depends on the version of the data alone: told as unchanged, taken from the cache, or made. */
  versioned(how: 'unchanged' | 'kept' | 'made'): void
  /** A request was turned away because of this. */
  turnedAway(pressure: string): void
  /** What is read when somebody asks for the figures. */
  gauge(name: 'streams' | 'cache_bytes', read: () => number): void
}
