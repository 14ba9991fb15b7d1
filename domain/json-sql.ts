/** SQL for a JSON object of these fields (name to SQL), in this order and without blanks between. */
export function jsonObject(fields: Readonly<Record<string, string>>): string {
  const columns = Object.entries(fields).map(([name, sql]) => `${sql} as "${name}"`)
  return `(select row_to_json(fields) from (select ${columns.join(', ')}) as fields)`
}

/** SQL for a JSON array of what `item` builds from each row of `from`, in the order given. */
export function jsonArray(item: string, from: string, order: string): string {
  return `(select ('[' || coalesce(string_agg(${item}::text, ',' order by ${order}), '') || ']')::json ${from})`
}
