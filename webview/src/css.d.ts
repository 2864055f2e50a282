/** Style sheets: esbuild gathers them in dist/webview.css. */
declare module '*.css';
