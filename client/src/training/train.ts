import { readFile } from 'node:fs/promises';
import { parse } from 'jsonc-parser/lib/esm/main.js';
import {
  ConfigurationTarget,
  languages,
  ProgressLocation,
  Uri,
  ViewColumn,
  window,
  workspace,
  type DiagnosticCollection,
  type Disposable,
  type ExtensionContext,
  type TextDocument,
} from 'vscode';
import { inform } from '../tell.js';
import { messageOf } from '../../../server/src/errors.js';
import type { TrainEvent } from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { tokenOf, toolSetup } from '../tool/setup.js';
import { runTool } from '../tool/tool.js';
import { configProblems } from './config-problems.js';

const CONFIGS = '**/{train,*.train}.json';
const isConfig = ({ path }: Uri): boolean => /(^|\/|\.)train\.json$/.test(path);

/** A first config: what most people change, the rest by completion from the schema. */
const TEMPLATE = `{
  "name": "My QRM",
  "attributes": [
    { "file": "ratings.jsonl", "pairs": true }
  ],
  "pairs": [
    { "file": "pairs.jsonl" }
  ],
  "out": "my-qrm",
  "components": 32,
  "l1": "auto",
  "gate": { "hidden": [16], "epochs": 30, "patience": 5 }
}
`;

/** `QRM Lens: Train Model…`: a config, run with progress, its problems in place, its pictures in a view. */
export class Training implements Disposable {
  private readonly problems: DiagnosticCollection =
    languages.createDiagnosticCollection('qrm train');
  private running = false;

  constructor(
    private readonly extension: ExtensionContext,
    private readonly context: Context,
  ) {}

  /** @throws Error in an untrusted workspace, or while a model is trained */
  async start(argument: unknown): Promise<void> {
    // A config names files and a backbone.
    if (!workspace.isTrusted) throw new Error('nothing is trained in an untrusted workspace');
    if (this.running) throw new Error('a model is being trained already');
    const config = await this.pick(argument);
    if (config === undefined) return;
    const document = await workspace.openTextDocument(config);
    if (!(await document.save())) return;
    this.problems.delete(config);
    this.running = true;
    try {
      await this.run(document);
    } finally {
      this.running = false;
    }
  }

  private async pick(argument: unknown): Promise<Uri | undefined> {
    if (argument instanceof Uri) return argument;
    const active = window.activeTextEditor?.document.uri;
    if (active !== undefined && isConfig(active)) return active;
    const found = await workspace.findFiles(CONFIGS, '**/node_modules/**', 50);
    const items = found.map((uri) => ({ label: workspace.asRelativePath(uri), uri }));
    const fresh = {
      label: '$(new-file) A new train.json…',
      description: 'with the fields that most people change',
      uri: undefined,
    };
    const picked = await window.showQuickPick([...items, fresh], {
      title: 'QRM Lens: train a model',
      placeHolder: 'The config of the run',
    });
    if (picked === undefined || picked.uri !== undefined) return picked?.uri;
    const content = { language: 'json', content: TEMPLATE };
    await window.showTextDocument(await workspace.openTextDocument(content));
    inform('name your files, save it as train.json, and run Train Model… again.');
    return undefined;
  }

  private async run(document: TextDocument): Promise<void> {
    const env = atSetting(document) ? await tokenOf(this.extension) : {};
    const setup = { ...toolSetup(this.extension), env };
    const { log } = this.context;
    const location = ProgressLocation.Notification;
    const title = 'QRM Lens: training';
    try {
      const made = await window.withProgress(
        { location, title, cancellable: true },
        (progress, token) => {
          const follow = (event: Exclude<TrainEvent, { type: 'done' }>): void => {
            if (event.type === 'note') log.info(`train: ${event.text}`);
            if (event.type === 'progress') progress.report({ message: inWords(event) });
          };
          const args = ['train', '--config', document.uri.fsPath];
          return runTool<TrainEvent>(args, { ...setup, token }, follow);
        },
      );
      if (made === undefined) {
        inform('training was cancelled. Train Model… goes on from there.');
        return;
      }
      await this.show(made.done.report);
      await this.offer(made.done.out);
    } catch (error) {
      const problems = configProblems(document, messageOf(error));
      this.problems.set(document.uri, problems);
      throw new Error(problems[0]?.message ?? messageOf(error), { cause: error });
    }
  }

  /** The run's report: a page without script, whose own policy allows its style alone. */
  private async show(report: string): Promise<void> {
    const panel = window.createWebviewPanel(
      'qrmLens.training',
      'QRM Lens: Training',
      ViewColumn.Beside,
      { enableScripts: false, localResourceRoots: [] },
    );
    panel.webview.html = await readFile(report, 'utf8');
  }

  private async offer(out: string): Promise<void> {
    const use = 'Use This Model';
    const card = 'Open Card';
    const answer = await window.showInformationMessage(`QRM Lens: trained ${out}.`, use, card);
    if (answer === card) {
      await window.showTextDocument(Uri.joinPath(Uri.file(out), 'README.md'));
    } else if (answer === use) {
      const settings = workspace.getConfiguration('qrmLens');
      await settings.update('model.path', out, ConfigurationTarget.Global);
    }
  }

  dispose(): void {
    this.problems.dispose();
  }
}

/** Whether the features come from `qrmLens.endpoint`: its token goes there alone, whatever a config names. */
function atSetting(document: TextDocument): boolean {
  const wanted = workspace.getConfiguration('qrmLens').get<string>('endpoint', '').trim();
  const config = parse(document.getText()) as { endpoint?: unknown } | undefined;
  return wanted !== '' && config?.endpoint === wanted;
}

function inWords({
  stage,
  fraction,
  note,
  left,
}: Extract<TrainEvent, { type: 'progress' }>): string {
  const percent = `${Math.floor(100 * fraction)} %`;
  return [`${stage} ${percent}`, note, left && `${left} left`].filter(Boolean).join(', ');
}
