/** What a text may speak of that cannot wait for anybody's working day. */
export type DangerSign = 'self_harm' | 'abuse' | 'emergency'

/**
 * The signs of danger in what a reporter wrote in English. A list of phrases: it would rather be wrong about a text that
 * speaks of no danger than miss one that does, but a clinical word alone is no sign. A person decides what it means.
 */
export function dangerIn(...texts: ReadonlyArray<string | null | undefined>): DangerSign[] {
  const text = texts.map((one) => plain(one ?? '')).join('. ')
  return (Object.keys(phrases) as DangerSign[]).filter((sign) =>
    phrases[sign].some((phrase) => speaksOf(text, phrase)),
  )
}

/** What to tell whoever wrote it, at once; null where there is no sign. */
export function guidanceFor(signs: readonly DangerSign[]): string | null {
  if (signs.length === 0) return null
  return [NOW, ...signs.flatMap((sign) => (advice[sign] === null ? [] : [advice[sign]])), NOT_US].join(' ')
}

const NOW =
  'If you or somebody else is in danger or badly hurt now, dial 999 or go to the nearest accident and emergency department.'
const NOT_US = 'Do not wait for an answer from us: nobody may read this before the next working day.'

const advice: Readonly<Record<DangerSign, string | null>> = {
  self_harm:
    'If you think of harming yourself, talk to somebody now: the Samaritans on 116 123, free at any hour, or NHS 111 and there the mental health option. You can also text SHOUT to 85258.',
  abuse:
    'If somebody hurts or threatens you, the National Domestic Abuse Helpline is 0808 2000 247 at any hour, Childline 0800 1111, and if you cannot speak, dial 999 and then 55. If you fear for an adult in care or for a child, your local council takes it at any hour.',
  emergency: 'For urgent medical advice dial 111; if a life is at risk, 999.',
}

const SELF = '(?:myself|himself|herself|themselves|themself|ourselves|yourself)'
const MY = '(?:my|his|her|their|our|your)'
const ME = '(?:me|us|him|her|them)'
const SERVICE =
  '(?! (?:service|services|team|clinic|unit|helpline|leaflet|leaflets|policy|prevention|training|awareness|campaign|poster|posters|charity|nurse specialist))'

