/** The patient's inbox in a demonstration: mails that the service writes into a folder. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for the mail with the survey's link, and takes the token out of it. */
export async function surveyTokenIn(folder: string, reference: string, seconds = 60): Promise<string> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(200)) {
    const files = readdirSync(folder).filter((name) => name.endsWith('-survey-for-reporter.eml'))
    const mails = files.map((name) => plain(readFileSync(join(folder, name), 'utf8')))
    const [, token] = /\/survey\/(\S+)/.exec(mails.find((mail) => mail.includes(reference)) ?? '') ?? []
    if (token !== undefined) return token
  }
  throw new Error(`no survey for ${reference} in ${folder}`)
}

// Quoted-printable (RFC 2045, section 6.7), as far as a link goes.
function plain(mail: string): string {
  return mail
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}
