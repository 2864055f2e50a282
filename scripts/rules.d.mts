import type { Plugin as Bundling } from 'esbuild';
import type { Plugin as Testing } from 'vitest/config';

export const rulesOfFolder: Bundling;
export const rulesForTests: Testing;
export function ruleNames(): string[];
