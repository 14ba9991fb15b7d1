import { type Db, rows } from '../prisma/client.ts'
import { PUBLISHED } from './case-filter.ts'
import { type Attribution, RESPONSE_JOINS } from './case-rows.ts'
import { type Category, listCategories } from './categories.ts'
import { type OrganisationDetail, organisationsByCode } from './organisations.ts'

/** What can be sent along with a page of cases. */
export type Includable = 'organisations' | 'categories' | 'sources'

/** The codes and names of what the cases of a page refer to, each once. */
export type Referred = { readonly [I in Includable]: readonly string[] }

/** What a page's cases refer to, as far as it was asked for. */
export type Included = {
  organisations?: OrganisationDetail[]
  categories?: Category[]
  sources?: Attribution[]
}

/** SQL for what the published cases of a page `shown` and their public answers refer to, as `Referred`. */
export const REFERRED = `(
  select json_build_object(
    'organisations', coalesce(json_agg(distinct organisation) filter (where organisation is not null), '[]'),
    'categories', coalesce(json_agg(distinct category) filter (where category is not null), '[]'),
    'sources', coalesce(json_agg(distinct source) filter (where source is not null), '[]'))
  from (
    select o.code as organisation, c.category_code as category, src.name as source
    from shown join cases c on c.id = shown.id join organisations o on o.id = c.organisation_id
    left join sources src on src.id = c.source_id where ${PUBLISHED}
    union
    select ro.code, null, rs.name
    from shown join responses r on r.case_id = shown.id ${RESPONSE_JOINS} where r.publication = 'published'
  ) as one)`

/** The things themselves: organisations by code, categories as a form shows them, sources by name. */
export async function includedOf(
  db: Db,
  wanted: readonly Includable[],
  { organisations, categories, sources }: Referred,
): Promise<Included> {
  return {
    ...(wanted.includes('organisations') && { organisations: await organisationsByCode(db, organisations) }),
    ...(wanted.includes('categories') && { categories: await categoriesOf(db, categories) }),
    ...(wanted.includes('sources') && { sources: await sourcesOf(db, sources) }),
  }
}

async function categoriesOf(db: Db, codes: readonly string[]): Promise<Category[]> {
  return (await listCategories(db)).filter(({ code }) => codes.includes(code))
}

async function sourcesOf(db: Db, names: readonly string[]): Promise<Attribution[]> {
  return rows<Attribution>(
    db.pool,
    `select name, title, site_url as link, attribution, licence from sources where name = any($1::text[]) order by name`,
    [names],
    'sources-by-name',
  )
}
