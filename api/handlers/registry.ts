import { createClosure as close, endClosure as reopen } from '../../domain/close-organisation.ts'
import type { OrganisationDetail } from '../../domain/organisations.ts'
import {
  createOrganisation as create,
  updateOrganisation as update,
} from '../../domain/register-organisation.ts'
import { createService as addService, updateService as changeService } from '../../domain/services.ts'
import { organisationView } from '../views/organisation.ts'
import { type Context, clientOf, type Handle, versionIn } from './context.ts'

export const createOrganisation: Handle<'createOrganisation'> = async (request) => {
  const { db, body, header } = request
  const organisation = await create(db, clientOf(request), body, { key: header['Idempotency-Key'] })
  return { status: 201, ...shown(request, organisation), location: `/v1/organisations/${organisation.code}` }
}

export const updateOrganisation: Handle<'updateOrganisation'> = async (request) => {
  const { db, body, header, path } = request
  const version = versionIn(header['If-Match'])
  const organisation = await update(db, clientOf(request), path.code, body, { version })
  return { status: 200, ...shown(request, organisation) }
}

export const createClosure: Handle<'createClosure'> = async (request) => {
  const { db, body, header, path, now } = request
  const asked = { key: header['Idempotency-Key'], version: versionIn(header['If-Match']), now }
  const organisation = await close(db, clientOf(request), path.code, body, asked)
  return { status: 201, ...shown(request, organisation) }
}

export const endClosure: Handle<'endClosure'> = async (request) => {
  const { db, header, path } = request
  const version = versionIn(header['If-Match'])
  const organisation = await reopen(db, clientOf(request), path.code, { version })
  return { status: 200, ...shown(request, organisation) }
}

export const createService: Handle<'createService'> = async (request) => {
  const { db, body, header, path } = request
  const asked = { key: header['Idempotency-Key'], version: versionIn(header['If-Match']) }
  const organisation = await addService(db, clientOf(request), path.code, body, asked)
  return { status: 201, ...shown(request, organisation) }
}

export const updateService: Handle<'updateService'> = async (request) => {
  const { db, body, header, path } = request
  const version = versionIn(header['If-Match'])
  const of = { organisation: path.code, service: path.service }
  const organisation = await changeService(db, clientOf(request), of, body, { version })
  return { status: 200, ...shown(request, organisation) }
}

function shown({ publicUrl }: Context, organisation: OrganisationDetail) {
  return { body: organisationView(organisation, publicUrl), version: organisation.version }
}
