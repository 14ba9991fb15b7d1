/** An address template filled in, or null when there is none with that place. */
export function fillAddress(
  template: string | null,
  place: 'reference' | 'token',
  value: string,
): string | null {
  if (!template?.includes(`{${place}}`)) return null
  return template.replaceAll(`{${place}}`, encodeURIComponent(value))
}
