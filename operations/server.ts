import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { addDashboard, DASHBOARD, type DashboardOptions } from './dashboard.ts'
import type { Metrics } from './metrics.ts'

export type OperationsOptions = {
  host: string
  /** 0 takes any that is free. */
  port: number
  metrics: Pick<Metrics, 'text' | 'mediaType'>
  /** Beside the figures; in a process that has queues. */
  dashboard?: DashboardOptions
}

export type Operations = { url: string; close(): Promise<void> }

/** Serves whoever runs the service, on a port of its own that is not for the world; rejects when the port is taken. */
export async function startOperations({
  host,
  port,
  metrics,
  dashboard,
}: OperationsOptions): Promise<Operations> {
  const app = fastify({ logger: false, requestTimeout: 10_000, forceCloseConnections: true })
  app.setErrorHandler((_error, _request, reply) =>
    reply.code(503).type('text/plain').send('It cannot be said just now.\n'),
  )
  app.get('/metrics', async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(metrics.mediaType)
      .send(await metrics.text()),
  )
  if (dashboard !== undefined) {
    await addDashboard(app, dashboard)
    app.get('/', async (_request, reply) => reply.redirect(DASHBOARD))
  }
  await app.listen({ host, port }).catch((cause) => {
    throw new Error(
      `OPERATIONS_PORT ${port} cannot be had: each process on a machine needs one of its own.`,
      {
        cause,
      },
    )
  })
  const { port: own } = app.server.address() as AddressInfo
  return { url: `http://${host}:${own}`, close: () => app.close() }
}

type Setting = { operationsHost: string; operationsPort: number | undefined }

/** The same where a port is set, else nothing. */
export async function startConfigured(
  { operationsHost: host, operationsPort: port }: Setting,
  parts: Pick<OperationsOptions, 'metrics' | 'dashboard'>,
): Promise<Operations | undefined> {
  return port === undefined ? undefined : startOperations({ host, port, ...parts })
}
