// Datasets in the containers that have no lines of JSON: CSV and Parquet, written and read without the project.
import { parquetReadObjects, asyncBufferFromFile } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';

/** RFC 4180: every field quoted, so that a payload may hold quotes, commas and line ends. */
export function csvOf(records) {
  const names = Object.keys(records[0]);
  const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
  return [names, ...records.map((record) => names.map((name) => record[name]))]
    .map((fields) => `${fields.map(quoted).join(',')}\r\n`)
    .join('');
}

/** The fields of an RFC 4180 text, a record at a time. */
export function parseCsv(text) {
  const records = [];
  let record = [];
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/gy;
  for (
    let found = field.exec(text);
    found && field.lastIndex <= text.length;
    found = field.exec(text)
  ) {
    const [, raw, end] = found;
    record.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (end === ',') continue;
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
    if (field.lastIndex >= text.length) break;
  }
  const [names, ...rows] = records;
  return rows.map((fields) => Object.fromEntries(names.map((name, n) => [name, fields[n]])));
}

/** A Parquet file with a column of text for every field of the records. */
export function parquetOf(records) {
  const columnData = Object.keys(records[0]).map((name) => ({
    name,
    type: 'STRING',
    data: records.map((record) => record[name]),
  }));
  return Buffer.from(parquetWriteBuffer({ columnData }));
}

export async function readParquet(path) {
  return parquetReadObjects({ file: await asyncBufferFromFile(path) });
}
