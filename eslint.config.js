import tseslint from 'typescript-eslint';

/**
 * The import direction of DESIGN.md: qrm <- model <- engine <- audit <- shells; datasets and store
 * stand alone; client and webview see `protocol` and `qrm` only.
 */
const layers = [
  'qrm',
  'model',
  'engine',
  'datasets',
  'audit',
  'store',
  'training',
  'lsp',
  'cli',
  'http',
];
const allowed = {
  qrm: [],
  datasets: [],
  store: [],
  model: ['qrm'],
  engine: ['qrm', 'model'],
  audit: ['qrm', 'model', 'engine', 'datasets', 'store'],
  training: ['qrm', 'model', 'engine', 'datasets'],
  cli: layers.filter((l) => l !== 'lsp' && l !== 'http'),
  lsp: layers.filter((l) => l !== 'cli' && l !== 'http'),
  http: layers.filter((l) => l !== 'cli' && l !== 'lsp'),
};
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
  only(
    ['client/**/*.ts', 'webview/**/*.ts'],
    '^(\\.\\./)+server/src/(?!protocol|qrm/)',
    'client and webview may import only server/src/protocol and server/src/qrm',
  ),
);
