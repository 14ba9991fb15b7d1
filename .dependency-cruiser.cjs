// The layer table of docs/decisions/0002-layers.md, as rules. What a row does not name is forbidden.
const own = (paths) => `^(${paths.join('|')})`
const ours = own([
  'api/',
  'connectors/',
  'domain/',
  'ledger/',
  'net/',
  'operations/',
  'prisma/',
  'workers/',
  'config\\.ts',
  'start\\.ts',
  'examples/',
  'test/',
])
const npm = (names) => `node_modules/(${names.join('|')})(/|$)`

/** `from` may import of ours only `may`; `typesOf` only as types; never the packages in `never`. */
const row = (name, from, { may = [], typesOf = [], never = [], fromNot }) => [
  {
    name: `${name}-may-import`,
    severity: 'error',
    from: { path: own(from), ...(fromNot && { pathNot: own(fromNot) }) },
    to: { path: ours, pathNot: own([...may, ...typesOf]) },
  },
  ...(typesOf.length
    ? [
        {
          name: `${name}-types-only`,
          severity: 'error',
          from: { path: own(from), ...(fromNot && { pathNot: own(fromNot) }) },
          to: {
            path: own(typesOf),
            dependencyTypesNot: ['type-only'],
            ...(may.length && { pathNot: own(may) }),
          },
        },
      ]
    : []),
  ...(never.length
    ? [
        {
          name: `${name}-never`,
          severity: 'error',
          from: { path: own(from), ...(fromNot && { pathNot: own(fromNot) }) },
          to: { path: npm(never) },
        },
      ]
    : []),
]

const entries = [
  'start\\.ts',
  'api/server\\.ts',
  'workers/main\\.ts',
  'prisma/migrate\\.ts',
  'prisma/seed\\.ts',
  'prisma/create-client\\.ts',
  'prisma/embedded\\.ts',
  'prisma/engine\\.ts',
]
const queue = ['bullmq', 'ioredis']
const store = ['prisma', '@prisma', 'pg']

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { pathNot: '^prisma/generated' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    ...row('domain', ['domain/'], {
      may: ['domain/', 'prisma/client\\.ts'],
      never: ['fastify', '@fastify', ...queue],
    }),
    ...row('connectors', ['connectors/'], {
      may: ['connectors/'],
      typesOf: ['domain/'],
      never: ['fastify', '@fastify', ...queue, ...store],
    }),
    ...row('net', ['net/'], {
      may: ['net/'],
      typesOf: ['domain/'],
      never: ['fastify', '@fastify', ...queue, ...store],
    }),
    ...row('ledger', ['ledger/'], {
      may: ['ledger/'],
      typesOf: ['domain/', 'prisma/client\\.ts'],
      never: ['fastify', '@fastify', ...queue, ...store],
    }),
    ...row('contract', ['api/contract/'], { may: ['api/contract/'] }),
    ...row('views', ['api/views/'], {
      may: ['api/views/'],
      typesOf: ['api/contract/', 'domain/'],
      never: ['fastify', '@fastify', ...store],
    }),
    ...row('handlers', ['api/handlers/'], {
      may: ['api/handlers/', 'api/contract/handler\\.ts', 'api/views/', 'domain/', 'connectors/'],
      typesOf: ['api/contract/types\\.gen\\.ts'],
      never: [...queue, ...store],
    }),
    ...row('api', ['api/[^/]+\\.ts'], {
      may: ['api/', 'domain/'],
      typesOf: ['prisma/client\\.ts'],
      never: queue,
      fromNot: ['api/server\\.ts'],
    }),
    ...row('workers', ['workers/'], {
      may: ['workers/', 'domain/', 'connectors/', 'net/', 'api/views/'],
      typesOf: ['prisma/client\\.ts'],
      never: ['fastify', '@fastify'],
      fromNot: [
        'workers/main\\.ts',
        'workers/normalise-command\\.ts',
        'workers/organisations-command\\.ts',
        'workers/rebuild-index-command\\.ts',
        'workers/reseal-command\\.ts',
        'workers/verify-audit-command\\.ts',
      ],
    }),
    ...row('operations', ['operations/'], {
      may: ['operations/', 'domain/'],
      typesOf: ['api/', 'workers/', 'prisma/client\\.ts'],
      never: ['ioredis', ...store],
    }),
    ...row('store', ['prisma/'], { may: ['prisma/'], fromNot: [...entries, 'prisma/generated'] }),
    // A client's types are what openapi-typescript makes of the contract, wherever they are made.
    ...row('examples', ['examples/'], { may: ['examples/'], typesOf: ['api/contract/types.gen.ts'] }),
  ],
  options: {
    doNotFollow: { path: ['node_modules', 'prisma/generated'] },
    exclude: { path: '^(node_modules/\\.|\\.tap|\\.data)' },
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
