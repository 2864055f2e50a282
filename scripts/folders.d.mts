import type { Plugin as Bundling } from 'esbuild';
import type { Plugin as Testing } from 'vitest/config';

export const whatFoldersHold: Bundling;
export const whatFoldersHoldForTests: Testing;
export function ruleFiles(): string[];
export function readerFiles(): string[];
