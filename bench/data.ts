// npm run bench:data [-- <cases>]: databases of so many invented cases, and of a tenth of them, for the benchmarks of reading.
import { makeFilled } from './make-filled.ts'
import { openStore } from './store.ts'

const CASES = Number(process.argv[2] ?? 1_000_000)

const store = await openStore()
try {
  await makeFilled(store, CASES, { again: true })
} finally {
  await store.stop()
}
