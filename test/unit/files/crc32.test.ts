import { expect, it } from 'vitest';
import { crc32, crc32ByTable } from '../../../server/src/files/crc32.js';

it('is the checksum of the CRC-32 catalogue, with and without zlib’s own, in one piece or several', () => {
  const text = Buffer.from('123456789');
  for (const of of [crc32, crc32ByTable]) {
    expect(of(text)).toBe(0xcbf43926);
    expect(of(text.subarray(4), of(text.subarray(0, 4)))).toBe(0xcbf43926);
  }
});
