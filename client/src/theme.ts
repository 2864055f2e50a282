import { ColorThemeKind, window } from 'vscode';
import type { ThemeKind } from '../../server/src/protocol/index.js';

/** The kind of the active colour theme, for images that see no theme colour. */
export function themeKind(): ThemeKind {
  switch (window.activeColorTheme.kind) {
    case ColorThemeKind.Light:
      return 'light';
    case ColorThemeKind.HighContrast:
      return 'high-contrast';
    case ColorThemeKind.HighContrastLight:
      return 'high-contrast-light';
    default:
      return 'dark';
  }
}
