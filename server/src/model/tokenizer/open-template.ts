import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../errors.js';
import { ChatTemplate, specialTokens, templateOf } from './chat-template.js';
import { TemplateReader } from './template-reader.js';
import { isFields } from '../../fields.js';

/**
 * Opens the reader of what the chat template of a tokenizer’s folder makes; no vocabulary is needed for it.
 * @throws Error naming the file and what was expected
 */
export async function openTemplateReader(folder: string): Promise<TemplateReader> {
  const path = join(folder, 'tokenizer_config.json');
  let config: unknown;
  try {
    config = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`${path}: expected a tokenizer's settings: ${messageOf(error)}`);
  }
  if (!isFields(config)) throw new Error(`${path}: expected a JSON object`);
  const jinja = join(folder, 'chat_template.jinja');
  const [source, where] = existsSync(jinja)
    ? [await readFile(jinja, 'utf8'), jinja]
    : [templateOf(config, path), path];
  const reader = new TemplateReader(new ChatTemplate(source, config, where), specialTokens(config));
  if (!reader.usable)
    throw new Error(
      `${where}: the template is no row of turns with marks between them: its texts cannot be read back`,
    );
  return reader;
}
