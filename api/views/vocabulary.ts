import type { Instrument } from '../../domain/instruments.ts'
import type {
  ChannelEntry,
  PublicationEntry,
  ReasonEntry,
  StatusEntry,
  VocabularyEntry,
} from '../../domain/vocabularies.ts'
import type { Schemas } from '../contract/handler.ts'

/** A word of the contract with what to show for it. */
export function wordView({ code, label, help }: VocabularyEntry): Schemas['VocabularyEntry'] {
  return { code, label, help }
}

/** A status, and where a case may go from there. */
export function statusView({ code, label, help, open, moves }: StatusEntry): Schemas['StatusEntry'] {
  return {
    code,
    label,
    help,
    open,
    moves: moves.map(({ to, by, kinds }) => ({ to, by: [...by], kinds: [...kinds] })),
  }
}

/** A state of publication, and what may be decided there. */
export function publicationView(entry: PublicationEntry): Schemas['PublicationEntry'] {
  return {
    code: entry.code,
    label: entry.label,
    help: entry.help,
    publicSees: entry.publicSees,
    decisions: entry.decisions.map(({ action, by, to }) => ({ action, by: [...by], to })),
  }
}

/** A channel, with what it takes and from whom. */
export function channelView({ code, label, help, kinds, roles }: ChannelEntry): Schemas['ChannelEntry'] {
  return { code, label, help, kinds, roles }
}

/** A reason code. */
export function reasonView({ code, label, help, of }: ReasonEntry): Schemas['ReasonEntry'] {
  return { code, label, help, of }
}

/** An instrument with its questions and their answers. */
export function instrumentView(instrument: Instrument): Schemas['Instrument'] {
  return {
    code: instrument.code,
    label: instrument.label,
    help: instrument.help,
    organisationKinds: [...instrument.organisationKinds],
    questions: instrument.questions.map(({ code, text, required, scale, answers }) => ({
      code,
      text,
      required,
      scale: scale && { min: scale.min, max: scale.max, best: scale.best },
      answers: answers.map((answer) => ({ code: answer.code, label: answer.label, value: answer.value })),
    })),
  }
}
