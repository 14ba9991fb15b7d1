import type { ClientDetail, KeyDetail } from '../../domain/client-rows.ts'
import type { Schemas } from '../contract/handler.ts'

/** An API client on the wire; of its keys nothing that makes them work. */
export function clientView(client: ClientDetail, publicUrl: string): Schemas['Client'] {
  return {
    client: client.id,
    url: `${publicUrl}/v1/clients/${client.id}`,
    name: client.name,
    role: client.role,
    scopes: [...client.scopes],
    brand: client.brand,
    origins: client.origins,
    organisations: client.organisations.map(({ code, name }) => ({ code, name })),
    source: client.source,
    test: client.test,
    followUrl: client.followUrl,
    surveyUrl: client.surveyUrl,
    digestUrl: client.digestUrl,
    keys: client.keys.map(keyView),
    createdAt: client.createdAt,
    revokedAt: client.revokedAt,
    version: client.version,
  }
}

function keyView(key: KeyDetail): Schemas['Key'] {
  return {
    prefix: key.prefix,
    scopes: key.scopes,
    createdAt: key.createdAt,
    expiresAt: key.expiresAt,
    revokedAt: key.revokedAt,
    lastUsedAt: key.lastUsedAt,
  }
}
