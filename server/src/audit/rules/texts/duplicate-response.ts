import type { Rule } from '../rule.js';

/** Open addressing over 32-bit slots: 8 to 16 bytes a response, where a Map would take over 100. */
export const duplicateResponse: Rule = {
  code: 'duplicate-response',
  order: 70,
  ofTexts: true,
  remedy: 'remove',
  description: 'The same conversation with the same response occurs before.',
  prepare({ table }) {
    const { length } = table;
    let size = 16;
    while (size < 2 * length) size *= 2;
    const slots = new Uint32Array(size);
    return (i) => {
      // Added to the table since: there is no slot for it, and a full table would be searched for ever.
      if (i >= length) return undefined;
      const high = table.hashHigh.get(i);
      const low = table.hashLow.get(i);
      for (let at = (high ^ low) & (size - 1); ; at = (at + 1) & (size - 1)) {
        const held = slots[at] ?? 0;
        if (held === 0) {
          slots[at] = i + 1;
          return undefined;
        }
        const first = held - 1;
        if (first === i) return undefined;
        if (table.hashHigh.get(first) !== high || table.hashLow.get(first) !== low) continue;
        const same = table.partner(i) === first;
        return {
          code: 'duplicate-response',
          severity: 'warning',
          response: i,
          related: first,
          message: same
            ? 'Duplicate response: chosen and rejected are the same text (threshold: 1 occurrence).'
            : 'Duplicate response: this prompt and response occur before (threshold: 1 occurrence).',
        };
      }
    };
  },
};
