import type { Handlers } from '../contract/handler.ts'
import { createCase, createDecision, getCase, listCases } from './cases.ts'
import type { Context } from './context.ts'
import { getGeoFeed } from './geo.ts'
import { getOrganisation, listOrganisations } from './organisations.ts'
import { createResponse, listResponses } from './responses.ts'
import { getLiveness, getReadiness, listCategories } from './service.ts'
import { createSource, getSource, listRuns, listSources, pushItems, updateSource } from './sources.ts'

/** The handler of every operation; the compiler wants each, the start refuses one too many. */
export const handlers: Handlers<Context> = {
  createCase,
  createDecision,
  createResponse,
  createSource,
  getCase,
  getGeoFeed,
  getLiveness,
  getOrganisation,
  getReadiness,
  getSource,
  listCases,
  listCategories,
  listOrganisations,
  listResponses,
  listRuns,
  listSources,
  pushItems,
  updateSource,
}
