import {
  findNodeAtLocation,
  parseTree,
  type JSONPath,
  type Node,
} from 'jsonc-parser/lib/esm/main.js';
import { Diagnostic, DiagnosticSeverity, Range, type TextDocument } from 'vscode';

/** `gate.hidden[0]` as keys and indices. */
const pathOf = (field: string): JSONPath =>
  [...field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, key, index]) => key ?? Number(index));

/** The field that a message begins with (`--layer` is `layer`), or `endpoint` where that is one of its URLs. */
function nodeOf(root: Node, text: string): Node | undefined {
  const field = /^(?:--)?([^\s:]+)/.exec(text)?.[1] ?? '';
  const endpoint = findNodeAtLocation(root, ['endpoint']);
  const urls = typeof endpoint?.value === 'string' ? endpoint.value.split(',') : [];
  if (urls.some((url) => url.trim() !== '' && text.startsWith(url.trim()))) return endpoint;
  return findNodeAtLocation(root, pathOf(field));
}

/**
 * What `qrm train` found wrong with its config, at the fields that it names; on the first line where it
 * names none.
 * @param message lines such as `/path/train.json: gate.temperature: found -1, expected 0.001 or more`
 */
export function configProblems(document: TextDocument, message: string): Diagnostic[] {
  const root = parseTree(document.getText());
  const prefix = `${document.uri.fsPath}: `;
  return message
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const text = line.replace(/^qrm: /, '').replace(prefix, '');
      const node = root && nodeOf(root, text);
      const range =
        node === undefined
          ? document.lineAt(0).range
          : new Range(
              document.positionAt(node.offset),
              document.positionAt(node.offset + node.length),
            );
      const problem = new Diagnostic(range, text, DiagnosticSeverity.Error);
      problem.source = 'qrm train';
      return problem;
    });
}
