import t from 'tap'
import { CALENDAR_ENDS } from '../../domain/working-days.ts'
import { watchCalendar } from '../../workers/calendar-watch.ts'

const DAY = 24 * 3_600_000

function watching() {
  const warned: object[] = []
  let now = new Date(0)
  const log = { info: () => {}, error: () => {}, warn: (fields: object) => void warned.push(fields) }
  const context = { log, now: () => now }
  const watchAt = (daysBefore: number) => {
    now = new Date(CALENDAR_ENDS.getTime() - daysBefore * DAY)
    watchCalendar(context)
  }
  return { warned, watchAt }
}

t.test('a calendar that is good for ninety days or more is no matter', async (t) => {
  const { warned, watchAt } = watching()
  watchAt(400)
  watchAt(90)
  t.same(warned, [])
})

t.test('in the last ninety days there is one warning a day, also after the end', async (t) => {
  const { warned, watchAt } = watching()
  watchAt(89.5)
  watchAt(89.25)
  watchAt(88.5)
  watchAt(-2)
  t.same(warned, [{ daysLeft: 89 }, { daysLeft: 88 }, { daysLeft: -2 }])
})

t.test('every process warns for itself', async (t) => {
  const one = watching()
  const other = watching()
  one.watchAt(10)
  other.watchAt(10)
  t.same([one.warned.length, other.warned.length], [1, 1])
})
