import { instruments } from '../../domain/instruments.ts'
import { channels, kinds, privacies, publications, reasons, statuses } from '../../domain/vocabularies.ts'
import {
  channelView,
  instrumentView,
  publicationView,
  reasonView,
  statusView,
  wordView,
} from '../views/vocabulary.ts'
import type { Handle } from './context.ts'

export const getService: Handle<'getService'> = async ({ service }) => ({ status: 200, body: service })

export const listStatuses: Handle<'listStatuses'> = async () => whole(statuses.map(statusView))

export const listPublications: Handle<'listPublications'> = async () =>
  whole(publications.map(publicationView))

export const listChannels: Handle<'listChannels'> = async () => whole(channels.map(channelView))

export const listKinds: Handle<'listKinds'> = async () => whole(kinds.map(wordView))

export const listPrivacies: Handle<'listPrivacies'> = async () => whole(privacies.map(wordView))

export const listReasons: Handle<'listReasons'> = async () => whole(reasons.map(reasonView))

export const listInstruments: Handle<'listInstruments'> = async () => whole(instruments.map(instrumentView))

// A vocabulary is one page.
function whole<T>(items: T[]) {
  return { status: 200 as const, body: { items, next: null } }
}
