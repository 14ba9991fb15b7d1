import { type FeedSettings, feedSettings, feedSettingsProblems } from './feed-settings.ts'

/** What is wrong with the settings of a source that may only say which organisation it is about, in words. */
export function organisationSettingsProblems(settings: unknown): string[] {
  const problems = feedSettingsProblems(settings)
  if (problems.length > 0) return problems
  return Object.keys(feedSettings(settings))
    .filter((name) => name !== 'organisation')
    .map((name) => `${name}: not known`)
}

/** The same settings with their type; throws on what should have been refused when they were saved. */
export function organisationSettings(settings: unknown): Pick<FeedSettings, 'organisation'> {
  const problems = organisationSettingsProblems(settings)
  if (problems.length > 0) throw new TypeError(problems.join('; '))
  return feedSettings(settings)
}
