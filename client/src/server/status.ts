import { languages, LanguageStatusSeverity, type Disposable } from 'vscode';
import { plural, type StatusParams } from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { SELECTOR } from '../documents/documents.js';

/** The items of the language bar: the model with its device and queue, and how to change them. */
export function statusItems(context: Context): Disposable[] {
  const model = languages.createLanguageStatusItem('qrmLens.model', SELECTOR);
  model.name = 'QRM Lens: model';
  model.text = 'QRM Lens';
  model.detail = 'not started';
  model.command = { command: 'qrmLens.selectModel', title: 'Select Model' };
  const device = languages.createLanguageStatusItem('qrmLens.device', SELECTOR);
  device.name = 'QRM Lens: execution provider';
  device.text = 'device not chosen yet';
  device.command = { command: 'qrmLens.selectDevice', title: 'Change' };
  const show = (s: StatusParams) => {
    model.busy = s.state === 'loading' || s.state === 'scoring';
    model.severity =
      s.state === 'error' ? LanguageStatusSeverity.Error : LanguageStatusSeverity.Information;
    model.text = s.model?.name ?? 'QRM Lens';
    model.detail =
      s.state === 'error' || s.state === 'loading'
        ? (s.message ?? s.state)
        : s.queue > 0
          ? `${plural(s.queue, 'response')} waiting, ${s.rate.toFixed(1)}/s`
          : 'idle';
    if (s.model !== undefined) {
      device.text = `${s.model.executionProvider}, ${s.model.precision}`;
      const rate = Math.round(s.tokenRate ?? 0);
      const speed = rate > 0 ? `${rate.toLocaleString('en-US')} tokens/s, ` : '';
      device.detail = `${speed}context of ${s.model.maxTokens} tokens`;
    }
  };
  return [model, device, context.onStatus(show)];
}
