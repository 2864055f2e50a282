import type { DatasetFormat, FieldMapping } from '../../datasets/index.js';
import { detectFormat, readDataset } from '../../datasets/process/index.js';

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
