import tseslint from 'typescript-eslint';

// The rules that need types. On their own, for they read the whole program: some ten times as long as all others.
export default tseslint.config(
  {
    ignores: [
      'dist',
      'out',
      'node_modules',
      'models',
      'examples',
      'coverage',
      'test/fixtures',
      '**/*.{js,mjs,mts}',
    ],
    linterOptions: { reportUnusedDisableDirectives: 'off' },
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true } },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      // A promise is awaited, returned or has its failure handled: `unawaited` of errors.ts where nobody waits.
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    // VS Code's own promises are Thenables.
    files: ['client/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { ignoreVoid: false, checkThenables: true },
      ],
    },
  },
);
