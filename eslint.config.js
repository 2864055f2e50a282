import tseslint from 'typescript-eslint';

/**
 * The import direction: qrm <- model <- engine <- session <- audit <- live, evaluation <- shells; training
 * stands on engine and on evaluation's statistics; so does policy, whose folders read and write; datasets and store
 * stand alone; client and webview see `protocol`, `qrm` and `policy` only. `protocol` and `errors.ts` are for all, `files` for all that write.
 */
const core = [
  'qrm',
  'model',
  'engine',
  'datasets',
  'store',
  'session',
  'audit',
  'live',
  'evaluation',
  'training',
  'policy',
  'cleaning',
];
const shells = ['lsp', 'cli', 'http', 'mcp'];
const layers = [...core, ...shells];
const allowed = {
  qrm: [],
  files: [],
  datasets: [],
  store: ['files'],
  model: ['qrm', 'files'],
  engine: ['qrm', 'files', 'model'],
  session: ['qrm', 'files', 'model', 'engine', 'datasets', 'store'],
  audit: ['qrm', 'files', 'model', 'engine', 'datasets', 'store', 'session'],
  live: ['qrm', 'files', 'model', 'engine', 'datasets', 'store', 'session', 'audit'],
  evaluation: ['qrm', 'files', 'model', 'engine', 'datasets', 'store', 'session', 'audit'],
  cleaning: [
    'qrm',
    'files',
    'model',
    'engine',
    'datasets',
    'store',
    'session',
    'audit',
    'evaluation',
  ],
  training: ['qrm', 'files', 'model', 'engine', 'datasets', 'evaluation'],
  policy: ['qrm', 'files', 'engine', 'datasets', 'store', 'session', 'audit', 'evaluation'],
  ...Object.fromEntries(shells.map((shell) => [shell, core])),
};
/** The floors of the tower inside model/, each on those before it. */
const floors = ['tokenizer', 'checkpoint', 'graph', 'heads', 'int8', 'bundle'];
const only = (files, forbidden, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: forbidden, message }] }] },
});

export default tseslint.config(
  { ignores: ['dist', 'out', 'node_modules', 'models', 'examples', 'test/fixtures'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          name: 'onnxruntime-node',
          allowTypeImports: true,
          message: 'server/src/model/onnxruntime.ts keeps its telemetry off: import from there',
        },
      ],
    },
  },
  ...layers.map((layer) => {
    const bad = layers.filter((l) => l !== layer && !allowed[layer].includes(l));
    return only(
      [`server/src/${layer}/**/*.ts`],
      `^(\\.\\./)+(${[...bad, 'client', 'webview'].join('|')})/`,
      `server/src/${layer} may import only: ${[...allowed[layer], 'protocol'].join(', ')}`,
    );
  }),
  ...floors.map((floor, n) =>
    only(
      [`server/src/model/${floor}/**/*.ts`],
      `^(\\.\\./)+(${[...floors.slice(n + 1), ...layers.filter((l) => !['qrm', 'files', 'model'].includes(l))].join('|')})/`,
      `server/src/model/${floor} may import only qrm and: ${floors.slice(0, n).join(', ')}`,
    ),
  ),
  // Its mathematics run in the webview too; what reads and writes files is in its folders.
  only(
    ['server/src/policy/*.ts'],
    `^(\\.\\./)+(${layers.filter((l) => !['qrm', 'evaluation', 'policy'].includes(l)).join('|')}|evaluation/(?!statistics/)|client|webview)/`,
    'server/src/policy may import only qrm and evaluation/statistics; its folders what shells may',
  ),
  only(
    ['client/**/*.ts', 'webview/**/*.ts'],
    '^(\\.\\./)+server/src/(?!protocol/|qrm/|policy/[^/]*$|errors\\.|datasets/formats\\.)',
    'client and webview may import only server/src/protocol, qrm, policy (not its folders), errors and datasets/formats',
  ),
);
