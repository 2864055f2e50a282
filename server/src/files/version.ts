import { readFileSync } from 'node:fs';

/** The program's version, from the package.json above the bundle that runs. @param bundle its `import.meta.url` */
export function programVersion(bundle: string): string {
  const manifest = readFileSync(new URL('../package.json', bundle), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
