import t from 'tap'
import { type Clock, createPoliteness } from '../../net/politeness.ts'

const NEVER = new AbortController().signal

t.test('starts at one host keep their distance, another host does not wait', async (t) => {
  const { clock, slept } = fakeClock()
  const { turn } = createPoliteness({ connections: 10, gapMs: 1_000, clock })
  for (const host of ['a:80', 'a:80', 'b:80', 'a:80', 'a:443']) await turn(host, NEVER)
  t.same(slept, [1_000, 1_000])
})

t.test('the distance holds after a request is over, and a source may name another', async (t) => {
  const { clock, slept, pass } = fakeClock()
  const { turn } = createPoliteness({ connections: 2, gapMs: 1_000, clock })
  const leave = await turn('a:80', NEVER)
  pass(400)
  leave()
  const second = await turn('a:80', NEVER, 5_000)
  second()
  await turn('a:80', NEVER)
  t.same(slept, [600, 5_000])
})

t.test('no more than the given requests run at one host, and each is let in as it came', async (t) => {
  const { clock } = fakeClock()
  const { turn } = createPoliteness({ connections: 2, gapMs: 0, clock })
  const entered: number[] = []
  const leaves: (() => void)[] = []
  const all = [0, 1, 2, 3].map(async (n) => {
    const leave = await turn('a:80', NEVER)
    entered.push(n)
    leaves.push(leave)
  })
  await Promise.all(all.slice(0, 2))
  t.same(entered, [0, 1])
  leaves[0]?.()
  leaves[0]?.()
  await all[2]
  t.same(entered, [0, 1, 2], 'leaving twice frees one place')
  leaves[1]?.()
  await all[3]
  t.same(entered, [0, 1, 2, 3])
})

t.test('who gives up waiting takes no place from the others', async (t) => {
  const { clock } = fakeClock()
  const { turn } = createPoliteness({ connections: 1, gapMs: 0, clock })
  const leave = await turn('a:80', NEVER)
  const stop = new AbortController()
  const impatient = turn('a:80', stop.signal)
  const patient = turn('a:80', NEVER)
  stop.abort(new Error('no more'))
  await t.rejects(impatient, { message: 'no more' })
  leave()
  t.type(await patient, 'function')
  await t.rejects(turn('b:80', stop.signal), { message: 'no more' })
  t.type(await turn('b:80', NEVER), 'function')
})

function fakeClock() {
  let now = 1_000_000
  const slept: number[] = []
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms)
      now += ms
    },
  }
  return { clock, slept, pass: (ms: number) => (now += ms) }
}
