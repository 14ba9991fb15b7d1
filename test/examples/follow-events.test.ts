import { mkdtempSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { placeEvents } from '../../domain/change-log.ts'
import { type Copy, followEvents } from '../../examples/follow-events.ts'
import { publishedCase, staff, startHarness } from '../api/harness.ts'

t.test('a supplier keeps a copy of what is public, through restarts', async (t) => {
  const harness = await startHarness(t)
  await harness.app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(harness.app.server.address() as AddressInfo).port}`
  const file = join(mkdtempSync(join(tmpdir(), 'care-connect-copy-')), 'copy.json')
  const made = async () => {
    const one = await publishedCase(harness)
    await placeEvents(harness.db)
    return one
  }
  const follow = () => {
    const stop = new AbortController()
    const waiting = new Set<() => void>()
    const following = followEvents({
      url,
      file,
      signal: stop.signal,
      kept: () => {
        for (const look of waiting) look()
      },
    })
    const copied = (): string[] => Object.keys((JSON.parse(readFileSync(file, 'utf8')) as Copy).cases).sort()
    return {
      until: (expected: string[]) =>
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (copied().join() === [...expected].sort().join()) resolve()
          }
          waiting.add(look)
        }),
      async stop() {
        stop.abort()
        await following
      },
    }
  }

  const [one, two] = [await made(), await made()]
  const first = follow()
  await first.until([one.reference, two.reference])
  const listening = first.until([one.reference])
  await harness.call({
    method: 'POST',
    url: `/v1/cases/${two.reference}/decisions`,
    key: harness.keys.case_handler,
    headers: staff(two.version),
    body: { action: 'remove', reason: 'vexatious' },
  })
  await placeEvents(harness.db)
  await listening
  await first.stop()

  const three = await made()
  const second = follow()
  await second.until([one.reference, three.reference])
  await second.stop()
  t.pass('nothing was missed meanwhile')
})
