import { expect, it } from 'vitest';
import { byteSize } from '../../../server/src/protocol/index.js';

it.each([
  [0, '0 kB'],
  [1499, '1 kB'],
  [999_499, '999 kB'],
  [999_500, '1 MB'],
  [98_123_456, '98 MB'],
  [999_499_999, '999 MB'],
  [999_500_000, '1.0 GB'],
  [16_060_522_240, '16.1 GB'],
])('%d bytes are %s', (bytes, text) => expect(byteSize(bytes)).toBe(text));

it('what is needed is rounded up, what is free down: equal words mean that it fits', () => {
  expect(byteSize(3_140_000_001, Math.ceil)).toBe('3.2 GB');
  expect(byteSize(3_199_999_999, Math.floor)).toBe('3.1 GB');
  expect(byteSize(999_999_999, Math.floor)).toBe('999 MB');
  expect(byteSize(999_000_001, Math.ceil)).toBe('1.0 GB');
});
