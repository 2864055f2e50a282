import type { Rule } from './rule.js';

/** Every rule of these rooms. scripts/folders.mjs puts them here when a bundle is made or a test runs. */
export const RULES: readonly Rule[] = [];
