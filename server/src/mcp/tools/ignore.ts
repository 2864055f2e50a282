import * as z from 'zod';
import { UsageError } from '../../errors.js';
import { FINDING_CODES } from '../../protocol/index.js';
import { pathShape, type McpContext } from '../context.js';
import { Call } from '../progress.js';
import { structured } from '../results.js';

/** `ignore`: writes a finding into the ignore file. */
export function addIgnore({ server, folders, audits, ignores }: McpContext): void {
  let writing: Promise<unknown> = Promise.resolve();
  server.registerTool(
    'ignore',
    {
      title: 'Ignore a finding',
      description:
        'Writes a finding into .qrm-ignore.json, beside the file or in its allowed folder: it is not told again by any tool, editor or report. The data set itself is never changed. Ask the user before.',
      annotations: {
        readOnlyHint: false,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: false,
      },
      inputSchema: {
        path: pathShape,
        hash: z
          .string()
          .regex(/^[0-9a-f]{16}$/, 'expected the 16 hexadecimal digits of a finding’s hash')
          .describe('The finding’s hash, from audit_file or list_findings.'),
        code: z.enum(FINDING_CODES).describe('The finding’s code.'),
      },
      outputSchema: {
        ignoreFile: z.string(),
        hash: z.string(),
        code: z.string(),
        written: z.boolean().describe('False: it was ignored already.'),
        findingsLeft: z.number().int().describe('Of this response.'),
      },
    },
    async ({ path, hash, code }, extra) => {
      const call = new Call(extra);
      const file = await folders.file(path);
      ignores.forget();
      const { audit } =
        (await audits.known(file)) ?? (await audits.run(file, audits.settings(file), call));
      const { table } = audit;
      const write = async () => {
        ignores.forget();
        const here = [...Array(table.length).keys()].filter((i) => table.hash(i) === hash);
        if (here.length === 0)
          throw new UsageError(`${file.shown}: no response has the hash ${hash}`);
        if (ignores.of(file.path)(hash, code)) return { written: false };
        const of = new Set(here);
        const found = [...audit.findings()].filter((f) => 'response' in f && of.has(f.response));
        const line = table.place(here[0] ?? 0).line + 1;
        if (!found.some((f) => f.code === code)) {
          const codes = [...new Set(found.map((f) => f.code))].join(', ');
          throw new UsageError(
            `${file.shown}:${line}: no finding ${code} of this response; its findings: ${codes || 'none'}`,
          );
        }
        const ignoreFile = await ignores.add(file.path, hash, code);
        return { written: true, ignoreFile };
      };
      const done = writing.then(write, write);
      writing = done.catch(() => undefined);
      const { written, ignoreFile } = await done;
      const left = [...audit.findings()].filter(
        (f) => 'response' in f && table.hash(f.response) === hash,
      );
      return structured({
        ignoreFile: ignoreFile ?? ignores.fileFor(file.path),
        hash,
        code,
        written,
        findingsLeft: left.length,
      });
    },
  );
}
