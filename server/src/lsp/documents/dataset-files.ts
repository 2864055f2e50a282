import {
  containerOfName,
  detectFormat,
  factsOf,
  splitMarkdown,
  type DatasetFormat,
  type FieldMapping,
} from '../../datasets/index.js';
import { mappingFor } from '../../datasets/process/index.js';

const HEAD = 256 * 1024;

export interface Detected {
  readonly format: DatasetFormat;
  /** What it is read with. */
  readonly mapping: FieldMapping | undefined;
  /** Surely data to audit: worth doing without being asked. */
  readonly sure: boolean;
}

/** May an edit of the lines from `line` on have made the text one of another format? */
export function mayChangeFormat(lines: readonly string[], line: number): boolean {
  let length = 0;
  for (let n = 0; n < line && length <= HEAD; n++) length += lines[n]?.length ?? 0;
  return length <= HEAD;
}

/** What an open text is, from its beginning: so little is looked at here, no other process is waited for. */
export async function detectText(
  lines: readonly string[],
  name: string,
  given?: FieldMapping,
): Promise<Detected | undefined> {
  let head = '';
  for (const line of lines) {
    head += line;
    if (head.length > HEAD) break;
  }
  const format = await detectFormat({ bytes: Buffer.from(head), name }, undefined, given);
  if (format === undefined) return undefined;
  const facts = factsOf(format.container);
  if (facts.holds === 'prose') return { format, mapping: undefined, sure: isTranscript(head) };
  return {
    format,
    mapping: mappingFor(format, given),
    sure: namedData(name) || format.schema !== 'unknown',
  };
}

const namedData = (name: string): boolean => {
  const container = containerOfName(name);
  return container !== undefined && factsOf(container).holds === 'data';
};

/** Two questions with their answers, one after the other, are no accident of a README. */
function isTranscript(text: string): boolean {
  const roles = splitMarkdown(text.replaceAll('\r\n', '\n')).map((t) => t.role);
  const answered = roles.filter((role, n) => role === 'assistant' && roles[n - 1] === 'user');
  return answered.length >= 2 || (answered.length === 1 && roles.length === 2);
}
