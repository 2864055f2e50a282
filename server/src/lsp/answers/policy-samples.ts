import type { WirePolicySamples } from '../../protocol/index.js';
import type { LiveAudit } from '../../live/live-audit.js';
import { wire } from '../../live/view-data.js';
import { Pacer } from '../../pace.js';

/** What a view computes with at every movement of a slider. */
const MOST = 20_000;

/**
 * Scored responses by prompt, as far as the table tells: conversations of one row that have as many turns before the
 * response are answers to one prompt. Prompts with one response are left out.
 */
export async function policySamples(audit: LiveAudit): Promise<WirePolicySamples> {
  const pacer = new Pacer();
  const table = audit.ledger?.table;
  const levels = table?.levels ?? [];
  const groups = new Map<string, number[]>();
  for (let id = 0; table !== undefined && id < table.length; id++) {
    if ((id & 1023) === 1023) await pacer.tick();
    if (!table.scored(id)) continue;
    const key = `${audit.rowNumber(id)}:${table.target.get(id)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [id]);
    else group.push(id);
  }
  const all = [...groups.values()].filter((ids) => ids.length > 1);
  const offsets = [0];
  const responses: number[] = [];
  let taken = 0;
  for (const ids of all) {
    if (responses.length + ids.length > MOST && taken > 0) break;
    responses.push(...ids);
    offsets.push(responses.length);
    taken++;
  }
  const K = levels.length;
  const quantiles = new Float32Array(responses.length * K);
  responses.forEach((id, n) => {
    for (let k = 0; k < K; k++) quantiles[n * K + k] = table?.quantile(id, k) ?? Number.NaN;
  });
  const words = (values: readonly number[]): string => wire(Uint32Array.from(values));
  return {
    uri: audit.uri,
    epoch: audit.epoch,
    revision: audit.ledger?.revision ?? 0,
    levels,
    offsets: words(offsets),
    responses: words(responses),
    quantiles: wire(quantiles),
    expectation: wire(Float32Array.from(responses, (id) => table?.expectation.get(id) ?? NaN)),
    tokens: words(responses.map((id) => table?.tokens.get(id) ?? 0)),
    rows: words(all.slice(0, taken).map(([id = 0]) => audit.rowNumber(id))),
    more: all.length - taken,
  };
}
