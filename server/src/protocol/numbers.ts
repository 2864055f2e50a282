// Numbers as people read them, the same in every shell, report and view. Nothing known (NaN) is a dash.

/** A time: `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

const whole = new Intl.NumberFormat('en');

/** `12,345` */
export const count = (n: number): string => whole.format(n);

/** `1 row`, `12,345 rows` */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

/**
 * An amount of memory, disk or text: `12 kB`, `250 MB`, `3.1 GB` (powers of ten).
 * @param round up (`Math.ceil`) what is needed, down (`Math.floor`) what is free: beside each other they never look alike
 * when they are not
 */
export function byteSize(bytes: number, round: (x: number) => number = Math.round): string {
  const [kB, MB] = [round(bytes / 1e3), round(bytes / 1e6)];
  if (kB < 1000) return `${kB} kB`;
  return MB < 1000 ? `${MB} MB` : `${(round(bytes / 1e8) / 10).toFixed(1)} GB`;
}

/** A reward: three decimals, with a true minus sign, and none before nothing but zeros. */
export function decimals(x: number, digits = 3): string {
  if (!Number.isFinite(x)) return '–';
  const text = x.toFixed(digits);
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−');
}

/** The same with its sign: `+0.120`, `−0.120`. */
export const signed = (x: number, digits = 3): string =>
  x >= 0 ? `+${decimals(x, digits)}` : decimals(x, digits);

/** A difference, which may be small: a fourth decimal where the third says little. */
export const fine = (x: number): string => signed(x, Math.abs(x) < 0.01 ? 4 : 3);

/** A share: `12.5 %` */
export const percent = (share: number, digits = 1): string =>
  Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : '–';

/** The quantile at a level: `q05`, `q10`, `q02.5`. */
export function tailName(tau: number): string {
  const p = +(tau * 100).toFixed(2);
  return `q${p < 10 ? '0' : ''}${p}`;
}

/** `CVaR 20 %`: the mean of the worst fifth. */
export const cvarName = (share: number): string => `CVaR ${+(share * 100).toFixed(2)} %`;
