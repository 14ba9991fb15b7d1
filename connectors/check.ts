import { existsSync, readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { DocumentFailure, Item } from '../domain/items.ts'
import { type Connector, connectorFor, connectorNames, type Reading } from './connector.ts'
import { attempted, connectorFindings, documentFindings } from './contract.ts'

const usage = `npm run connector:check -- <connector> <documents…> [--settings <json>] [--url <address>]

<connector>  ${connectorNames().join(', ')}, or the path of a module that exports one
<documents>  files as the source answers them, decompressed`

const countNames: [Item['type'] | 'problem', string][] = [
  ['story', 'stories'],
  ['reply', 'replies'],
  ['deletion', 'deletions'],
  ['problem', 'problems'],
]

process.exitCode = await main(process.argv.slice(2))

/** 0 without findings, 1 with some, 2 when there was nothing to check. */
async function main(args: string[]): Promise<number> {
  try {
    const { connector, files, settings, url } = await subjectOf(args)
    const found = connectorFindings(connector, settings)
    for (const finding of found) say(`  ${connector.name}: ${finding}`)
    let count = found.length
    for (const file of files) count += checkFile(connector, file, settings, url)
    say(count === 0 ? 'No findings.' : `${count} finding${count === 1 ? '' : 's'}.`)
    return count === 0 ? 0 : 1
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return 2
  }
}

async function subjectOf(args: string[]) {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { settings: { type: 'string' }, url: { type: 'string' } },
  })
  const [name, ...files] = positionals
  if (name === undefined || files.length === 0) throw new Error(usage)
  const settings: unknown = JSON.parse(values.settings ?? '{}')
  return { connector: await connectorOf(name), files, settings, url: values.url }
}

async function connectorOf(name: string): Promise<Connector> {
  const registered = connectorFor(name)
  if (registered !== null) return registered
  const path = resolve(name)
  if (!existsSync(path)) throw new Error(`No connector and no file has the name "${name}".\n\n${usage}`)
  const exported: Record<string, unknown> = await import(pathToFileURL(path).href)
  const connector = Object.values(exported).find(isConnector)
  if (connector === undefined) throw new Error(`${name} exports no connector.`)
  return connector
}

function isConnector(value: unknown): value is Connector {
  if (typeof value !== 'object' || value === null || !('name' in value)) return false
  const functions = ['firstRequest', 'read', 'readAgain', 'settingsProblems']
  return (
    typeof value.name === 'string' &&
    functions.every((name) => typeof Reflect.get(value, name) === 'function')
  )
}

/** Says what a document holds and each finding; how many there were. */
function checkFile(connector: Connector, file: string, settings: unknown, url?: string): number {
  const document = {
    bytes: readFileSync(file),
    contentType: null,
    status: 200,
    url: url ?? `https://source.example/${encodeURIComponent(basename(file))}`,
  }
  const subject = { connector, settings, document }
  const read = attempted(subject)
  const findings = documentFindings(subject)
  say(`${file}: ${typeof read === 'string' ? read : summaryOf(read)}`)
  for (const finding of findings) say(`  ${finding}`)
  return findings.length
}

function summaryOf(reading: Reading | DocumentFailure): string {
  if ('failure' in reading) return `${reading.failure}, ${reading.detail}`
  const { entries, complete, next } = reading
  const types = entries.map((entry) => ('item' in entry ? entry.item.type : 'problem'))
  const counts = countNames.map(([type, plural]) => {
    const count = types.filter((one) => one === type).length
    return `${count} ${count === 1 ? type : plural}`
  })
  return [...counts, ...(complete ? [] : ['not complete']), ...(next ? ['a next page'] : [])].join(', ')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
