import type { components, operations } from './types.gen.ts'

export type { ContractPart } from './part.ts'
export type { components, operations } from './types.gen.ts'

/** What this service answers; what it sends has an operation of the receiver's. */
export type OperationId = Exclude<keyof operations, 'takeEvent'>
export type Schemas = components['schemas']

/** JSON that PostgreSQL has built already; it is sent as it is. */
export type Json<T> = { readonly json: string; readonly _of?: T }

/** Bytes that are sent as they are, as one of the media types that the contract has for them. */
export type Binary<M> = { readonly bytes: Buffer; readonly mediaType: M }

/** What a handler answers with where the contract has a stream of events; the door writes it, and never ends it by itself. */
export type EventStream = {
  /** What it reads: streams of the same name have the same events. */
  readonly of: string
  /** After which it begins; what happens next when undefined. */
  readonly after: number | undefined
  /** Where the events end now. */
  readonly end: () => Promise<number>
  /** The events after a position. */
  readonly read: (after: number, now: Date) => Promise<EventsRead>
  /** The same out of what was told when the log grew; undefined when that does not say it. */
  readonly hear?: (news: unknown, after: number) => EventsRead | undefined
}

/** Events in their order, each with its JSON; `next` is where to go on, at once while there is `more`; all end at `end`. */
export type EventsRead = {
  events: readonly { id: number; data: string }[]
  next: number
  more: boolean
  end: number
}

/** What a handler gets of the request, all of it validated; what else it needs comes with `C`. */
export type HandlerRequest<O extends OperationId, C> = C & {
  path: NonNullable<Parameters<O>['path']>
  query: NonNullable<Parameters<O>['query']>
  header: NonNullable<Parameters<O>['header']>
  body: BodyOf<O>
}

/** What a handler answers: a status of the contract with its body, and what goes beside it. */
export type HandlerReply<O extends OperationId> = {
  [S in SuccessStatus<O>]: {
    status: S
    body: Sent<operations[O]['responses'][S]>
    /** The next page's cursor; becomes the `Link`. */
    next?: string | null
    /** Other addresses with their relations; they become `Link`s too. */
    links?: readonly Link[]
    /** Path of what was created; becomes the `Location`. */
    location?: string
    /** The version that `If-Match` wants back; begins the `ETag`. */
    version?: number
    /** Which of the contract's media types it is; the first one if nothing is said. */
    mediaType?: string
    /** Only these fields of its items go out; what it shows is noted of the whole. */
    fields?: readonly string[] | undefined
  }
}[SuccessStatus<O>]

export type Link = { rel: string; href: string }

/** The function of one operation; its name is the operationId. */
export type Handler<O extends OperationId, C> = (request: HandlerRequest<O, C>) => Promise<HandlerReply<O>>

/** A handler for every operation, no more and no less. */
export type Handlers<C> = { [O in OperationId]: Handler<O, C> }

/** What has only the fields that were asked for. */
export const FIELDS_TYPE = 'application/vnd.care-connect.fields+json'

/** Joins items that are JSON already into the JSON of a page, with what is said beside them. */
export function pageJson<T>(items: string, next: string | null, included?: object): Json<T> {
  const beside = included === undefined ? '' : `,"included":${JSON.stringify(included)}`
  return { json: `{"items":[${items}],"next":${JSON.stringify(next)}${beside}}` }
}

type Parameters<O extends OperationId> = operations[O]['parameters']
type SuccessStatus<O extends OperationId> = Extract<keyof operations[O]['responses'], 200 | 201 | 202 | 204>
type Sent<R> = R extends { content: infer C }
  ? 'text/event-stream' extends keyof C
    ? EventStream
    : // What the contract gives no shape are bytes.
      unknown extends C[keyof C]
      ? Binary<keyof C>
      : C[keyof C] | Json<C[keyof C]>
  : undefined
type BodyOf<O extends OperationId> = operations[O] extends { requestBody: { content: infer C } }
  ? C extends { 'application/json': infer B }
    ? JsonBody<B, Exclude<keyof C, 'application/json'>>
    : Buffer | undefined
  : undefined
// JSON to which the contract gives no shape, and whatever stands beside JSON, comes as bytes, or not at all.
type JsonBody<B, Others> = unknown extends B
  ? Buffer | undefined
  : [Others] extends [never]
    ? B
    : B | Buffer | undefined
