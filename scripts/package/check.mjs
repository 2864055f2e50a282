// Whether a package holds all that its programs import, files and native libraries alike: most platforms' cannot be run
// where it is made. main.mjs asks it of each VSIX; `npm run check:package` of all platforms, without making them.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import { libraryFacts } from './libraries.mjs';

/** What every system of a kind has, by name in small letters. */
const SYSTEM = {
  linux: /^(ld-linux-.*|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+))\.so(\.\d+)*$/,
  darwin: /^\/(usr\/lib|system\/library)\//,
  // Windows 10 and later; api-ms-win-* are names of its own libraries, ucrtbase among them.
  win32:
    /^(api-ms-win-.*|ext-ms-.*|kernel32|kernelbase|ntdll|advapi32|user32|gdi32|ole32|oleaut32|shell32|shlwapi|setupapi|cfgmgr32|ws2_32|bcrypt|crypt32|dbghelp|dxgi|dxcore|d3d11|d3d12|d3dcompiler_47|version|psapi|rpcrt4|secur32|userenv|winmm|iphlpapi|wintrust|ucrtbase)(\.dll)?$/,
};
/** The host that loads a binding gives its own symbols under this name. */
const HOST = /^node\.exe$/i;
/** Microsoft's C++ runtime: Windows has it only where something installed it, which README asks for. */
const VISUAL_CPP = /^(msvcp140.*|vcruntime140.*|concrt140|vcomp140)\.dll$/i;
const NATIVE = /\.(node|dll|dylib|so(\.\d+)*)$/;
const OUTSIDE = new Set([...builtinModules, 'vscode']);

const isBuiltin = (name) =>
  name.startsWith('node:') || OUTSIDE.has(name) || OUTSIDE.has(name.split('/')[0]);

/** What a bundle names: modules with how they are asked for, and files by `new URL(…, import.meta.url)`. */
function namedIn(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const modules = new Map();
  const files = new Set();
  // esbuild's own stand-in for `require`, whatever it is called in a minified bundle.
  const requires = new Set(['require']);
  const literal = (node) => (node && ts.isStringLiteralLike(node) ? node.text : undefined);
  const declared = (node) => {
    if (ts.isVariableDeclaration(node) && node.initializer && ts.isIdentifier(node.name)) {
      const start = node.initializer.getText(source).slice(0, 80);
      if (/typeof require\b/.test(start)) requires.add(node.name.text);
    }
    ts.forEachChild(node, declared);
  };
  declared(source);
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const name = literal(node.moduleSpecifier);
      if (name !== undefined) modules.set(name, 'import');
    } else if (ts.isCallExpression(node)) {
      const name = literal(node.arguments[0]);
      const { expression: callee } = node;
      const required =
        (ts.isIdentifier(callee) && requires.has(callee.text)) ||
        // createRequire(import.meta.url)('name')
        (ts.isCallExpression(callee) && callee.arguments[0]?.getText(source) === 'import.meta.url');
      if (name !== undefined && callee.kind === ts.SyntaxKind.ImportKeyword)
        modules.set(name, 'import');
      else if (name !== undefined && required && !modules.has(name)) modules.set(name, 'require');
    } else if (
      ts.isNewExpression(node) &&
      node.arguments?.[1]?.getText(source) === 'import.meta.url'
    ) {
      const name = literal(node.arguments[0]);
      // Further up than the package are the sources, for tests.
      if (name !== undefined && /^\.\.?\/(?!\.\.)/.test(name)) files.add(name);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { modules, files };
}

const DYNAMIC = { import: (n) => `await import(${n});`, require: (n) => `require(${n});` };

/** What the packages in dist/node_modules want and cannot find, followed to the end by esbuild's resolver. */
async function unresolved(dist, modules) {
  const names = [...modules].map(([name, kind]) => DYNAMIC[kind](JSON.stringify(name)));
  try {
    const { metafile } = await build({
      stdin: { contents: names.join('\n'), resolveDir: dist, sourcefile: 'bundles.mjs' },
      bundle: true,
      write: false,
      outdir: dist,
      format: 'esm',
      target: 'node20',
      platform: 'node',
      metafile: true,
      loader: { '.node': 'empty' },
      absWorkingDir: dist,
      logLevel: 'silent',
    });
    return Object.keys(metafile.inputs)
      .filter((input) => input.startsWith('..'))
      .map((input) => `dist/node_modules reaches out of the package: ${input}`);
  } catch (error) {
    if (!error.errors) throw error;
    return error.errors.map((e) => `${e.location?.file ?? 'dist'}: ${e.text}`);
  }
}

/** Files that package.json names. */
function manifestFiles(node, out = []) {
  if (typeof node === 'string' && /^\.\/[\w./-]+\.\w+$/.test(node)) out.push(node);
  else if (node && typeof node === 'object')
    for (const v of Object.values(node)) manifestFiles(v, out);
  return out;
}

/** Native libraries of a folder: made for the target, and nothing needed that is neither there nor the system's. */
export function libraryProblems(folder, target) {
  const problems = [];
  const runtimes = new Set();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && NATIVE.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  for (const file of files) {
    const at = relative(folder, file);
    const { os, cpu, needed } = libraryFacts(file, target.cpu);
    if (os !== target.os || cpu !== target.cpu)
      problems.push(`${at} is for ${os}-${cpu}, not ${target.os}-${target.cpu}`);
    const beside = new Set(readdirSync(dirname(file)).map((name) => name.toLowerCase()));
    for (const name of needed) {
      const local = basename(name).toLowerCase();
      if (beside.has(local) || SYSTEM[target.os].test(name.toLowerCase()) || HOST.test(name))
        continue;
      if (VISUAL_CPP.test(name)) runtimes.add(name);
      else problems.push(`${at} needs ${name}, which is neither beside it nor the system's`);
    }
  }
  return { problems, libraries: files.length, runtimes: [...runtimes].sort() };
}

/**
 * Everything that the package laid out in `folder` lacks, in words.
 * @param {string} folder with package.json and dist/
 * @param {{ os: string, cpu: string }} target
 */
export async function packageProblems(folder, target) {
  const dist = join(folder, 'dist');
  const problems = [];
  const modules = new Map();
  for (const bundle of readdirSync(dist).filter((name) => /\.c?js$/.test(name))) {
    const named = namedIn(join(dist, bundle));
    for (const [name, kind] of named.modules) {
      if (name === 'vscode' && bundle !== 'client.cjs')
        problems.push(`dist/${bundle} imports vscode`);
      if (!isBuiltin(name)) modules.set(name, kind);
    }
    for (const name of named.files)
      if (!existsSync(join(dist, name)))
        problems.push(`dist/${bundle} names ${name}, which is missing`);
  }
  problems.push(...(await unresolved(dist, modules)));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const name of [...manifestFiles(manifest), manifest.icon].filter(Boolean))
    if (!existsSync(join(folder, name)))
      problems.push(`package.json names ${name}, which is missing`);
  const native = libraryProblems(dist, target);
  return {
    problems: [...problems, ...native.problems],
    modules: [...modules.keys()],
    libraries: native.libraries,
    runtimes: native.runtimes,
  };
}
