/** Where the parts that the bench keeps begin: what stands before, and under headings of others, is not touched. */
const KEPT = '# Kept by `npm run bench`';

/**
 * RESULTS.md with one part of one processor's results put in the place of the last: `## PROCESSOR`, in it `### PART`
 * and what was printed.
 */
export function withResult(text: string, processor: string, part: string, printed: string): string {
  const [before, kept = ''] = text.split(`${KEPT}\n`);
  const processors = sections(kept, '## ');
  const parts = sections(processors.get(processor) ?? '', '### ');
  parts.set(part, `\n\`\`\`\n${printed.trim().replaceAll('```', "'''")}\n\`\`\`\n`);
  processors.set(processor, `\n${joined(parts, '### ')}`);
  return `${before!.trimEnd()}\n\n${KEPT}\n\n${joined(processors, '## ').trimEnd()}\n`;
}

/** Bodies by heading, in order; what is printed stands indented by nothing but in fences, so that no line of it is one. */
function sections(text: string, mark: string): Map<string, string> {
  const out = new Map<string, string>();
  let name: string | undefined;
  let fenced = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) fenced = !fenced;
    if (!fenced && line.startsWith(mark)) {
      name = line.slice(mark.length);
      out.set(name, '');
    } else if (name !== undefined) out.set(name, `${out.get(name)!}${line}\n`);
  }
  return out;
}

const joined = (parts: ReadonlyMap<string, string>, mark: string): string =>
  [...parts].map(([name, body]) => `${mark}${name}\n${body.trimEnd()}\n`).join('\n');
