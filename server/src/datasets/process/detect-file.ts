import { factsOf, isText, type DatasetFormat, type FieldMapping } from '../formats.js';
import { detectFormat, readDataset } from './tasks.js';

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
  // Detection looks into text alone: of others their first row tells.
  if (format !== undefined && !isText(format.container) && mapping !== undefined)
    if (!(await begins(path, mapping)) && (await begins(path))) mapping = undefined;
  return { format, mapping };
}

/** Is it surely a data set, by what stands in it? */
export async function holdsRows(path: string, given: FieldMapping | undefined): Promise<boolean> {
  const { format, mapping } = await detectFile(path, given);
  if (format === undefined) return false;
  if (!isText(format.container)) return begins(path, mapping);
  return format.schema !== 'unknown' && factsOf(format.container).holds !== 'prose';
}

/** Is the file's first record understood? */
async function begins(path: string, mapping?: FieldMapping): Promise<boolean> {
  for await (const event of readDataset({ path }, { ...(mapping && { mapping }) }))
    return event.type === 'row';
  return false;
}