const phrases: Readonly<Record<DangerSign, readonly RegExp[]>> = {
  self_harm: [
    words(`(?:kill|killing|killed|hang|hanging|hanged|drown|drowning|poison|poisoning|shoot) ${SELF}`),
    words(`(?:hurt|hurting|harm|harming|harmed|cutting|starving|burning) ${SELF}`),
    words(`self[ -]?harm(?:s|ed|ing|er)?${SERVICE}`),
    words(`suicidal${SERVICE}`),
    words('(?:commit|commits|committing|committed|attempt|attempted|attempting|contemplating) suicide'),
    words(
      `(?:think|thinks|thinking|thought|thoughts|talk|talks|talking|plans?|planning) (?:of|about) suicide`,
    ),
    words(`suicide (?:attempt|attempts|note|plan)`),
    words(`(?:end|ends|ending|ended) (?:${MY} (?:own )?life|it all)`),
    words(`(?:take|takes|taking|took) ${MY} own li(?:fe|ves)`),
    words(
      `(?:do not|does not|don't|doesn't|no longer|never|not) (?:want|wish|feel like) (?:to )?(?:live|living|be alive|being alive|wake up|be here any ?more|exist)`,
      'denied',
    ),
    words(`(?:want|wants|wanted|wish|like|rather|ready) to (?:die|be dead|disappear for ever)`),
    words(`wish (?:i|he|she|they) (?:was|were|had been) (?:dead|never born)`),
    words('better off (?:dead|without me)'),
    words('no (?:reason|point) (?:to live|in living|to go on living|living)', 'denied'),
    words(`(?:cannot|can't|can not) (?:go on|carry on|live) (?:living|any ?more|any longer)`, 'denied'),
    words('nothing (?:left )?to live for', 'denied'),
    words(
      `(?:took|taken|take|taking|swallowed) (?:an |another |a massive |a large |all )?(?:overdose|od|(?:of )?${MY} (?:pills|tablets|medication|medicine))(?: at once)?`,
    ),
    words('(?:overdosed|overdosing) on'),
    words(`(?:slit|slash|slashed|cut) ${MY} wrists?`),
    words(
      'jump(?:ing|ed)? (?:off (?:a|the) (?:bridge|roof|building|car park)|in front of (?:a|the) (?:train|bus|car|lorry))',
    ),
  ],
  abuse: [
    words(
      `(?:hits|hit|hitting|slaps|slapped|slapping|punches|punched|punching|kicks|kicked|kicking|beats|beating|beaten|strangled|strangles|choked|bites|bit|burns|burnt|pinches|pinched|shakes|shook) ${ME}(?! (?:hard|that|with|for six|how))`,
    ),
    words(
      `(?:hits|hit|slapped|slaps|punched|kicked|beats|strangled|abuses|abused|assaulted|raped|molested) (?:my|the|a|an|another|an elderly|his|her) (?:\\w+ )?(?:mother|mum|mam|father|dad|son|daughter|child|children|baby|wife|husband|partner|brother|sister|grandmother|grandfather|nan|gran|patient|patients|resident|residents)`,
    ),
    words(
      `(?:was|is|were|are|am|been|being|got|getting) (?:\\w+ly )?(?:abused|raped|molested|groomed|strangled|assaulted|beaten|beaten up|slapped|punched)(?! by the (?:price|cost|bill))`,
    ),
    words(`(?:abuses|abused|abusing|raped|raping|molested|molesting|assaulted|assaulting|grooming) ${ME}`),
    words(
      '(?:sexual(?:ly)?|physical(?:ly)?|emotional(?:ly)?|financial(?:ly)?|verbal(?:ly)?|racial(?:ly)?) (?:abuse|abused|abusing|abuses|assault|assaulted)' +
        SERVICE,
    ),
    words(`domestic (?:violence|abuse)${SERVICE}`),
    words(`(?:touched|touches|touching) (?:${ME}|my \\w+|her \\w+) (?:inappropriately|sexually|where)`),
    words(
      `(?:afraid|scared|frightened|terrified) (?:of (?:my|her|his) (?:husband|wife|partner|boyfriend|girlfriend|father|dad|mother|mum|son|carer|stepfather|brother|uncle)|to go home)`,
    ),
    words(
      `threaten(?:s|ed|ing)? (?:to (?:kill|hurt|hit|rape|stab|harm|beat)|${ME} with (?:a|his|her) (?:knife|gun|weapon|fist))`,
    ),
    words(
      `(?:going to|will|gonna|wants to|tried to) (?:kill|murder|stab|rape|strangle) (?:${ME}|my|somebody|someone)`,
    ),
    words(
      `(?:tied|tie|strapped|handcuffed|chained) (?:${ME} |\\w+ )?to (?:the|a|his|her) (?:bed|chair|radiator)`,
    ),
    words(`(?:locked|lock|locks) ${ME} in (?:the|a|his|her|their) `),
    words(`(?:is|are|was|were|being|been) (?:badly |severely |seriously |being )?neglected`),
    words(
      '(?:left|leave|leaves|went|kept) (?:\\w+ )?(?:for (?:days|hours|\\w+ (?:days|hours)) )?without (?:any )?(?:food|water|food or water|food and water)',
    ),
    words('safeguarding (?:concern|concerns|issue|matter|risk)'),
    words(`(?:forced marriage|female genital mutilation|fgm|modern slavery)${SERVICE}`),
  ],
  emergency: [
    words(`(?:cannot|can't|can not|can hardly|can barely|could not|couldn't) breathe(?! a word)`, 'denied'),
    words("(?:is not|isn't|not|stopped|has stopped|stops) breathing", 'denied'),
    words(
      `(?:is|are|am|i'm|he's|she's) (?:struggling to breathe|gasping for (?:breath|air)|choking|unconscious|unresponsive|turning blue|going blue|fitting|bleeding to death|dying)`,
    ),
    words(
      `(?:is|are|am|i'm|he's|she's) (?:now )?having (?:a|another) (?:heart attack|stroke|seizure|fit|cardiac arrest|severe allergic reaction)`,
    ),
    words(
      `(?:think|thinks) (?:i|he|she|it|this) (?:am|is|'s|i'm) (?:having )?(?:a |another )?(?:heart attack|stroke|dying)`,
    ),
    words(
      `(?:i have|i've got|i am having|i'm having|he has|she has|he is having|she is having|having) (?:\\w+ )?chest pains?(?: (?:right )?now| at the moment)?(?= (?:right )?now| at the moment|[.,!?;]|$| and)`,
    ),
    words(
      `(?:bleeding (?:heavily|badly|a lot|severely)|(?:won't|will not|doesn't|does not) stop bleeding|losing (?:a lot of|so much|too much) blood)`,
      'denied',
    ),
    words(`(?:will not|won't|cannot|can't|doesn't|does not) wake (?:him |her |them )?up`, 'denied'),
    words(`(?:has|have|'s) (?:just )?collapsed(?! (?:tent|lung|vein))`),
    words(
      '(?:need|needs|needed|send|get) (?:an |a )?ambulance(?: now| right now| urgently| immediately| quickly|[!.,]|$)',
    ),
    words(
      '(?:in (?:immediate|grave|serious|real) danger|danger to life|life is in danger|lives are in danger|matter of life (?:and|or) death)',
    ),
    words(`(?:has|have|holding|with) (?:got )?a (?:knife|gun|weapon)(?= |[.,!]|$)(?! (?:and fork|skills))`),
    words(
      '(?:please |somebody |someone )+(?:help|save) (?:me|us|him|her|them)(?: (?:now|urgently|quickly|please)|[!]| is dying)',
    ),
    words(
      '(?:drunk|drank|swallowed|taken) (?:some |the )?(?:bleach|poison|batteries|a battery|antifreeze|weedkiller)',
    ),
    words('anaphyla(?:xis|ctic)(?= (?:now|right now)|!)'),
  ],
}

