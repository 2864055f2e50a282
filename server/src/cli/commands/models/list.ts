import { pad, strictJson, visible, width } from '../../../audit/report/index.js';
import { byteSize } from '../../../protocol/index.js';
import { doctor, listHubModels, listModels } from '../../engine.js';
import { EXIT } from '../../errors.js';
import { installCuda } from './install-cuda.js';
import { print } from '../../output/output.js';

export interface DoctorOptions {
  json?: boolean;
  known?: boolean;
  installCuda?: boolean;
  yes?: boolean;
}

export async function doctorCommand(o: DoctorOptions): Promise<void> {
  if (o.installCuda) {
    const code = await installCuda(o.yes ?? false);
    if (code !== EXIT.ok) {
      process.exitCode = code;
      return;
    }
  }
  const r = await doctor(o.known);
  if (o.json) return print(`${strictJson(r, 2)}\n`);
  const lines = [
    ['Platform', r.platform],
    ['Processor', `${r.cpu}, ${r.threads} threads`],
    ['Node', r.node],
    ['ONNX Runtime', r.onnxruntime],
    ['int8', r.int8],
  ].map(([name, value]) => `${(name ?? '').padEnd(14)}${visible(value ?? '')}`);
  lines.push('', 'Execution providers, as they were found just now:');
  for (const p of r.providers) {
    const [mark, state] = p.chosen ? ['✔', 'used'] : p.available ? ['·', 'works'] : ['✘', 'no'];
    lines.push(`  ${mark} ${p.name.padEnd(8)}${state.padEnd(7)}${visible(p.reason)}`);
    const more = (text: string) => lines.push(`${' '.repeat(19)}${visible(text)}`);
    for (const a of p.adapters) {
      const memory = a.total === undefined ? [] : [`${byteSize(a.total)} of memory`];
      more([a.name, ...(a.driver ? [`driver ${a.driver}`] : []), ...memory].join(', '));
    }
    if (p.freeMemory !== undefined) more(`${byteSize(p.freeMemory, Math.floor)} of memory are free`);
    if (p.off) {
      const off = Object.entries(p.off).map(([name, x]) => `${name} ${x.toExponential(1)}`);
      more(`1 - cosine to the CPU: ${off.join(', ')}`);
    }
    if (p.rate !== undefined) {
      const [own, cpu] = [p.rate, p.cpuRate ?? 0].map((x) => Math.round(x).toLocaleString('en-US'));
      more(`${own} tokens/s of a small model (the CPU in float32: ${cpu})`);
    }
    for (const [i, fix] of (p.fix ?? []).entries())
      more(`${i === 0 ? 'to get it: ' : '           '}${fix}`);
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
    byteSize(m.bytes),
    visible(m.licence ?? '–'),
    m.problem === undefined ? visible(m.path) : `✘ ${visible(m.problem)}`,
  ]);
  rows.unshift(['name', 'kind', 'attributes', 'precision', 'size', 'licence', 'path']);
  if (models.length > 0) await printTable(rows);
  await print('\nOn the Hugging Face hub (qrm pull NAME, or --model NAME):\n');
  const table = hub.map((m) => [
    m.name,
    `${m.attributes} × ${m.levels}`,
    byteSize(m.download, Math.ceil),
    byteSize(m.int8, Math.ceil),
    byteSize(m.float32, Math.ceil),
    m.licence,
    m.cached !== undefined
      ? 'downloaded'
      : m.fits.length === 0
        ? 'too large for this memory'
        : m.fits.includes('float32')
          ? 'fits this memory'
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
