import { dangerIn, guidanceFor } from '../../domain/danger-signs.ts'
import { addToCase, sendMessage } from '../../domain/messages.ts'
import { rate } from '../../domain/outcomes.ts'
import { renewReceipt as renew } from '../../domain/renew-receipt.ts'
import { reopen } from '../../domain/reopenings.ts'
import type { SeenCase } from '../../domain/seen-case.ts'
import { withdraw } from '../../domain/withdrawals.ts'
import { reporterCaseView, staffCaseView } from '../views/case.ts'
import { renewedReceiptView } from '../views/receipt.ts'
import { type Context, clientOf, type Handle, reporterOf, versionIn } from './context.ts'

export const createAddition: Handle<'createAddition'> = async (request) => {
  const { db, body, header, path, now } = request
  const key = header['Idempotency-Key']
  const seen = await addToCase(db, reporterOf(request), path.reference, body, { key, now })
  return answerWith(seen, request, body.text)
}

export const createWithdrawal: Handle<'createWithdrawal'> = async (request) => {
  const { db, body, header, path, now } = request
  const key = header['Idempotency-Key']
  const seen = await withdraw(db, reporterOf(request), path.reference, body, { key, now })
  return answerWith(seen, request)
}

export const createReopening: Handle<'createReopening'> = async (request) => {
  const { db, body, header, path, now } = request
  const key = header['Idempotency-Key']
  const seen = await reopen(db, reporterOf(request), path.reference, body, { key, now })
  return answerWith(seen, request, body.text)
}

export const createOutcome: Handle<'createOutcome'> = async (request) => {
  const { db, body, header, path, now } = request
  const key = header['Idempotency-Key']
  const seen = await rate(db, reporterOf(request), path.reference, body, { key, now })
  return answerWith(seen, request)
}

export const renewReceipt: Handle<'renewReceipt'> = async (request) => {
  const { db, header, path } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const renewed = await renew(db, clientOf(request), path.reference, { key, version })
  return { status: 201, body: renewedReceiptView(renewed), version: renewed.version }
}

export const createMessage: Handle<'createMessage'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const key = header['Idempotency-Key']
  const seen = await sendMessage(db, clientOf(request), path.reference, body, { key, version })
  return { status: 201, body: staffCaseView(seen, publicUrl, now), version: seen.theCase.version }
}

/** The case as its reporter sees it now, and where to turn when `said` speaks of danger. */
function answerWith(seen: SeenCase, { publicUrl }: Context, said?: string) {
  const body = reporterCaseView(seen, publicUrl, guidanceFor(dangerIn(said)))
  return { status: 201 as const, body, version: seen.theCase.version }
}
