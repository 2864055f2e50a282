import { legible, over } from './colour.js';

/** What a colour means in a chart; the theme says how it looks. */
export const ROLES = [
  'text',
  'dim',
  'grid',
  'ground',
  'expectation',
  'tail',
  'chosen',
  'rejected',
  'other',
  'focus',
] as const;
export type Role = (typeof ROLES)[number];

export interface Theme {
  readonly highContrast: boolean;
  readonly dark: boolean;
  readonly colours: Readonly<Record<Role, string>>;
  readonly font: string;
}

/** VS Code's variable for each role, and what it is in Dark Modern and Light Modern. */
const SOURCES: Record<Role, readonly [variables: readonly string[], dark: string, light: string]> =
  {
    text: [['--vscode-foreground'], '#cccccc', '#3b3b3b'],
    dim: [['--vscode-descriptionForeground'], '#9d9d9d', '#5f5f5f'],
    grid: [['--vscode-charts-lines', '--vscode-foreground'], '#cccccc80', '#3b3b3b80'],
    ground: [['--vscode-editor-background'], '#1f1f1f', '#ffffff'],
    expectation: [['--vscode-charts-blue'], '#59a4f9', '#1a85ff'],
    tail: [['--vscode-charts-orange'], '#d18616', '#b75d09'],
    chosen: [['--vscode-charts-blue'], '#59a4f9', '#1a85ff'],
    rejected: [['--vscode-charts-red'], '#f14c4c', '#e51400'],
    other: [['--vscode-charts-purple'], '#b180d7', '#652d90'],
    focus: [['--vscode-focusBorder'], '#0078d4', '#005fb8'],
  };
/** Of the high contrast themes: there charts.orange is a dark brown, or in the light one a blue. */
const TAIL_IN_HIGH_CONTRAST = '--vscode-editorWarning-foreground';

/** The theme as VS Code tells it to webviews: variables on the root, the kind as a class of the body. */
export function readTheme(): Theme {
  const kind = document.body.classList;
  const highContrast =
    kind.contains('vscode-high-contrast') || kind.contains('vscode-high-contrast-light');
  const dark = kind.contains('vscode-high-contrast-light')
    ? false
    : kind.contains('vscode-dark') || kind.contains('vscode-high-contrast');
  const style = getComputedStyle(document.body);
  const colours = {} as Record<Role, string>;
  for (const role of ROLES) {
    const [variables, darkDefault, lightDefault] = SOURCES[role];
    const names =
      highContrast && role === 'tail' ? [TAIL_IN_HIGH_CONTRAST, ...variables] : variables;
    const value = names.map((v) => style.getPropertyValue(v).trim()).find((v) => v !== '');
    colours[role] = normal(value ?? (dark ? darkDefault : lightDefault));
  }
  for (const role of ROLES) {
    if (role !== 'grid') colours[role] = over(colours[role], colours.ground);
    // Labels have their line's colour. In high contrast the lines themselves are as clear.
    if (highContrast && role !== 'grid' && role !== 'ground')
      colours[role] = legible(colours[role], colours.ground, colours.text);
  }
  return { highContrast, dark, colours, font: style.fontFamily };
}

let probe: CanvasRenderingContext2D | null | undefined;
/** Any CSS colour as #rrggbb or rgba(). */
function normal(colour: string): string {
  probe ??= document.createElement('canvas').getContext('2d');
  if (!probe) return colour;
  probe.fillStyle = '#000';
  probe.fillStyle = colour;
  return probe.fillStyle;
}

/** Calls back after the theme changed: another kind, or other colours of the same kind. */
export function watchTheme(changed: () => void): void {
  let queued = false;
  const observer = new MutationObserver(() => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      changed();
    });
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
}
