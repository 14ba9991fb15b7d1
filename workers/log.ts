/**
 * Where a line goes; ids and counts in the fields, never a text, a name, a key or a whole address. An error goes as
 * `err`, which the log reduces to its kind, code and place.
 */
export type Log = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
