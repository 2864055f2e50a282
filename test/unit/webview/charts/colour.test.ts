import { describe, expect, it } from 'vitest';
import { contrast, legible } from '../../../../webview/src/charts/colour.js';

describe('contrast', () => {
  it('is that of WCAG 2.2', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
    expect(contrast('#123456', '#123456')).toBe(1);
  });
});

describe('legible', () => {
  it('makes every colour readable on its ground, and leaves a readable one alone', () => {
    // VS Code's charts.orange in high contrast dark and in Light Modern.
    for (const [colour, ground, text] of [
      ['#ab5a00', '#000000', '#ffffff'],
      ['#d186167e', '#ffffff', '#3b3b3b'],
      ['#d18616', '#1f1f1f', '#cccccc'],
      ['#000000', '#000000', '#ffffff'],
    ] as const)
      expect(contrast(legible(colour, ground, text), ground)).toBeGreaterThanOrEqual(4.5);
    expect(legible('#ffffff', '#000000', '#ffffff')).toBe('rgb(255, 255, 255)');
  });
});
