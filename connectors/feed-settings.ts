import type { OrganisationKey } from '../domain/items.ts'

/** What a source of kind `feed` may say about its entries; all of it is optional. */
export type FeedSettings = {
  /** Every entry that names no organisation itself is about this one. */
  organisation?: OrganisationKey
  /** A category with this domain (RSS) or scheme (Atom) holds an organisation's code. */
  organisationCategory?: { domain: string; scheme: OrganisationKey['scheme'] }
  /** An element (or, in JSON Feed, `name` in the extension object `namespace`) holds an organisation's code. */
  organisationElement?: { namespace: string; name: string; scheme: OrganisationKey['scheme'] }
  /** `link` for sources whose guids change or are shared. */
  idFrom?: 'guid' | 'link'
}

/** What is wrong with these settings, in words; empty when nothing is. */
export function feedSettingsProblems(settings: unknown): string[] {
  if (!isRecord(settings)) return ['settings: not an object']
  return Object.entries(settings).flatMap(([name, value]) => {
    const check = checks.get(name)
    if (check === undefined) return [`${name}: not known`]
    return value === undefined || check(value) ? [] : [`${name}: ${expectations.get(name)}`]
  })
}

/** The same settings with their type; throws on what should have been refused when they were saved. */
export function feedSettings(settings: unknown): FeedSettings {
  const problems = feedSettingsProblems(settings)
  if (problems.length > 0) throw new TypeError(problems.join('; '))
  return settings as FeedSettings
}

const checks = new Map<string, (value: unknown) => boolean>([
  ['organisation', (value) => hasTexts(value, ['code', 'scheme']) && hasScheme(value)],
  ['organisationCategory', (value) => hasTexts(value, ['domain', 'scheme']) && hasScheme(value)],
  ['organisationElement', (value) => hasTexts(value, ['name', 'namespace', 'scheme']) && hasScheme(value)],
  ['idFrom', (value) => value === 'guid' || value === 'link'],
])

const expectations = new Map([
  ['organisation', 'needs scheme (ods or source) and code'],
  ['organisationCategory', 'needs domain and scheme (ods or source)'],
  ['organisationElement', 'needs namespace, name and scheme (ods or source)'],
  ['idFrom', 'guid or link'],
])

function hasTexts(value: unknown, names: string[]): boolean {
  if (!isRecord(value) || Object.keys(value).sort().join() !== names.join()) return false
  return names.every(
    (name) => typeof value[name] === 'string' && (value[name] !== '' || name === 'namespace'),
  )
}

function hasScheme(value: unknown): boolean {
  return isRecord(value) && (value.scheme === 'ods' || value.scheme === 'source')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
