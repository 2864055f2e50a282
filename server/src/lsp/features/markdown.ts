import { visible } from '../../audit/report/index.js';

/** Text of a dataset as Markdown that shows it and does nothing: no link, no HTML, no heading. */
export function plain(text: string, max = 200): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return visible(cut).replace(/[\\`*_{}[\]()<>#+\-.!|~&$:@]/g, (c) =>
    c === '&' ? '&amp;' : c === '<' ? '&lt;' : `\\${c}`,
  );
}
