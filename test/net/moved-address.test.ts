import t from 'tap'
import { movedAddress } from '../../net/moved-address.ts'

const HOME = 'https://feeds.example/stories.rss?apikey=K'

t.test('a source that is asked at its own address is where it was sent', async (t) => {
  t.equal(moved(HOME, HOME, 'https://new.example/all.rss?apikey=K'), 'https://new.example/all.rss?apikey=K')
  t.equal(moved(HOME, HOME, 'https://feeds.example/v2/stories.rss'), 'https://feeds.example/v2/stories.rss')
  t.equal(
    moved('http://feeds.example', 'http://feeds.example/', 'https://feeds.example/'),
    'https://feeds.example/',
  )
  t.equal(moved(HOME, HOME, 'https://new.example/#part'), 'https://new.example/', 'without its fragment')
})

t.test('where a connector has made the first request, only another origin is understood', async (t) => {
  const address = 'http://api.example/hospitals?apikey=K'
  const asked = 'http://api.example/hospitals/comments.atom?apikey=K'
  t.equal(
    moved(address, asked, asked.replace('http://', 'https://')),
    'https://api.example/hospitals?apikey=K',
  )
  t.equal(
    moved(address, asked, 'https://new.example:8443/hospitals/comments.atom?apikey=K'),
    'https://new.example:8443/hospitals?apikey=K',
  )
  t.equal(moved(address, asked, 'https://api.example/v2/hospitals/comments.atom?apikey=K'), null)
  t.equal(moved(address, asked, 'https://api.example/hospitals/comments.atom'), null)
})

t.test('what has not moved, or nobody should follow for ever, stays', async (t) => {
  t.equal(moved(HOME, HOME, null), null)
  t.equal(moved(HOME, HOME, HOME), null)
  t.equal(moved(HOME, HOME, 'http://feeds.example/stories.rss?apikey=K'), null, 'never from TLS to none')
  t.equal(
    moved(HOME, HOME, `https://feeds.example/${'a'.repeat(2_000)}`),
    null,
    'longer than an address may be',
  )
})

function moved(address: string, asked: string, movedTo: string | null): string | null {
  return movedAddress({ address, asked, movedTo })
}
