/** From the hints of GET /v1/forms/{kind} to the fields of a page, and from a filled-in page to the body to send. */

/** The field of a hint, or null where there is nothing to fill in. Nothing that the service says is written as markup. */
export function fieldOf(hint, extra = []) {
  // This page has no map.
  if (hint.widget === 'place') return null
  if (hint.widget === 'hidden') return hint.options.length > 0 ? null : trapOf(hint)
  const choices = hint.widget === 'radio'
  const box = element(choices ? 'fieldset' : 'div', { className: 'field' })
  box.dataset.pointer = hint.pointer
  const help = element('p', { className: 'help', id: `help:${hint.pointer}`, textContent: hint.help ?? '' })
  const error = element('p', { className: 'error', id: `error:${hint.pointer}` })
  if (choices) {
    box.append(labelled(element('legend', {}), hint), help, error, choicesOf(hint))
    return box
  }
  const label = labelled(element('label', { htmlFor: hint.pointer }), hint)
  const control = controlOf(hint)
  control.setAttribute('aria-describedby', `${help.id} ${error.id}`)
  if (hint.widget === 'checkbox') {
    box.classList.add('tick')
    box.append(...extra, error, control, label, help)
  } else box.append(label, help, ...extra, error, control)
  return box
}

/** The body that the fields stand for: each at its pointer, what is empty left out. */
export function bodyOf(hints, form) {
  const body = {}
  for (const hint of hints) {
    const value = answerTo(hint, form)
    if (value !== undefined) put(body, hint.pointer.split('/').slice(1), value)
  }
  // A question that nobody answered is no rating.
  const ratings = body.ratings?.filter(({ answer }) => answer !== undefined) ?? []
  const { ratings: _asked, ...rest } = body
  return ratings.length > 0 ? { ...rest, ratings } : rest
}

/** Shows each problem at its field; what has no field here stands at the top. */
export function showProblems(form, errors) {
  for (const error of form.querySelectorAll('.error')) error.textContent = ''
  for (const { pointer, detail } of errors) {
    const error = boxOf(form, pointer)?.querySelector('.error') ?? form.querySelector('.error')
    error.textContent = [error.textContent, detail].filter(Boolean).join(' ')
  }
  const first = form.querySelector('.error:not(:empty)')
  first?.scrollIntoView({ block: 'center' })
  first?.parentElement.querySelector('input, select, textarea')?.focus({ preventScroll: true })
}

export function element(name, properties) {
  return Object.assign(document.createElement(name), properties)
}

function labelled(box, { label, required, widget }) {
  box.append(label)
  // A tick is never more than an offer, unless it is needed.
  if (!required && widget !== 'checkbox') box.append(element('small', { textContent: ' (optional)' }))
  return box
}

function controlOf({ widget, pointer, options }) {
  const name = { id: pointer, name: pointer }
  switch (widget) {
    case 'textarea':
      return element('textarea', name)
    case 'select': {
      const select = element('select', name)
      select.append(new Option('', ''), ...options.map(({ value, label }) => new Option(label, value)))
      return select
    }
    case 'images':
      return element('input', { ...name, type: 'file', multiple: true })
    default:
      return element('input', { ...name, type: widget })
  }
}

function choicesOf({ pointer, options }) {
  // What needs no explaining stands in one row.
  const explained = options.some(({ help }) => help !== null)
  const list = element('div', { className: explained ? 'choices' : 'choices in-a-row' })
  for (const { value, label, help } of options) {
    const row = element('label', {})
    row.append(element('input', { type: 'radio', name: pointer, value: String(value) }), label)
    if (help !== null) row.append(element('span', { className: 'help', textContent: ` ${help}` }))
    list.append(row)
  }
  return list
}

/** A field that people do not see: only a robot fills it in. */
function trapOf({ pointer, label }) {
  const trap = element('div', { className: 'trap', ariaHidden: 'true' })
  const input = element('input', { type: 'text', name: pointer, tabIndex: -1, autocomplete: 'off' })
  trap.append(label, input)
  return trap
}

function answerTo({ pointer, widget, options }, form) {
  if (widget === 'images' || widget === 'place') return undefined
  if (widget === 'hidden' && options.length > 0) return options[0].value
  const filled = form.elements.namedItem(pointer)
  if (widget === 'checkbox') return filled.checked || undefined
  const text = filled.value.trim()
  if (text === '') return undefined
  // A choice is sent as what it is, which may be no text.
  return options.find(({ value }) => String(value) === text)?.value ?? text
}

function put(target, [name, ...rest], value) {
  if (rest.length === 0) {
    target[name] = value
    return
  }
  target[name] ??= /^\d+$/.test(rest[0]) ? [] : {}
  put(target[name], rest, value)
}

/** The field at a pointer, else the first one below it, else the one above it; none for the whole. */
function boxOf(form, pointer) {
  if (pointer === '') return undefined
  const boxes = [...form.querySelectorAll('[data-pointer]')]
  return (
    boxes.find(({ dataset }) => dataset.pointer === pointer) ??
    boxes.find(({ dataset }) => dataset.pointer.startsWith(`${pointer}/`)) ??
    boxes.find(({ dataset }) => pointer.startsWith(`${dataset.pointer}/`))
  )
}
