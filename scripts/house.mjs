// Who may import what, as scripts/layers.mjs draws it. eslint.config.js asks it of every import,
// test/unit/scripts/house.test.ts of the whole graph.
import { posix } from 'node:path';
import { FOR_ALL, FRONT, LAYERS, LIBRARIES } from './layers.mjs';

const SRC = 'server/src/';
const SHELLS = Object.keys(LAYERS).filter((name) => LAYERS[name].uses === 'core');
const CORE = Object.keys(LAYERS).filter((name) => !SHELLS.includes(name));
/** What pages and the extension see of server/src. */
const SHARED =
  /^(?:protocol\/|qrm\/|policy\/[^/]*$|errors\.ts$|datasets\/formats\.ts$|evaluation\/words\.ts$)/;

/** The layer of a path inside server/src: its first folder, or a file of its own. */
const layerOf = (path) => path.split('/')[0];
const usedBy = (layer) => [...(layer.uses === 'core' ? CORE : layer.uses), ...FOR_ALL];

/** Where a file stands in an order: the last entry that holds it, -1 for none. */
const rank = (order, inside) =>
  order.findIndex((entry) => inside === entry || inside.startsWith(`${entry}/`));

/**
 * Why one file may not import the other, in words; undefined where it may.
 * @param from, to paths from the repository's root, with slashes
 */
export function complaint(from, to) {
  if (!from.startsWith(SRC)) {
    if (!/^(?:client|webview)\//.test(from) || !to.startsWith(SRC)) return undefined;
    return SHARED.test(to.slice(SRC.length))
      ? undefined
      : 'client and webview may import only protocol, qrm, policy (not its folders), errors, datasets/formats and evaluation/words of server/src';
  }
  const [a, b] = [from, to].map((path) => path.slice(SRC.length));
  const [mine, theirs] = [layerOf(a), layerOf(b)];
  if (unlisted(from) !== undefined) return unlisted(from);
  if (!to.startsWith(SRC)) return `server/src may not import ${to.split('/')[0]}`;
  if (mine === theirs) {
    const { order } = LAYERS[mine] ?? {};
    if (order === undefined) return undefined;
    const [x, y] = [a, b].map((path) => rank(order, path.slice(mine.length + 1)));
    return x >= 0 && y > x ? `inside ${mine}, ${order[x]} stands before ${order[y]}` : undefined;
  }
  // Files of server/src itself stand on words and errors alone.
  const used = LAYERS[mine] === undefined ? FOR_ALL : usedBy(LAYERS[mine]);
  if (!used.includes(theirs)) return `${mine} may import only: ${used.join(', ')}`;
  // The mathematics of a policy run in the webview too; what reads and writes is in its folders.
  if (
    mine === 'policy' &&
    a.split('/').length === 2 &&
    !/^(?:qrm|evaluation\/statistics)\//.test(b)
  )
    return 'policy itself may import only qrm and evaluation/statistics; its folders what shells may';
  const doors = LAYERS[theirs]?.doors;
  const inside = b.slice(theirs.length + 1);
  if (doors === undefined || posix.basename(b) === 'index.ts' || doors.includes(inside))
    return undefined;
  return `${theirs} is entered by ${['index.ts', ...doors].join(', ')}: export it there`;
}

/**
 * Why a file of server/src may not import a library, in words; undefined where it may.
 * @param library as an import names it
 */
export function foreign(from, library) {
  if (!from.startsWith(SRC)) return undefined;
  const [shell] = Object.entries(LIBRARIES).find(([, named]) => named.test(library)) ?? [];
  return shell === undefined || layerOf(from.slice(SRC.length)) === shell
    ? undefined
    : `${library} is the library of ${shell}: no other layer names it`;
}

/** Says so where a file's folder is in no table. */
export function unlisted(path) {
  const folder = posix.dirname(path);
  const front = Object.keys(FRONT).find((root) => folder.startsWith(`${root}/`));
  if (front !== undefined)
    return FRONT[front].includes(folder.slice(front.length + 1)) ? undefined : unknown(folder);
  if (!path.startsWith(SRC)) return undefined;
  const [layer, ...rest] = path.slice(SRC.length).split('/');
  if (rest.length === 0)
    return FOR_ALL.includes(layer)
      ? undefined
      : `${path}: no file stands here; list it in scripts/layers.mjs`;
  const room = rest.slice(0, -1).join('/');
  const { rooms = [] } = LAYERS[layer] ?? {};
  return LAYERS[layer] === undefined || (room !== '' && !rooms.includes(room))
    ? unknown(folder)
    : undefined;
}
const unknown = (folder) =>
  `nobody knows ${folder}: list it in scripts/layers.mjs and in CONTRIBUTING.md, Layout`;

/** The file that a relative import names. */
export const target = (from, specifier) =>
  posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');

/** The linter's rule: each import as the table has it. */
export const house = {
  rules: {
    layers: {
      meta: { type: 'problem', schema: [] },
      create(context) {
        const root = context.cwd.replaceAll('\\', '/');
        const from = posix.relative(root, context.filename.replaceAll('\\', '/'));
        const check = (node) => {
          const specifier = node.source?.value;
          if (typeof specifier !== 'string') return;
          const message = specifier.startsWith('.')
            ? complaint(from, target(from, specifier))
            : foreign(from, specifier);
          if (message !== undefined) context.report({ node: node.source, message });
        };
        return {
          Program(node) {
            const message = unlisted(from);
            if (message !== undefined) context.report({ node, message });
          },
          ImportDeclaration: check,
          ExportNamedDeclaration: check,
          ExportAllDeclaration: check,
          ImportExpression: check,
          TSImportType: check,
        };
      },
    },
  },
};
