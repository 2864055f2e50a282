import { existsSync } from 'node:fs';
import { Uri, type Webview } from 'vscode';
import type { PageName } from '../../../server/src/protocol/index.js';
import { nonce } from '../nonce.js';

/** The page: nothing but the bundled script and style runs, and nothing is fetched from elsewhere. */
export function viewHtml(webview: Webview, extension: Uri, page: PageName, title: string): string {
  const once = nonce();
  const dist = Uri.joinPath(extension, 'dist');
  const script = webview.asWebviewUri(Uri.joinPath(dist, 'webview.js')).toString();
  const css = Uri.joinPath(dist, 'webview.css');
  const style = existsSync(css.fsPath)
    ? `<link rel="stylesheet" nonce="${once}" href="${webview.asWebviewUri(css).toString()}">`
    : '';
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${once}'`,
    `style-src 'nonce-${once}'`,
    'img-src data: blob:',
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<title>${title}</title>
${style}
</head>
<body data-page="${page}"><main id="app"></main>
<script nonce="${once}" src="${script}"></script>
</body>
</html>`;
}
