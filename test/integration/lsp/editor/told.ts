import type { Diagnostic } from 'vscode-languageserver-protocol/node.js';
import type { FindingBatch, ResponseText } from '../../../../server/src/protocol/index.js';
import type { Client, Columns } from './client.js';

/** All that is told of a document, in words that do not depend on how responses are numbered. */
export async function told(client: Client, uri: string): Promise<unknown> {
  const failed = (error: unknown) =>
    String(error).replaceAll(uri, 'URI').replaceAll(client.folder, '');
  const audited = await client.audit(uri).catch(failed);
  if (typeof audited === 'string') return audited.replace(/\/\d+\//, '/');
  const { epoch, state, rows, scored, counts, thresholds, tau, lambda } = audited;
  const byId = new Map<number, Columns>();
  for (const column of await client.columns(audited)) byId.set(column.id, column);
  const live = [...byId.values()].filter((c) => c.kind !== 255);
  const where = (id: number | undefined) => {
    const c = byId.get(id ?? -1);
    return c && `row ${c.row} line ${c.line} kind ${c.kind}`;
  };
  const columns = live
    .map(({ id, partner, ...rest }) => ({ ...rest, at: where(id), partner: where(partner) }))
    .sort((a, b) => a.row - b.row || a.line - b.line || a.kind - b.kind);
  const list = await client.request<FindingBatch>('qrmLens/findings', {
    uri,
    epoch,
    from: 0,
    limit: 20_000,
  });
  const found = list.response.map((id, n) => [where(id), list.code[n], list.severity[n]]);
  const texts = await client.request<ResponseText[]>('qrmLens/texts', {
    uri,
    epoch,
    responses: list.response,
  });
  const messages = texts.map(({ response, findings, ...text }) => ({
    ...text,
    at: where(response),
    findings: findings.map(({ related, ...f }) => ({ ...f, related: where(related) })),
  }));
  const diagnostics = client.last(uri).map(({ data: _, relatedInformation, ...d }: Diagnostic) => ({
    ...d,
    related: relatedInformation?.map(({ location, message }) => ({
      range: location.range,
      message,
    })),
  }));
  return {
    state,
    rows,
    scored,
    counts,
    thresholds,
    tau,
    lambda,
    columns,
    found,
    messages,
    diagnostics,
  };
}
