import type { Db } from '../prisma/client.ts'

export type Category = { code: string; label: string; help: string | null; allowsHighPriority: boolean }

/** The categories in the order in which a form shows them. */
export async function listCategories(db: Db): Promise<Category[]> {
  return db.prisma.category.findMany({
    orderBy: { rank: 'asc' },
    select: { code: true, label: true, help: true, allowsHighPriority: true },
  })
}
