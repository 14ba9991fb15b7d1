/*
 * A map of what people tell of their care: clusters, cases and organisations, of nothing but what the service has for
 * everybody. `config.json` says where the service is; its TileJSON says the rest.
 */
import { Map as MapView, NavigationControl, Popup } from './maplibre-gl/maplibre-gl.mjs'

const STATUSES = {
  open: ['open', 'in_progress'],
  closed: [
    'resolved',
    'unable_to_resolve',
    'unable_to_contact',
    'referred_elsewhere',
    'no_action_needed',
    'withdrawn',
  ],
}
const MOST_SHOWN = 5
// In pixels around a click.
const REACH = 6

const { url } = await (await fetch('config.json')).json()
const select = document.querySelector('#status')
const output = document.querySelector('#count')

const map = new MapView({
  container: 'map',
  center: [-2.5, 54.4],
  zoom: 5,
  maxZoom: 17,
  hash: true,
  attributionControl: { compact: false },
  style: {
    version: 8,
    sources: {
      care: { type: 'vector', url: description() },
      graticule: { type: 'geojson', data: graticule() },
    },
    layers: layers(),
  },
})
map.addControl(new NavigationControl({ showCompass: false }))
// For whoever tries things out in the console, and for the test.
window.map = map

select.addEventListener('change', () => {
  document.body.dataset.state = 'loading'
  map.getSource('care').setUrl(description())
})
for (const beginning of ['dataloading', 'movestart'])
  map.on(beginning, () => {
    document.body.dataset.state = 'loading'
  })
map.on('idle', () => {
  const clusters = map.queryRenderedFeatures({ layers: ['clusters'] })
  const sum = (name) => clusters.reduce((all, { properties }) => all + properties[name], 0)
  output.textContent = `In view: ${cases(sum('count'))}, ${number(sum('open'))} open and ${number(sum('closed'))} closed`
  document.body.dataset.state = 'idle'
})
map.on('error', ({ error }) => {
  output.textContent = `The map cannot be shown as it should: ${error.message}`
})
map.on('click', async ({ point: { x, y }, lngLat }) => {
  const around = [
    [x - REACH, y - REACH],
    [x + REACH, y + REACH],
  ]
  const found = map.queryRenderedFeatures(around, {
    layers: ['clusters', 'cases', 'organisations'],
  })
  if (found.length > 0) await show(lngLat, found)
})
map.on('mousemove', ({ point }) => {
  const over = map.queryRenderedFeatures(point, {
    layers: ['clusters', 'cases', 'organisations'],
  })
  map.getCanvas().style.cursor = over.length > 0 ? 'pointer' : ''
})

/** Where the tiles are described; what is asked for goes on to the tiles. */
function description() {
  const statuses = STATUSES[select.value] ?? []
  return `${url}/v1/tiles.json?${new URLSearchParams(statuses.map((status) => ['status', status]))}`
}

/** What stands where somebody clicked: how many, whose, and the first of the cases in their words. */
async function show(place, found) {
  const of = (layer, key) => [
    ...new Map(
      found
        .filter((feature) => feature.layer.id === layer)
        .map((feature) => [key(feature), feature.properties]),
    ).values(),
  ]
  const content = document.createElement('div')
  for (const cluster of of('clusters', ({ id }) => id)) {
    content.append(element('h2', cases(cluster.count)))
    for (const status of Object.values(STATUSES).flat())
      if (cluster[`status_${status}`] > 0)
        content.append(element('div', `${cluster[`status_${status}`]} ${words(status)}`))
  }
  for (const organisation of of('organisations', ({ properties }) => properties.code))
    content.append(
      element('h2', organisation.name),
      element(
        'p',
        ['open', 'closed', 'overdue']
          .map((name) => `${organisation[name] ?? 'fewer than 5'} ${name}`)
          .join(', '),
      ),
    )
  const references = of('cases', ({ properties }) => properties.reference).map(({ reference }) => reference)
  const stories = element('div', '')
  content.append(stories)
  new Popup({ maxWidth: '22rem' }).setLngLat(place).setDOMContent(content).addTo(map)

  const shown = references.slice(-MOST_SHOWN).reverse()
  stories.append(...(await Promise.all(shown.map(story))))
  if (references.length > shown.length)
    stories.append(element('p', `and ${references.length - shown.length} more here`))
}

