import type { Document } from '../data/documents.js';
import { NO_FINDING } from '../data/rows.js';
import type { Host } from '../host.js';
import { debounced } from '../ui/dom.js';
import type { Charts } from './charts/charts.js';
import type { Preview } from './preview.js';
import type { FindingTable, Item } from './table.js';
import type { Texts } from './texts.js';

/** Where the response chosen is shown. */
export interface ChoiceParts {
  readonly documents: readonly Document[];
  readonly charts: Charts;
  readonly table: FindingTable;
  readonly preview: Preview;
  readonly texts: Texts;
}

/** The one response looked at: marked in charts and table, in the preview, and shown in its text. */
export class Choice {
  private item: Item | undefined;
  private epoch = 0;

  constructor(
    private readonly host: Host,
    private readonly parts: () => ChoiceParts,
  ) {}

  forget(): void {
    this.item = undefined;
  }

  /** The number of a response means another one in another epoch. */
  outdate(): void {
    const { documents, charts } = this.parts();
    if (this.item === undefined) return;
    if (documents[this.item.document]?.summary.epoch === this.epoch) return;
    this.item = undefined;
    charts.choose(undefined);
  }

  choose(item: Item, { detail = false, fromTable = false } = {}): void {
    this.item = item;
    this.mark(!fromTable);
    if (detail) this.openDetail(item);
    else this.revealSoon();
  }

  /** The cursor moved to it in the text. */
  follow(uri: string, epoch: number, response: number): void {
    const document = this.parts().documents.findIndex(
      ({ summary }) => summary.uri === uri && summary.epoch === epoch,
    );
    const same = this.item?.document === document && this.item.response === response;
    if (document < 0 || same) return;
    this.item = { document, response, code: NO_FINDING };
    this.mark(true);
  }

  private mark(moveTable: boolean): void {
    if (this.item === undefined) return;
    const { document, response } = this.item;
    const { documents, charts, table } = this.parts();
    this.epoch = documents[document]?.summary.epoch ?? 0;
    charts.choose({ document, response });
    if (moveTable) table.show(document, response);
    this.showPreview();
  }

  showPreview(): void {
    const { preview, documents, texts } = this.parts();
    preview.show(this.item, documents, texts);
  }

  /** Holding an arrow key down must not open a text for each row passed. */
  private readonly revealSoon = debounced(() => {
    if (this.item) this.reveal(this.item, false);
  }, 120);

  reveal({ document, response }: Item, focus: boolean): void {
    const d = this.parts().documents[document]?.summary;
    if (d) this.host.post({ type: 'reveal', uri: d.uri, epoch: d.epoch, response, focus });
  }

  openDetail({ document, response }: Item): void {
    const d = this.parts().documents[document]?.summary;
    if (d) this.host.post({ type: 'openDetail', uri: d.uri, epoch: d.epoch, response });
  }
}
