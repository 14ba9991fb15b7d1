/** A column whose texts are sealed (prisma/vault.ts), and how to come by what each text is bound to. */
export type SealedColumn = {
  table: string
  column: string
  /** The primary key, each column with its type, in the order of its index. */
  key: Readonly<Record<string, 'bigint' | 'int' | 'text'>>
  /** SQL for the place of a row `t`. */
  place: string
  /** What the place needs beside the row. */
  joins?: string
  /** Rows at a time, where they are large. */
  batch?: number
  /** The sealed text stands in it as a JSON string. */
  json?: true
}

const id = { id: 'bigint' } as const
const smallId = { id: 'int' } as const
// Sealed by `sealRemark`.
const remark = `'remark:' || t.reference`

/** Every sealed column there is, one line each: what is missing here stays under an old key when the keys are rotated. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { table: 'cases', column: 'original_sealed', key: id, place: `'cases.original:' || t.reference` },
  { table: 'cases', column: 'contact_sealed', key: id, place: `'cases.contact:' || t.reference` },
  { table: 'notes', column: 'text_sealed', key: id, place: remark },
  { table: 'messages', column: 'text_sealed', key: id, place: remark },
  { table: 'objections', column: 'text_sealed', key: id, place: remark },
  { table: 'legal_holds', column: 'reason_sealed', key: smallId, place: remark },
  { table: 'decisions', column: 'note_sealed', key: id, place: `'remark:decision:' || t.id` },
  {
    ...{ table: 'response_edits', column: 'text_sealed', key: id },
    ...{ place: `'remark:' || r.reference`, joins: 'join responses r on r.id = t.response_id' },
  },
  { table: 'escalations', column: 'text_sealed', key: smallId, place: `'escalations.text:' || t.reference` },
  {
    table: 'escalations',
    column: 'answer_sealed',
    key: smallId,
    place: `'escalations.answer:' || t.reference`,
  },
  {
    table: 'extensions',
    column: 'reason_sealed',
    key: smallId,
    place: `'extensions.reason:' || t.reference`,
  },
  {
    ...{ table: 'image_chunks', column: 'sealed', key: { image_id: 'bigint', n: 'int' }, batch: 20 },
    ...{
      place: `'image_chunks.sealed:' || i.token || ':' || t.n`,
      joins: 'join images i on i.id = t.image_id',
    },
  },
  {
    table: 'items',
    column: 'raw_sealed',
    key: id,
    place: `'items.raw:' || t.source_id || ':' || t.external_id`,
  },
  {
    ...{ table: 'item_versions', column: 'raw_sealed', key: { item_id: 'bigint', version: 'int' } },
    ...{
      place: `'items.raw:' || i.source_id || ':' || i.external_id`,
      joins: 'join items i on i.id = t.item_id',
    },
  },
  {
    ...{ table: 'quarantined_items', column: 'raw_sealed', key: id },
    place: `'quarantined_items.raw:' || t.source_id || ':' || encode(t.fingerprint, 'hex')`,
  },
  {
    ...{ table: 'run_documents', column: 'sealed', key: { run_id: 'bigint' }, batch: 1 },
    place: `'run_documents.sealed:' || t.run_id`,
  },
  {
    ...{ table: 'organisation_imports', column: 'document_sealed', key: id, batch: 1 },
    place: `'organisation_imports.document_sealed:' || t.id`,
  },
  { table: 'sources', column: 'address_sealed', key: smallId, place: `'sources.address:' || t.name` },
  { table: 'sources', column: 'cursor_sealed', key: smallId, place: `'sources.cursor:' || t.name` },
  {
    table: 'source_secrets',
    column: 'sealed',
    key: smallId,
    place: `'source_secrets.sealed:' || t.reference`,
  },
  {
    ...{ table: 'subscriptions', column: 'url_sealed', key: smallId },
    place: `'subscriptions.url_sealed:' || t.reference`,
  },
  {
    ...{ table: 'subscriptions', column: 'notice_sealed', key: smallId },
    place: `'subscriptions.notice_sealed:' || t.reference`,
  },
  {
    ...{ table: 'subscription_secrets', column: 'sealed', key: smallId },
    place: `'subscription_secrets.sealed:' || t.reference`,
  },
  {
    ...{ table: 'delivery_attempts', column: 'answer_sealed', key: id },
    place: `'delivery_attempts.answer_sealed:' || d.reference`,
    joins: 'join deliveries d on d.id = t.delivery_id',
  },
  {
    table: 'digests',
    column: 'address_sealed',
    key: smallId,
    place: `'digests.address_sealed:' || t.reference`,
  },
  {
    ...{ table: 'idempotency_records', column: 'result', key: { owner: 'text', key: 'text' }, json: true },
    place: `'idempotency_records.result:' || t.owner || ':' || t.key`,
  },
  { table: 'store_secrets', column: 'sealed', key: { name: 'text' }, place: `'store_secrets:' || t.name` },
  { table: 'vault_probe', column: 'sealed', key: smallId, place: `'vault_probe'` },
]