type Phrase = RegExp & { denied?: true }

/** A phrase of whole words; `denied` is one that says no itself, so that a no before it changes nothing. */
function words(source: string, denied?: 'denied'): Phrase {
  const phrase: Phrase = new RegExp(`(?<![\\w'])(?:${source})(?![\\w])`, 'g')
  return denied === undefined ? phrase : Object.assign(phrase, { denied: true as const })
}

function speaksOf(text: string, phrase: Phrase): boolean {
  for (const { index } of text.matchAll(phrase)) {
    if (phrase.denied || !isDenied(text.slice(Math.max(0, index - 60), index))) return true
  }
  return false
}

// Only a no that stands right before: "I am not suicidal". What is further away may be about anything.
const NO =
  /(?:\b(?:not|never|nor|neither|no|without|denies|denied)|n't)(?: (?:be|been|being|feel|feeling|felt|at all|actually|currently|ever|going to|trying to|try to|want to|wanting to|wanted to|intend to|any|having|thinking of|to|a|thoughts of|plans of|intention of|going|me|him|her))* $/

// "I cannot promise not to" is no denial.
const DOUBT =
  /\b(?:promise|sure|certain|know|guarantee|trust \w+)(?: \w+){0,3} $|\bwhy (?:\w+ )?(?:not|n't) $/

function isDenied(before: string): boolean {
  const [no] = NO.exec(before) ?? []
  if (no === undefined) return false
  return !DOUBT.test(before.slice(0, before.length - no.length))
}

function plain(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\u2018\u2019\u02bc\u0060\u00b4]/g, "'")
    .replace(/[\u2010-\u2015]/g, '-')
    .replace(/\b(can|don|doesn|won|isn|couldn|wouldn|didn|wasn)t\b/g, "$1't")
    .replace(/\s+/g, ' ')
    .trim()
}
