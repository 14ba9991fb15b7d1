// Keeps the index of cases in a process of its own, as the worker of the service does: node bench/index-worker.ts
import { startIndexing } from '../workers/keep-index.ts'
import { startPlacing } from '../workers/keep-log.ts'
import { LOG } from './reading.ts'
import { openBenchDb } from './store.ts'

const db = openBenchDb(process.env.BENCH_URL ?? '', 3)
startPlacing({ db, log: LOG })
startIndexing({ db, log: LOG })
process.send?.({})
process.on('disconnect', () => process.exit())
