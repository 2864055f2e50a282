import { pad, visible, width } from '../audit/report/index.js';
import { doctor, listModels } from './engine.js';
import { print } from './output.js';

export async function doctorCommand(o: { json?: boolean }): Promise<void> {
  const r = await doctor();
  if (o.json) return print(`${JSON.stringify(r, null, 2)}\n`);
  const lines = [
    ['Platform', r.platform],
    ['Processor', `${r.cpu}, ${r.threads} threads`],
    ['Node', r.node],
    ['ONNX Runtime', r.onnxruntime],
    ['int8', r.int8],
  ].map(([name, value]) => `${(name ?? '').padEnd(14)}${visible(value ?? '')}`);
  lines.push('', 'Execution providers, in the order they are tried:');
  for (const p of r.providers) {
    const [mark, state] = p.chosen ? ['✔', 'used'] : p.available ? ['·', 'works'] : ['✘', 'no'];
    lines.push(`  ${mark} ${p.name.padEnd(8)}${state.padEnd(7)}${visible(p.reason)}`);
    if (p.fix) lines.push(`${' '.repeat(19)}to get it: ${p.fix}`);
  }
  await print(`${lines.join('\n')}\n`);
}

export async function modelsCommand(o: { json?: boolean }): Promise<void> {
  const models = await listModels();
  if (o.json) return print(`${JSON.stringify(models, null, 2)}\n`);
  if (models.length === 0) {
    return print('No models. Give --model a checkpoint folder, a GGUF file or a bundle.\n');
  }
  const rows = models.map((m) => [
    visible(m.name),
    m.kind,
    `${m.attributes}`,
    m.precision,
    m.bytes < 1e6 ? `${Math.ceil(m.bytes / 1e3)} kB` : `${(m.bytes / 1e6).toFixed(1)} MB`,
    visible(m.licence ?? '–'),
    m.problem === undefined ? visible(m.path) : `✘ ${visible(m.problem)}`,
  ]);
  rows.unshift(['name', 'kind', 'attributes', 'precision', 'size', 'licence', 'path']);
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((r) => width(r[c] ?? ''))));
  for (const row of rows) {
    const cells = row.map((cell, c) => (c === row.length - 1 ? cell : pad(cell, widths[c] ?? 0)));
    await print(`${cells.join('  ')}\n`);
  }
}
