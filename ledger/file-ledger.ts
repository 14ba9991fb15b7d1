import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ErasedThing, ErasureLedger, LedgerEnd, ReadLedger } from '../domain/erasure-ledger.ts'
import type { Vault } from '../prisma/client.ts'
import { checkLedger, entryLine, isSealedWithFirst, keyLine } from './ledger-lines.ts'

/**
 * The ledger of erasures in a file of lines; nothing is opened before it is read. Nothing in it is ever changed: a line
 * that a killed writer left half done is ended, and skipped from then on.
 */
export function openFileLedger(path: string, vault: Vault): ErasureLedger {
  const read = async (): Promise<ReadLedger | null> => {
    const text = await readFile(path, 'utf8').catch(noneYet)
    return text === null ? null : checkLedger(text, vault, path)
  }
  return {
    place: path,
    read,
    async make(now) {
      if (await isThere(path)) throw new Error(`there is a ledger of erasures at ${path} already`)
      const name = randomBytes(8).toString('hex')
      const key = randomBytes(32)
      await writeWhole(path, keyLine({ lines: 0, head: '' }, { name, key, now }, vault).text).catch(
        (cause: Error) => {
          throw new Error(`The ledger of erasures cannot be made at ${path}: ${cause.message}.`, { cause })
        },
      )
      return checkLedger(await readFile(path, 'utf8'), vault, path)
    },
    async append(before, erased) {
      let end: LedgerEnd = before
      const lines = erased.map((thing: ErasedThing) => {
        const line = entryLine(end, before.key, thing)
        end = line.end
        return line.text
      })
      await addLines(path, lines)
      return end
    },
    async reseal(before, now) {
      if (isSealedWithFirst(await readFile(path, 'utf8'), vault)) return null
      const line = keyLine(before, { name: before.name, key: before.key, now }, vault)
      await addLines(path, [line.text])
      return line.end
    },
  }
}

async function addLines(path: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return
  const file = await open(path, 'a+', 0o600)
  try {
    const begin = (await endsInLine(file)) ? '' : '\n'
    // One write, so that a reader sees whole lines but for the last one.
    await file.appendFile(`${begin}${lines.join('')}`)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Whether the last line has its end: a killed writer may have left half a line. */
async function endsInLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat()
  if (size === 0) return true
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] === 0x0a
}

/** The file is there with all that is in it, or not at all, also when the power goes. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.draft`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(noneYet)) !== null
}

function noneYet(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}
