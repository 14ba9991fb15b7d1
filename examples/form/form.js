/**
 * A form on a web page, made of nothing but what GET /v1/forms/{kind} says: which fields, in which order, with which
 * words and choices. It sends with a publishable key, which may stand in a page: it works from the registered origins
 * only, and can do nothing but this. `?kind=` and `?organisation=` choose the form; `config.json` beside this page has
 * the service's address and the key.
 */
import { bodyOf, element, fieldOf, showProblems } from './fields.js'

const title = document.getElementById('title')
const notice = document.getElementById('notice')
const form = document.getElementById('form')
const thanks = document.getElementById('thanks')
const send = element('button', { type: 'submit', textContent: 'Send' })

// A page that embeds this one makes room for it; embed.html does.
const page = document.querySelector('main')
new ResizeObserver(() => parent.postMessage({ height: page.offsetHeight }, '*')).observe(page)

const { url, key } = await (await fetch('config.json')).json()
const wanted = new URLSearchParams(location.search)
const described = await ask(
  `${url}/v1/forms/${wanted.get('kind')}?organisation=${wanted.get('organisation')}`,
)
if (described.ok) show(described.body)
else title.textContent = described.body.detail ?? described.body.title

function show({ title: words, organisation, notice: warning, terms, images, hints, submit }) {
  title.textContent = `${words}: ${organisation.name}`
  notice.textContent = warning
  const accepted = element('p', { className: 'terms', textContent: terms })
  const fields = hints.map((hint) => fieldOf(hint, hint.pointer === '/acceptsTerms' ? [accepted] : []))
  form.append(element('p', { className: 'error', role: 'alert' }), ...fields.filter(Boolean), send)
  const chosen = form.querySelector('input[type=file]')
  chosen.accept = images.mediaTypes.join()
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (send.disabled) return
    send.disabled = true
    try {
      const tokens = await upload([...chosen.files], images)
      const draft = bodyOf(hints, form)
      thank(await create(tokens.length > 0 ? { ...draft, images: tokens } : draft, submit))
    } catch (error) {
      showProblems(form, error.cause ?? [{ pointer: '', detail: 'It could not be sent. Please try again.' }])
    }
    send.disabled = false
  })
}

// What is sent again after a mistake or a lost answer is the same picture, and the same case.
const uploaded = new Map()
const attempts = new Map()

async function upload(files, { method, url, most }) {
  if (files.length > most) throw problem([{ pointer: '/images', detail: `Please choose ${most} at most.` }])
  for (const file of files) {
    if (uploaded.has(file)) continue
    const { ok, body } = await ask(url, {
      method,
      body: file,
      headers: signed(file.type || 'application/octet-stream'),
    })
    if (!ok) throw problem([{ pointer: '/images', detail: body.errors?.[0]?.detail ?? body.detail }])
    uploaded.set(file, body.image)
  }
  return files.map((file) => uploaded.get(file))
}

async function create(draft, { method, url }) {
  const sent = JSON.stringify(draft)
  if (!attempts.has(sent)) attempts.set(sent, crypto.randomUUID())
  const headers = { ...signed('application/json'), 'idempotency-key': attempts.get(sent) }
  const { ok, body } = await ask(url, { method, body: sent, headers })
  if (!ok) throw problem(body.errors ?? [{ pointer: '', detail: body.detail ?? body.title }])
  return body
}

/** What must be kept, and above it what to do at once if the text speaks of danger. */
function thank({ guidance, advice, reference, receipt }) {
  title.textContent = 'Thank you'
  if (guidance !== null) thanks.append(element('p', { className: 'warning', textContent: guidance }))
  if (advice !== null) thanks.append(element('p', { textContent: advice }))
  const kept = element('dl', {})
  for (const [name, value] of [
    ['Reference', reference],
    ['Receipt', receipt],
  ])
    kept.append(element('dt', { textContent: name }), element('dd', { textContent: value }))
  thanks.append(
    element('p', { textContent: 'Please keep these two: with them you can follow what you told us.' }),
    kept,
  )
  form.hidden = true
  thanks.hidden = false
  thanks.focus()
}

async function ask(address, request) {
  const response = await fetch(address, request)
  return { ok: response.ok, body: await response.json() }
}

function signed(type) {
  return { authorization: `Bearer ${key}`, 'content-type': type }
}

function problem(errors) {
  return new Error('The service says no', { cause: errors })
}
