import {
  detectFormat,
  parseMapping,
  readDataset,
  type DatasetFormat,
  type FieldMapping,
} from '../datasets/index.js';

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

/**
 * The mapping where it is for a file: not where the first record has none of its fields, and is
 * understood by its own.
 * @param format as detection with the mapping found it
 */
export const mappingFor = (
  format: DatasetFormat | undefined,
  mapping: FieldMapping | undefined,
): FieldMapping | undefined =>
  format?.schema === 'mapped' || format?.schema === 'unknown' ? mapping : undefined;

/**
 * What a file is and which mapping it is read with.
 * @throws what reading the file throws (no such file, no permission)
 */
export async function detectFile(
  path: string,
  given: FieldMapping | undefined,
): Promise<{ format: DatasetFormat | undefined; mapping: FieldMapping | undefined }> {
  const format = await detectFormat({ path }, undefined, given);
  let mapping = mappingFor(format, given);
  // Detection does not look into Parquet: its first row tells.
  if (format?.container === 'parquet' && mapping !== undefined)
    if (!(await begins(path, mapping)) && (await begins(path))) mapping = undefined;
  return { format, mapping };
}

/** Is the file's first record understood? */
export async function begins(path: string, mapping?: FieldMapping): Promise<boolean> {
  for await (const event of readDataset({ path }, { ...(mapping && { mapping }) }))
    return event.type === 'row';
  return false;
}
