import tseslint from 'typescript-eslint';
import { house } from './scripts/house.mjs';

// What needs the types of the whole program is in eslint.typed.config.js: `npm run lint` runs both.
export default tseslint.config(
  { ignores: ['dist', 'out', 'node_modules', 'models', 'examples', 'coverage', 'test/fixtures'] },
  ...tseslint.configs.recommended,
  {
    plugins: { house },
    rules: {
      // Who may import what: scripts/layers.mjs.
      'house/layers': 'error',
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
  {
    files: ['server/src/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.name=/^mkdir(Sync)?$/] Property[key.name='recursive'][value.value=true]",
          message:
            'below /proc Node never ends, and no signal is heard: makeFolder (server/src/files/folder.ts)',
        },
      ],
    },
  },
);
