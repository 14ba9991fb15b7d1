import t from 'tap'
import {
  type CategoryRules,
  categoryOf,
  type Sortable,
  termKey,
  termOf,
} from '../../domain/category-rules.ts'

t.test('a term is the source’s word in lower case, on one line', async (t) => {
  t.equal(termOf('  Waiting\n  Times\t'), 'waiting times')
  t.equal(termOf('Überfüllt\u00a0heute'), 'überfüllt heute')
  t.equal(termOf(' \n '), '')
})

t.test('a story gets its category by the first rule that says something', async (t) => {
  const cases: [Partial<Sortable>, string][] = [
    [{}, 'other'],
    [{ tags: ['Waiting  TIMES'] }, 'delays'],
    [{ tags: ['Nonsense', 'waiting times', 'lunch'] }, 'delays'],
    [{ tags: ['lunch', 'waiting times'] }, 'food'],
    // A mapped tag goes before one that is the very name of a category of ours.
    [{ tags: ['Parking', 'lunch'] }, 'food'],
    [{ tags: ['Parking'] }, 'parking'],
    [{ tags: ['Lost property'] }, 'lostproperty'],
    [{ tags: ['lostproperty'] }, 'lostproperty'],
    // What is mapped means that, also where it is called like another category.
    [{ tags: ['Staff'] }, 'dignity'],
    // What is like a category, but not its name, is not guessed.
    [{ tags: ['Car parking', 'park'] }, 'other'],
    [{ tags: ['Nonsense'], ratings: [{ question: 'How clean was it?' }] }, 'cleanliness'],
    [{ ratings: [{ question: 'Anything else?' }, { question: 'how clean  was it?' }] }, 'cleanliness'],
    [{ tags: ['Parking'], ratings: [{ question: 'How clean was it?' }] }, 'parking'],
    // A question is no tag, and the other way round.
    [{ tags: ['How clean was it?'], ratings: [{ question: 'lunch' }] }, 'other'],
    [{ ratings: [{ question: 'Parking' }] }, 'other'],
    [{ service: { code: null, name: 'Pharmacy desk' } }, 'medicines'],
    [{ service: { code: 'S1', name: 'Counter 4' }, ourService: 'Pharmacy Desk' }, 'medicines'],
    [{ tags: ['lunch'], service: { code: null, name: 'Pharmacy desk' } }, 'food'],
    [
      { ratings: [{ question: 'How clean was it?' }], service: { code: null, name: 'Pharmacy desk' } },
      'cleanliness',
    ],
  ]
  for (const [own, category] of cases) {
    t.equal(
      categoryOf({ tags: [], ratings: [], service: null, ourService: null, ...own }, rules),
      category,
      JSON.stringify(own),
    )
  }
})

const rules: CategoryRules = {
  mapped: new Map([
    [termKey('tag', 'Waiting times'), 'delays'],
    [termKey('tag', 'Lunch'), 'food'],
    [termKey('tag', 'Staff'), 'dignity'],
    [termKey('question', 'How clean was it?'), 'cleanliness'],
    [termKey('service', 'Pharmacy desk'), 'medicines'],
  ]),
  ours: new Map([
    ['parking', 'parking'],
    ['lost property', 'lostproperty'],
    ['lostproperty', 'lostproperty'],
    ['staff', 'staff'],
    ['staff attitude', 'staff'],
  ]),
}
