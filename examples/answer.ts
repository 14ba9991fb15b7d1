/** What the service says when it says no (RFC 9457). Decide by `code`: it is stable, the words are not. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  /** Quote it when you ask for help: the log of the service has the same. */
  readonly requestId: string
  readonly errors: ReadonlyArray<{ pointer: string; code: string; detail: string }>

  constructor(document: ProblemDocument) {
    super(document.detail ?? document.title)
    this.status = document.status
    this.code = document.code
    this.requestId = document.requestId
    this.errors = document.errors ?? []
  }
}

/** The body of an answer that is a success; throws a `Problem` for every other. */
export async function answerOf<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Problem((await response.json()) as ProblemDocument)
  return (await response.json()) as T
}

type ProblemDocument = {
  title: string
  status: number
  code: string
  requestId: string
  detail?: string
  errors?: Array<{ pointer: string; code: string; detail: string }>
}
