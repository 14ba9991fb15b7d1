/**
 * The name that begins at `at`, up to three words in capitals with initials and particles, or null; `small` says how
 * many words without capitals may be one. What is called after somebody, like a ward, is no name.
 */
export function readName(text: string, at: number, small: number): { from: number; to: number } | null {
  const from = at
  let to = at
  let words = 0
  for (let next = at; words < 3; ) {
    const word = wordAt(text, next)
    if (word === null || !isNameWord(word, /^\p{Ll}/u.test(text.slice(from, from + 1)) && words < small))
      break
    words += particles.has(word) || /^\p{Lu}\.?$/u.test(word) ? 0 : 1
    next += word.length
    if (!particles.has(word)) to = next
    if (text[next] !== ' ' || next - from > 60) break
    next += 1
  }
  if (words === 0) return null
  const end = to - (/'s$/.test(text.slice(from, to)) ? 2 : 0)
  return PLACE.test(text.slice(to, to + 24)) ? null : { from, to: end - (text[end - 1] === '.' ? 1 : 0) }
}

const WORD = /\p{Lu}\.(?= ?\p{Lu})|\p{L}{1,24}(?:['-]\p{L}{1,20}){0,2}/uy

function wordAt(text: string, at: number): string | null {
  WORD.lastIndex = at
  return WORD.exec(text)?.[0] ?? null
}

function isNameWord(word: string, small: boolean): boolean {
  if (particles.has(word)) return true
  const plain = word.toLowerCase().replace(/'s$/, '')
  if (noNames.has(plain)) return false
  if (small && /^\p{Ll}/u.test(word)) return plain.length > 2 && !smallWords.has(plain)
  const shouted = word.length > 1 && word === word.toUpperCase()
  return /^\p{Lu}/u.test(word) && !(shouted && smallWords.has(plain))
}

const particles: ReadonlySet<string> = new Set(['de', 'da', 'van', 'der', 'von', 'al', 'el', 'bin', 'ap'])

const PLACE =
  /^(?:'s)? (?:Ward|Wards|Hospital|Hospitals|Unit|Suite|House|Clinic|Centre|Wing|Building|Surgery|Practice|Infirmary|Street|Road|Lane|Avenue|Close|Trust|Court|Lodge|Park|Day|Hospice|Medical|Health|Syndrome|Disease|syndrome|disease|ward|hospital|clinic|unit|suite)\b/

// Never a name, though in capitals: the beginnings of sentences, days and months, and what care is made of.
const noNames: ReadonlySet<string> = new Set(
  `a an the i i'm i've i'd i'll it its it's he she they we you me him her them us my his our your their this that these those there here
  and but or so if as at in on of to for from with without by be is was are were been has have had do did does not no yes nor
  who what when where why how which while although though because since after before then than also only very just even still
  all any both each every everyone everybody some many most more much one two three four five first second last next other another
  thank thanks please sorry well good great excellent brilliant fantastic lovely amazing kind god goodness heaven heavens everyone's
  monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october
  november december christmas easter today tomorrow yesterday morning afternoon evening night
  nhs gp gps a&e ae ed icu itu hdu ct mri ecg eeg xray x-ray pals cqc ccg icb hca hcas ot pt bp iv gcs copd uti covid covid-19 tia
  ward wards hospital hospitals clinic clinics centre unit surgery surgeries reception trust royal st saint general university
  infirmary department outpatients radiology cardiology oncology maternity paediatrics emergency theatre theatres bay bed room floor level
  nurse nurses doctor doctors dr mr mrs ms miss sir madam sister sisters matron midwife midwives consultant consultants surgeon
  surgeons registrar practitioner practitioners specialist specialists manager managers management led charge in-charge in-law
  staff student team teams assistant assistants receptionist receptionists pharmacist pharmacy physio physiotherapist paramedic
  paramedics ambulance carer carers porter porters volunteer volunteers therapist dentist optician care service services support
  patient patients healthcare health social worker community district practice appointment appointments advice group
  parkinson's alzheimer's crohn's parkinson alzheimer crohn diabetes cancer type
  english welsh scottish irish british polish french german spanish portuguese italian indian chinese muslim christian jewish european
  england wales scotland ireland britain london uk bristol leeds manchester birmingham liverpool newcastle sheffield cardiff glasgow edinburgh
  mum dad nan gran grandad mother father wife husband son daughter
  bank holiday google facebook whatsapp zoom teams email website internet tesco boots paracetamol ibuprofen morphine insulin
  anyone anybody nobody someone somebody something nothing everything again always never once twice soon really absolutely
  overall however unfortunately luckily fortunately eventually finally firstly lastly especially particularly despite during until
  friends family test patient's choices survey complaints complaint feedback accident minor injuries urgent
  suite wing lodge hospice building wards`
    .trim()
    .split(/\s+/),
)

// Behind "mr" or "my name is" a word in small letters may be a name; these are not.
const smallWords: ReadonlySet<string> = new Set(
  `said says say told tells came comes went goes gave gives took takes saw sees made makes did didn't doesn't wasn't isn't hasn't
  called calls asked asks wanted wants would wouldn't could couldn't should will won't can can't may might must
  being misspelt misspelled spelled spelt spelling wrong right missing still known given never now clinic surgeon
  appointment appointments looked looks seemed seems examined explained prescribed referred rang phoned wrote arrived left
  round rounds letter notes really extremely unclear irrelevant there here down up out over about again later earlier
  pepper google whom too got getting using keeps kept thought thinks knew knows took let put sent same changed important private`
    .trim()
    .split(/\s+/),
)
