import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { allowedStatuses, publicationMoves, publicView, roleChannels } from '../../domain/case-rules.ts'
import { channels, kinds, privacies, publications, reasons, statuses } from '../../domain/vocabularies.ts'
import { CaseKind } from '../../prisma/client.ts'

type Node = ReturnType<typeof JSON.parse>

const schemas = readContract().document.components.schemas as Record<string, Node>
const codes = (entries: ReadonlyArray<{ code: string }>): string[] => entries.map(({ code }) => code)
const reasonsOf = (of: string): string[] => codes(reasons.filter((reason) => reason.of === of))

t.test(
  'every value of the contract has an entry, in its order, and every entry is in the contract',
  async (t) => {
    t.same(codes(kinds), schemas.CaseKind.enum)
    t.same(codes(privacies), schemas.Privacy.enum)
    t.same(codes(statuses), schemas.CaseStatus.enum)
    t.same(codes(publications), schemas.Publication.enum)
    t.same(codes(channels), schemas.Channel.enum)
    t.same(reasonsOf('decision'), schemas.CaseReason.enum)
    t.same(reasonsOf('objection'), schemas.ObjectionReason.enum)
    t.same(reasonsOf('edit'), schemas.TextEdit.properties.reason.enum)
    t.same(reasonsOf('reopening'), schemas.NewReopening.properties.reason.enum)
  },
)

t.test('every entry has words to show', async (t) => {
  for (const { code, label, help } of [
    ...kinds,
    ...privacies,
    ...statuses,
    ...publications,
    ...channels,
    ...reasons,
  ]) {
    t.ok(label.length > 2 && label !== code, `${code} has a label`)
    t.not(help, '', `${code} has a help or none`)
  }
})

t.test('the moves of a status are those that the rules allow, and no others', async (t) => {
  for (const { code, moves } of statuses)
    for (const kind of Object.values(CaseKind))
      for (const relation of ['provider', 'handler', 'reporter', 'origin', 'none'] as const) {
        const said = moves
          .filter((move) => move.by.includes(relation) && move.kinds.includes(kind))
          .map(({ to }) => to)
        t.same(said.sort(), allowedStatuses(kind, code, relation).sort(), `${kind} ${code} by ${relation}`)
      }
})

t.test('the decisions of a state are those that the rules allow', async (t) => {
  for (const { code, decisions, publicSees } of publications) {
    t.same(Object.fromEntries(decisions.map(({ action, by }) => [action, by])), publicationMoves[code], code)
    const sees = { public: 'everything_moderated', stub: 'stub', hidden: 'nothing' } as Record<string, string>
    t.equal(publicSees, sees[publicView({ publication: code, privacy: 'named' })])
  }
  t.same(
    publications
      .find(({ code }) => code === 'awaiting_moderation')
      ?.decisions.map(({ action, to }) => [action, to]),
    [
      ['publish', 'published'],
      ['keep_private', 'kept_private'],
      ['refer', 'awaiting_second_tier'],
      ['reject', 'rejected'],
    ],
  )
})

t.test('a concern comes by web or telephone; a role names its own channels', async (t) => {
  t.same(codes(channels.filter((channel) => channel.kinds.includes('concern'))), ['web', 'phone'])
  for (const { code, roles } of channels)
    for (const [role, named] of Object.entries(roleChannels))
      t.equal(roles.includes(role as never), named.includes(code), `${role} ${code}`)
})
