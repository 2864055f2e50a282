import { basename } from 'node:path';
import { parseMapping, type FieldMapping } from '../../datasets/index.js';
import type { LineDocument } from '../../live/text/line-document.js';
import { nameOf } from '../../live/uris.js';
import { detectText, type Detected } from './dataset-files.js';

/** The setting `qrmLens.mapping` of each document's folder. */
export class Mappings {
  private readonly known = new Map<string, Promise<FieldMapping | undefined>>();
  private readonly told = new Set<string>();
  /** Another one after every `forget`. */
  version = 0;

  /** @param ask gives the setting as the editor has it for a document */
  constructor(
    private readonly ask: (uri: string) => Promise<unknown>,
    private readonly warn: (message: string) => void,
  ) {}

  of(uri: string): Promise<FieldMapping | undefined> {
    let mapping = this.known.get(uri);
    if (mapping === undefined) {
      mapping = this.ask(uri).then((value) =>
        parseMapping(value, 'qrmLens.mapping', (message) => this.tell(message)),
      );
      this.known.set(uri, mapping);
    }
    return mapping;
  }

  /** What a text is with the mapping that its folder has by then. */
  async detect({ uri, lines }: LineDocument): Promise<Detected | undefined> {
    for (;;) {
      const { version } = this;
      const found = await detectText(lines, basename(nameOf(uri)), await this.of(uri));
      if (version === this.version) return found;
    }
  }

  /** Once, however many files the setting is for. */
  private tell(message: string): void {
    if (this.told.has(message)) return;
    this.told.add(message);
    this.warn(message);
  }

  /** The settings are others now. */
  forget(): void {
    this.version++;
    this.known.clear();
    this.told.clear();
  }
}
