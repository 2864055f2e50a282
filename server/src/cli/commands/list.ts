import { pad, strictJson, visible, width } from '../../audit/report/index.js';
import { doctor, listHubModels, listModels } from '../engine.js';
import { print } from '../output/output.js';

export async function doctorCommand(o: { json?: boolean }): Promise<void> {
  const r = await doctor();
  if (o.json) return print(`${strictJson(r, 2)}\n`);
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
  const hub = await listHubModels();
  if (o.json)
    return print(`${strictJson([...models, ...hub.map((m) => ({ ...m, kind: 'hub' }))], 2)}\n`);
  if (models.length === 0) {
    await print('No models. Give --model a checkpoint folder, a GGUF file or a bundle.\n');
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
  if (models.length > 0) await printTable(rows);
  const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  await print('\nOn the Hugging Face hub (qrm pull NAME, or --model NAME):\n');
  const table = hub.map((m) => [
    m.name,
    `${m.attributes} × ${m.levels}`,
    gb(m.download),
    gb(m.int8),
    gb(m.float32),
    m.licence,
    m.cached !== undefined
      ? 'downloaded'
      : m.fits.length === 0
        ? 'too large for this memory'
        : m.fits.includes('float32')
          ? ''
          : 'fits in int8',
  ]);
  table.unshift(['name', 'attributes × levels', 'download', 'int8', 'float32', 'licence', '']);
  await printTable(table);
}

async function printTable(rows: readonly string[][]): Promise<void> {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((r) => width(r[c] ?? ''))));
  for (const row of rows) {
    const cells = row.map((cell, c) => (c === row.length - 1 ? cell : pad(cell, widths[c] ?? 0)));
    await print(`${cells.join('  ').trimEnd()}\n`);
  }
}
