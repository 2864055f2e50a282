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

/** A reward figure: three decimals (more for small ranges), with a true minus sign. */
export function decimals(value: number, digits = 3): string {
  if (Number.isNaN(value)) return '–';
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−');
}

export function percent(value: number, digits = 1): string {
  return Number.isNaN(value) ? '–' : `${(100 * value).toFixed(digits)} %`;
}

const whole = new Intl.NumberFormat('en');
export const count = (value: number): string => whole.format(value);

/** q05, q10, q02.5: the name of the quantile at a level. */
export function tailName(tau: number): string {
  const p = +(tau * 100).toFixed(2);
  return `q${p < 10 ? '0' : ''}${p}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A file's name without its endings, for the names of exports. */
export const fileStem = (name: string): string => name.replace(/\.[a-z0-9]+(\.gz|\.zst)?$/i, '');
