// The drawing of the house (CONTRIBUTING.md, Layout) as tables; scripts/house.mjs holds every import to them.

/** What every layer may use: words, kinds of errors, and how files are written. */
export const FOR_ALL = ['protocol', 'errors.ts', 'blank.ts', 'fields.ts', 'pace.ts', 'files'];

/**
 * The layers of server/src from the ground up. `uses`: the layers that one may import. `doors`: the files by which
 * others enter, besides an index.ts of the layer or of a room in it; absent where each file is a door. `rooms`: its
 * folders. `order`: rooms and files in it, each of which may import those before it.
 */
export const LAYERS = {
  protocol: { uses: [], rooms: ['programs'] },
  files: { uses: [] },
  qrm: { uses: [], doors: ['types.ts'] },
  datasets: {
    uses: [],
    // process/main.ts is the body of the reader's process, for who puts writers into it.
    doors: ['types.ts', 'formats.ts', 'input/unpack.ts', 'process/main.ts'],
    rooms: [
      'columns',
      'csv',
      'detect',
      'input',
      'input/decompress',
      'json',
      'logs',
      'markdown',
      'process',
      'process/wire',
      'readers',
      'rows',
      'rows/exports',
      'rows/shapes',
    ],
  },
  store: { uses: [], doors: [] },
  model: {
    uses: ['qrm'],
    rooms: [
      'tokenizer',
      'tokenizer/jinja',
      'checkpoint',
      'checkpoint/architecture',
      'checkpoint/gguf',
      'graph',
      'graph/paths',
      'heads',
      'int8',
      'bundle',
      'bundle/backbone',
      'bundle/format',
      'bundle/hub',
      'bundle/published',
    ],
    order: ['tokenizer', 'checkpoint', 'graph', 'heads', 'int8', 'bundle'],
  },
  // states.ts and trees/trees.ts are for who runs a backbone in its own process: states.ts loads the native libraries.
  engine: {
    uses: ['qrm', 'model'],
    doors: ['types.ts', 'doctor.ts', 'states.ts', 'trees/trees.ts'],
    rooms: ['backbone', 'backbone/path', 'batches', 'device', 'process', 'remote', 'trees'],
  },
  similarity: { uses: [], doors: [] },
  session: {
    uses: ['qrm', 'model', 'engine', 'datasets', 'store', 'similarity'],
    rooms: ['known', 'model'],
  },
  audit: {
    uses: ['qrm', 'model', 'engine', 'datasets', 'store', 'similarity', 'session'],
    // How text is made safe and laid out in lines, for every report.
    doors: ['report/escape.ts', 'report/html/style.ts'],
    rooms: [
      'report',
      'report/html',
      'report/parquet',
      'rules',
      'rules/distributions',
      'rules/labels',
      'rules/texts',
    ],
  },
  live: {
    uses: ['qrm', 'model', 'engine', 'datasets', 'store', 'similarity', 'session', 'audit'],
    rooms: ['disk', 'text'],
  },
  evaluation: {
    uses: ['qrm', 'model', 'engine', 'datasets', 'store', 'session', 'audit'],
    rooms: [
      'comparison',
      'items',
      'judge',
      'passport',
      'report',
      'statistics',
      'statistics/resampling',
      'suites',
    ],
  },
  training: {
    uses: ['qrm', 'model', 'engine', 'datasets', 'evaluation'],
    rooms: [
      'config',
      'data',
      'features',
      'gating',
      'matrix',
      'pipeline',
      'pipeline/figures',
      'regression',
      'report',
    ],
  },
  policy: {
    uses: ['qrm', 'engine', 'datasets', 'store', 'session', 'audit', 'evaluation'],
    rooms: ['gather', 'report', 'watch'],
  },
  cleaning: {
    uses: [
      'qrm',
      'model',
      'engine',
      'datasets',
      'store',
      'similarity',
      'session',
      'audit',
      'evaluation',
    ],
    rooms: ['apply', 'decide', 'jury'],
  },
  lsp: {
    uses: 'core',
    rooms: ['answers', 'documents', 'features', 'params', 'progress'],
    order: [
      'params',
      'features',
      'documents',
      'workspace.ts',
      'answers',
      'progress',
      'context.ts',
      'requests.ts',
      'server.ts',
      'main.ts',
    ],
  },
  cli: {
    uses: 'core',
    rooms: [
      'commands',
      'commands/evaluation',
      'commands/models',
      'options',
      'options/values',
      'output',
    ],
    order: ['output', 'commands', 'program.ts', 'main.ts'],
  },
  http: { uses: 'core', rooms: ['routes'] },
  mcp: { uses: 'core', rooms: ['tools'] },
};
/** The folders of what VS Code runs: of the extension, and of the pages. */
export const FRONT = {
  'client/src': ['dialogs', 'documents', 'evaluation', 'server', 'tool', 'training', 'views'],
  'webview/src': [
    'charts',
    'dashboard',
    'dashboard/charts',
    'data',
    'detail',
    'evaluation',
    'policy',
    'styles',
    'ui',
    'watch',
  ],
};
/** Libraries that a shell speaks by: no other layer names them, or it could serve no other shell. */
export const LIBRARIES = {
  lsp: /^vscode-(?:languageserver|jsonrpc)/,
  cli: /^(?:commander|cli-progress)$/,
  http: /^@?fastify\b|^prom-client$/,
  mcp: /^@modelcontextprotocol\/|^zod$/,
};

/** Files of a folder, at most: more want rooms. */
export const DOZEN = 12;
/** Folders that are larger, and why. */
export const CROWDED = {
  'server/native':
    'one compilation unit of each set of instructions: the split of the kernels is by their work, with a header each',
  'server/src/qrm':
    'the mathematics of one distribution, pure, of which the pages take what they need: one index, no floors',
};
