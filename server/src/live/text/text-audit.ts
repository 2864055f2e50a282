import { problemFinding, type ProblemFinding } from '../../audit/index.js';
import { partsOf, placeOf, type Container, type FieldMapping } from '../../datasets/index.js';
import type { DatasetRow, Place } from '../../datasets/types.js';
import type { TextSpot } from '../../protocol/index.js';
import { LineEntries, RecordEntries, type Entries } from './entries.js';
import { hiddenBytes, lineStarts, placeAt, type FilePlaces } from './file-places.js';
import type { Ledger } from '../../audit/index.js';
import type { LineDocument } from './line-document.js';
import { LiveAudit, type AuditEvents, type AuditSettings } from '../live-audit.js';
import type { RowEntry } from './row-entry.js';
import { contains, spotAt } from '../spots.js';

/** Where the responses of a text stand while it is edited. */
export abstract class TextAudit extends LiveAudit {
  readonly entries: Entries;
  /** The entry of each response, by number. */
  protected owners: (RowEntry | undefined)[] = [];

  constructor(
    readonly document: LineDocument,
    readonly container: Container,
    private readonly name: string,
    events: AuditEvents,
    settings: AuditSettings,
    /** Of its fields, where they have other names. */
    readonly mapping?: FieldMapping,
  ) {
    super(document.uri, events, settings);
    this.entries =
      container === 'jsonl'
        ? new LineEntries(document, mapping)
        : new RecordEntries(document, container, name, mapping);
  }

  protected override refresh(): void {
    for (const entry of this.entries.all())
      for (const id of entry.ids) this.ledger?.table.row.set(id, entry.row);
  }

  /** How its rows are read, by whoever reads them. */
  get reading(): { format: Container; mapping?: FieldMapping } {
    const { container: format, mapping } = this;
    return { format, ...(mapping && { mapping }) };
  }

  /** The document as a reader's source. */
  source() {
    const { document, name } = this;
    async function* stream() {
      yield* document.chunks();
    }
    return { stream: stream(), name };
  }

  spot(response: number): TextSpot {
    const entry = this.owners[response];
    if (entry === undefined) return { line: 0, column: 0, endLine: 0, endColumn: 0 };
    return spotAt(this.placeIn(entry, response), this.entries.shift(entry));
  }

  /** Of a JSON Lines row it counts from the row's own beginning, else from the document's. */
  private placeIn(entry: RowEntry, response: number): Place {
    const { table } = this.ledger as Ledger;
    return entry.data === undefined
      ? table.place(response)
      : placeOf(entry.data, table.conversation.get(response), table.target.get(response));
  }

  override async filePlaces(tick: () => Promise<void>): Promise<FilePlaces> {
    const hidden = await hiddenBytes(this.document);
    const starts =
      this.container === 'jsonl' ? await lineStarts(this.document, tick) : new Float64Array();
    const bytes = (entry?: RowEntry) => hidden + ((entry && starts[entry.line]) ?? 0);
    return {
      of: (id) => {
        const entry = this.owners[id];
        if (entry === undefined) return (this.ledger as Ledger).table.place(id);
        return placeAt(this.placeIn(entry, id), this.entries.shift(entry), bytes(entry));
      },
      problems: () => this.problems(bytes),
    };
  }

  row(response: number): Promise<DatasetRow | undefined> {
    const entry = this.owners[response];
    return Promise.resolve(entry && !entry.dead ? this.entries.data(entry) : undefined);
  }

  rowNumber(response: number): number {
    return this.owners[response]?.row ?? 0;
  }

  locate(line: number, column: number): number | undefined {
    const ids = this.entries.at(line)?.ids ?? [];
    return (
      ids.find((id) => contains(this.spot(id), line, column)) ??
      ids.find((id) => this.partAt(id, line, column) !== undefined) ??
      ids[0]
    );
  }

  override partAt(response: number, line: number, column: number): TextSpot | undefined {
    const first = super.partAt(response, line, column);
    const entry = this.owners[response];
    const { table } = this.ledger ?? {};
    if (first !== undefined || entry === undefined || table === undefined) return first;
    const row = this.entries.data(entry);
    return (
      row &&
      partsOf(row, table.conversation.get(response), table.target.get(response))
        .map((place) => spotAt(place, this.entries.shift(entry)))
        .find((spot) => contains(spot, line, column))
    );
  }

  /** @param bytes to add to the offsets of an entry's places, or of no entry's */
  *problems(bytes: (entry?: RowEntry) => number = () => 0): Generator<ProblemFinding> {
    for (const problem of this.entries.loose)
      yield problemFinding(0, { ...problem, place: placeAt(problem.place, 0, bytes()) });
    // Where nothing is understood, the text is no data set: that is said once.
    const once = !this.holdsRows();
    let told = false;
    for (const entry of this.entries.all())
      for (const problem of entry.problems) {
        if (problem.foreign && once && told) continue;
        told ||= problem.foreign === true;
        const place = placeAt(problem.place, this.entries.shift(entry), bytes(entry));
        yield problemFinding(0, { ...problem, index: entry.row, place });
      }
  }

  problemCount(): number {
    let count = this.entries.loose.length;
    let foreign = 0;
    for (const entry of this.entries.all())
      for (const problem of entry.problems) {
        if (problem.foreign) foreign++;
        else count++;
      }
    return count + (foreign > 1 && !this.holdsRows() ? 1 : foreign);
  }

  /** Is one of its records understood? */
  private holdsRows(): boolean {
    for (const entry of this.entries.all()) if (entry.state !== 'bad') return true;
    return false;
  }

  *inOrder(): Generator<number> {
    for (const entry of this.entries.all()) if (!entry.dead) yield* entry.ids;
  }

  override stamp(): string {
    return `${super.stamp()} ${this.document.revision}`;
  }
}
