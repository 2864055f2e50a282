/**
 * Text from a dataset made safe to show: control and format characters (ANSI sequences, bidirectional
 * overrides, zero-width) and lone surrogates are written as escapes, as in the reports. The joiner of
 * emoji sequences stays. `lines` keeps line ends; otherwise they show as ⏎.
 */
export function visible(text: string, lines = false): string {
  return text
    .replace(/\r\n?|\n/g, lines ? '\n' : ' ⏎ ')
    .replace(/\t/g, lines ? '\t' : ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (c) => {
      if (c === '\u200d' || (lines && (c === '\n' || c === '\t'))) return c;
      const code = c.codePointAt(0) ?? 0;
      return code < 0x100
        ? `\\x${code.toString(16).padStart(2, '0')}`
        : `\\u{${code.toString(16)}}`;
    });
}