async function story(reference) {
  const response = await fetch(`${url}/v1/cases/${reference}`)
  if (!response.ok) return element('p', 'This case is not public any more.')
  const { title, text, status, organisation, source } = await response.json()
  const part = element('section', '')
  part.append(
    element('h2', title ?? `Told of ${organisation.name}`),
    element('p', shortened(text, 200)),
    element('p', `${organisation.name}: ${words(status)}`),
  )
  if (source) part.append(element('small', source.attribution ?? source.title))
  return part
}

function element(name, text) {
  const made = document.createElement(name)
  made.textContent = text
  return made
}

function cases(count) {
  return count === 1 ? '1 case' : `${number(count)} cases`
}

function number(count) {
  return count.toLocaleString('en-GB')
}

function words(status) {
  return status.replaceAll('_', ' ')
}

function shortened(text, most) {
  return text.length <= most ? text : `${text.slice(0, most).trimEnd()}…`
}

/** How everything is drawn: bubbles by how many cases there are, from blue to orange by how many of them are open. */
function layers() {
  const openness = ['/', ['get', 'open'], ['get', 'count']]
  const count = ['get', 'count']
  const short = [
    'case',
    ['>=', count, 10_000],
    ['concat', ['round', ['/', count, 1_000]], 'k'],
    ['to-string', count],
  ]
  const isOpen = ['in', ['get', 'status'], ['literal', STATUSES.open]]
  const care = (id, type, layout, paint) => ({
    id,
    type,
    source: 'care',
    'source-layer': id,
    layout,
    paint,
  })
  return [
    {
      id: 'background',
      type: 'background',
      paint: { 'background-color': '#eef3f6' },
    },
    {
      id: 'graticule',
      type: 'line',
      source: 'graticule',
      paint: { 'line-color': '#cfdbe2', 'line-width': 1 },
    },
    care(
      'organisations',
      'circle',
      {},
      {
        'circle-radius': 5,
        'circle-color': '#fff',
        'circle-stroke-width': 2,
        'circle-stroke-color': '#4c6272',
      },
    ),
    care(
      'cases',
      'circle',
      {},
      {
        'circle-radius': 4,
        'circle-color': ['case', isOpen, '#e06c00', '#1d4f91'],
        'circle-stroke-width': 1,
        'circle-stroke-color': '#fff',
      },
    ),
    care(
      'clusters',
      'circle',
      { 'circle-sort-key': ['-', ['get', 'count']] },
      {
        'circle-radius': [
          'interpolate',
          ['linear'],
          ['sqrt', ['get', 'count']],
          1,
          9,
          10,
          15,
          100,
          23,
          400,
          28,
        ],
        'circle-color': ['interpolate', ['linear'], openness, 0, '#1d4f91', 0.5, '#9a3f86', 1, '#e06c00'],
        'circle-opacity': 0.85,
        'circle-stroke-width': 1,
        'circle-stroke-color': '#fff',
      },
    ),
    {
      ...care(
        'organisations',
        'symbol',
        {
          'text-field': ['get', 'name'],
          'text-font': ['Arial', 'sans-serif'],
          'text-size': 12,
          'text-anchor': 'top',
          'text-offset': [0, 1.6],
          'text-max-width': 12,
        },
        {
          'text-color': '#212b32',
          'text-halo-color': '#eef3f6',
          'text-halo-width': 1.5,
        },
      ),
      id: 'names',
      minzoom: 11,
    },
    // On top, so that it has its place before the names.
    {
      ...care(
        'clusters',
        'symbol',
        {
          'text-field': short,
          'text-font': ['Arial', 'sans-serif'],
          'text-size': 12,
          'text-allow-overlap': true,
        },
        { 'text-color': '#fff' },
      ),
      id: 'counts',
    },
  ]
}

/** Lines of longitude and latitude: there is no other map below. */
function graticule() {
  const every = (step, from, to) => Array.from({ length: (to - from) / step + 1 }, (_, n) => from + n * step)
  const line = (coordinates) => ({
    type: 'Feature',
    properties: {},
    geometry: { type: 'LineString', coordinates },
  })
  return {
    type: 'FeatureCollection',
    features: [
      ...every(1, -180, 180).map((longitude) =>
        line([
          [longitude, -85],
          [longitude, 85],
        ]),
      ),
      ...every(1, -85, 85).map((latitude) =>
        line([
          [-180, latitude],
          [180, latitude],
        ]),
      ),
    ],
  }
}
